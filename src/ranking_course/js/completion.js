// Completion (chapter 6): expected share played and P(played ≥ threshold) by length, and what dividing by f(length)
// does to the order of a few videos. Texts, fits of f and videos come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, integer, number, percent, two } from "bookwork/format";
import { level, line, linesOf, point, points, readAlong, readPoints, rule, tableOf, textsOf } from "bookwork/picture";
import { range } from "bookwork/scales";
import { median, normalCdf, order, placesOf } from "ranking_course/statistics";

const STRENGTHS = range(16).map((i) => i / 10);
const LENGTHS = [7, 600]; // seconds on the axes, the shortest and the longest video of the simulator
const NAMED_LENGTHS = [10, 30, 60, 180, 600];

// ---------------------------------------------------------------- formulas, the same as in ranking.watch_time

/** E[min(t, d)] / d, ln t being N(mu, sigma²). */
function expectedShare(mu, sigma, duration) {
  const end = (Math.log(duration) - mu) / sigma;
  return (Math.exp(mu + sigma ** 2 / 2) * normalCdf(end - sigma)) / duration + normalCdf(-end);
}

/** P(t ≥ threshold d). */
const reaches = (mu, sigma, duration, threshold) => normalCdf((mu - Math.log(threshold * duration)) / sigma);

/** Basis of a natural cubic spline at one place: 1, x and a curve for each knot but the last two. */
function naturalSpline(place, knots) {
  const span = knots.at(-1) - knots[0];
  const x = (place - knots[0]) / span;
  const at = knots.map((knot) => (knot - knots[0]) / span);
  const cube = (v) => Math.max(v, 0) ** 3;
  const bend = (k) => (cube(x - at[k]) - cube(x - at.at(-1))) / (at.at(-1) - at[k]);
  const last = bend(at.length - 2);
  return [1, x, ...at.slice(0, -2).map((_, k) => bend(k) - last)];
}

/** f(length): the usual completion, by a logistic regression on the spline of ln(length). */
function usual(duration, { knots, coefficients }) {
  const basis = naturalSpline(Math.log(duration), knots);
  return 1 / (1 + Math.exp(-basis.reduce((sum, value, i) => sum + value * coefficients[i], 0)));
}

const corrected = (p, usualThere, strength) => p / usualThere ** strength;

/** Ranks from 1 up, by rising value; equal values share their mean rank. */
function ranks(values) {
  const count = (matches) => values.filter(matches).length;
  return values.map((value) => count((other) => other < value) + (count((other) => other === value) + 1) / 2);
}

/** Spearman's rank correlation; null where all values of a list are equal. */
function rankCorrelation(a, b) {
  const middle = (a.length + 1) / 2;
  const [p, q] = [a, b].map((values) => ranks(values).map((rank) => rank - middle));
  const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const scale = Math.sqrt(dot(p, p) * dot(q, q));
  return scale === 0 ? null : dot(p, q) / scale;
}

/** Places from 1 down by score; the earlier stays ahead of an equal. */
const places = (scores) => placesOf(order(scores));

/** μ without its part of length: interest as ln seconds at a length of one minute. */
const interestOf = (mu, duration, lengthEffect) => mu - lengthEffect * Math.log(duration / 60);

// ---------------------------------------------------------------- pictures

function lengthText(seconds, labels) {
  const [template, n] = seconds < 60 ? [labels.seconds, seconds] : [labels.minutes, seconds / 60];
  return fill(template, { n: formatNumber(n, "short") });
}

const lengthAxis = (labels) => ({
  scale: "log", domain: LENGTHS, label: labels.length, ticks: NAMED_LENGTHS,
  texts: NAMED_LENGTHS.map((d) => lengthText(d, labels)),
});
const lengthColumn = (labels) => [labels.length, (d) => lengthText(d, labels)];
const GRID = range(49).map((i) => LENGTHS[0] * (LENGTHS[1] / LENGTHS[0]) ** (i / 48));
const LISTED = [...new Set([LENGTHS[0], 10, 15, 30, 60, 120, 180, 300, LENGTHS[1]])];
const START = GRID.findIndex((d) => d >= 60); // of a readout
const OWN = "completion"; // the colour

/** Both targets by length for one interest, and what is usual. */
function targetsPicture({ texts, target, middling, usual: f, lengths, raw }, labels) {
  const width = (kind) => (kind === target ? 3.5 : 1.5);
  const curve = (name, kind, label) =>
    line(name, GRID, GRID.map((d) => middling[kind](d)), OWN, { width: width(kind), label });
  const columns = [
    lengthColumn(labels), [texts.reaches_name, (d) => percent(middling.reaches(d))],
    [labels.share, (d) => percent(middling.share(d))], [labels.usual, (d) => percent(f(d))],
  ];
  return {
    ...textsOf(labels, "targets", texts),
    x: lengthAxis(labels),
    y: { domain: [0, 1], label: labels.completion, format: "percent" },
    series: [
      points(labels.candidate, lengths, raw, OWN, { size: 2.5 }),
      curve(texts.reaches_name, "reaches", { prefer: 0.15, side: "below" }),
      curve(labels.share, "share", { prefer: 0.75, side: "above" }),
      line(labels.usual, GRID, GRID.map(f), "ink", { width: 1.5, dash: true, label: { prefer: 0.45 } }),
    ],
    readout: readAlong(GRID, (d) => [linesOf(columns, d), [middling[target](d), OWN], [f(d), "ink"]], START),
    table: tableOf(LISTED, columns),
  };
}

/** The score by length for one interest, raw and corrected, and the scores of the videos. */
function scoresPicture({ texts, strength, target, middling, usual: f, lengths, scores }, labels) {
  const raw = middling[target];
  const after = (d) => corrected(raw(d), f(d), strength);
  const bold = { width: 3.5, label: strength > 0 ? { prefer: 0.6, side: "above" } : undefined };
  const length = lengthColumn(labels);
  const [before, behind] = [[labels.raw, (d) => number(raw(d))], [labels.corrected, (d) => number(after(d))]];
  return {
    ...textsOf(labels, "scores", texts),
    x: lengthAxis(labels),
    y: { label: labels.score, extent: [0, Math.max(1, ...scores, ...GRID.map(after))] },
    series: [
      rule("1", { y: 1 }),
      points(labels.candidate, lengths, scores, OWN, { size: 3.5 }),
      line(labels.raw, GRID, GRID.map(raw), OWN, { width: 1.5, label: { prefer: 0.85, side: "below" } }),
      line(labels.corrected, GRID, GRID.map(after), OWN, bold),
    ],
    readout: readAlong(GRID, (d) => [linesOf([length, before, behind], d), [raw(d), OWN], [after(d), OWN]], START),
    table: tableOf(LISTED, [length, before, [labels.usual, (d) => number(f(d))], behind]),
  };
}

/** Each video at its length, at its place before and after. */
function ranksPicture(now, labels) {
  const { texts, videos, lengths, before, after } = now;
  const last = videos.length;
  const ticks = [5, 10, 20, 30, 40, 60, 80, 100].filter((tick) => tick <= last && (last <= 20 || tick % 10 === 0));
  const moves = before.flatMap((place, i) => [place, after[i], null]);
  const lines = (i) => [
    `${labels.item} ${videos[i].item} (${videos[i].topic})`, `${labels.length}: ${lengthText(lengths[i], labels)}`,
    `${labels.before}: ${before[i]}, ${labels.after}: ${after[i]}`, `${labels.by_interest}: ${now.byInterest[i]}`,
  ];
  const byPlace = order(after.map((place) => -place));
  return {
    ...textsOf(labels, "ranks", texts),
    x: lengthAxis(labels),
    y: { domain: [last + 0.7, 0.3], label: labels.place, format: "integer", ticks: [1, ...ticks] },
    series: [
      line("moves", lengths.flatMap((d) => [d, d, null]), moves, "ink-soft", { width: 1 }),
      points(labels.before, lengths, before, OWN, { size: 3.5, hollow: true }),
      points(labels.after, lengths, after, OWN, { size: 4.5 }),
    ],
    readout: readPoints(byPlace, (i) => [lengths[i], after[i], lines(i), OWN, before[i]]),
    table: tableOf(byPlace, [
      [labels.after, (i) => after[i]], [labels.before, (i) => before[i]],
      [labels.by_interest, (i) => now.byInterest[i]], [labels.item, (i) => videos[i].item],
      [labels.topic, (i) => videos[i].topic],
      [labels.length, (i) => lengthText(lengths[i], labels)], [texts.target, (i) => percent(now.raw[i])],
      [labels.usual, (i) => percent(now.usual(lengths[i]))], [labels.score, (i) => number(now.scores[i])],
    ]),
  };
}

/** Rank correlation with length and with interest, for every strength. */
function curvePicture({ texts, strength, correlations, interestAndLength, present: here }, labels) {
  const along = STRENGTHS.map(correlations);
  const ends = [0, STRENGTHS.at(-1)];
  const kinds = [
    { key: "interest", name: labels.with_interest, color: OWN, width: 3, marker: "circle", side: "above" },
    { key: "length", name: labels.with_length, color: "ink-soft", width: 1.75, marker: "square", side: "below" },
  ];
  const columns = kinds.map(({ key, name }) => [name, (_, i) => two(along[i][key])]);
  const marks = (i) => kinds.map(({ key, color }) => [along[i][key], color]).filter(([y]) => y !== null);
  const read = (gamma, i) => [[`γ = ${number(gamma)}`, ...linesOf(columns, gamma, i)], ...marks(i)];
  return {
    ...textsOf(labels, "curve", texts),
    x: { domain: ends, label: labels.gamma },
    y: { domain: [-1, 1], label: labels.rank_correlation },
    series: [
      rule(labels.gamma, { x: strength }),
      level(labels.interest_itself, ends, interestAndLength, "ink", { width: 1.5, dash: true, label: { prefer: 0.8 } }),
      ...kinds.map(({ key, name, color, width, side }) =>
        line(name, STRENGTHS, along.map((values) => values[key]), color, { width, label: { prefer: 0.2, side } }),
      ),
      ...kinds.map(({ key, name, color, marker }) => {
        const style = { marker, size: 6, label: { text: two(here[key]), prefer: 0 } };
        return point(`${name}, ${labels.now}`, strength, here[key], color, style);
      }),
    ],
    readout: readAlong(STRENGTHS, read, Math.round(10 * strength)),
    table: tableOf(STRENGTHS, [[labels.gamma, number], ...columns]),
  };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, settings, labels) {
  const [threshold, strength, knots, target] = settings.map((key) => model.get(key));
  const recorded = model.get("recorded");
  const { thresholds, fits, length_effect: lengthEffect, candidates: videos } = recorded;
  const smooth = recorded.knots.indexOf(knots);
  const fit = target === "share" ? fits.share[smooth] : fits.reaches[thresholds.indexOf(threshold)][smooth];
  const usualAt = (duration) => usual(duration, fit);
  const predict = {
    share: ({ mu, sigma, duration }) => expectedShare(mu, sigma, duration),
    reaches: ({ mu, sigma, duration }) => reaches(mu, sigma, duration, threshold),
  };
  const raw = videos.map(predict[target]);
  const lengths = videos.map(({ duration }) => duration);
  const usuals = lengths.map(usualAt);
  const scoresAt = (gamma) => raw.map((p, i) => corrected(p, usuals[i], gamma));
  const interest = videos.map(({ mu, duration }) => interestOf(mu, duration, lengthEffect));
  const correlations = (gamma) => {
    const scores = scoresAt(gamma);
    return { length: rankCorrelation(scores, lengths), interest: rankCorrelation(scores, interest) };
  };
  const [middle, sigma] = [median(interest), median(videos.map((video) => video.sigma))];
  const video = (duration) => ({ mu: middle + lengthEffect * Math.log(duration / 60), sigma, duration });
  const middling = { share: (d) => predict.share(video(d)), reaches: (d) => predict.reaches(video(d)) };
  const scores = scoresAt(strength);
  const [before, after, first] = [places(raw), places(scores), Math.max(...scores)];
  const [start, now] = [correlations(0), correlations(strength)];
  const interestAndLength = rankCorrelation(interest, lengths);
  const moves = videos.map((_, i) => Math.abs(after[i] - before[i]));
  const most = moves.indexOf(Math.max(...moves));
  const [shortest, longest] = LENGTHS;
  const scoreOf = (d, gamma) => number(corrected(middling[target](d), usualAt(d), gamma));
  const reachesName = fill(labels.reaches, { threshold: percent(threshold) });
  const texts = {
    threshold: percent(threshold), strength: number(strength), candidates: videos.length, rows: integer(recorded.rows),
    shortest: lengthText(shortest, labels), longest: lengthText(longest, labels), reaches_name: reachesName,
    target: target === "share" ? labels.share : reachesName, strongest: number(STRENGTHS.at(-1)),
    share_short: percent(middling.share(shortest)), share_long: percent(middling.share(longest)),
    reaches_short: percent(middling.reaches(shortest)), reaches_long: percent(middling.reaches(longest)),
    raw_short: scoreOf(shortest, 0), raw_long: scoreOf(longest, 0), corrected_short: scoreOf(shortest, strength),
    corrected_long: scoreOf(longest, strength), largest: number(first), first: number(first),
    above: scores.filter((score) => score > 1).length, moved: moves.filter((move) => move > 0).length,
    item: `${labels.item} ${videos[most].item}`, from: before[most], to: after[most],
    length_before: two(start.length), length_after: two(now.length), interest_before: two(start.interest),
    interest_after: two(now.interest), interest_length: two(interestAndLength),
    kind: target === "share" ? labels.a_share : labels.a_probability,
  };
  return {
    strength, target, videos, lengths, raw, scores, usual: usualAt, middling, before, after,
    byInterest: places(interest), correlations, interestAndLength, present: now, texts,
  };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const { thresholds, knots } = model.get("recorded");
  const settings = ["threshold", "strength", "knots", "target"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addChoice("target", { values: ["reaches", "share"], text: (value) => labels[`target_${value}`] });
  const ends = [...new Set([thresholds[0], thresholds.at(-1)])];
  explorer.addSlider("threshold", { stops: thresholds, ticks: thresholds, named: ends, text: percent });
  explorer.addSlider("strength", { stops: STRENGTHS, named: [0, 1, 1.5], text: number });
  explorer.addSlider("knots", { stops: knots, named: knots, text: String });
  explorer.addReset();
  explorer.addPictures({ targets: targetsPicture, scores: scoresPicture, ranks: ranksPicture, curve: curvePicture });

  function draw(animate) {
    const now = present(model, settings, labels);
    explorer.show(now, animate);
    const sentence = { 0: labels.sentence_raw, 1: labels.sentence_full }[now.strength] ?? labels.sentence_part;
    explorer.say(sentence, now.texts);
  }
  return explorer.start();
}

const targets = { expectedShare, reaches, interestOf, naturalSpline, usual, corrected };
export default {
  render,
  heights: { "": [2256, 2500, 2300, 1156, 1106, 1254] },
  formulas: { ...targets, ranks, rankCorrelation, places, median, normalCdf },
};
