// Completion (chapter 6): expected share played and P(played ≥ threshold) by length, and what dividing by f(length)
// does to the order of a few videos. Texts, fits of f and videos come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { textsOf } from "bookwork/figure";
import { formatNumber, number, percent } from "bookwork/format";
import { median, normalCdf } from "ranking_course/statistics";

const STRENGTHS = Array.from({ length: 16 }, (_, i) => i / 10);
const LENGTHS = [7, 600]; // seconds on the axes, the shortest and the longest video of the simulator
const NAMED_LENGTHS = [10, 30, 60, 180, 600];

const two = (value) => (value === null ? "–" : value.toFixed(2).replace(/^-/, "−"));

// ---------------------------------------------------------------- formulas, as in ranking.watch_time.completion, watch_time

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
  return values.map((value) => {
    const lower = values.filter((other) => other < value).length;
    const same = values.filter((other) => other === value).length;
    return lower + (same + 1) / 2;
  });
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
function places(scores) {
  const order = scores.map((_, i) => i).sort((i, j) => scores[j] - scores[i] || i - j);
  const found = [];
  order.forEach((i, place) => { found[i] = place + 1; });
  return found;
}

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
const GRID = Array.from({ length: 49 }, (_, i) => LENGTHS[0] * (LENGTHS[1] / LENGTHS[0]) ** (i / 48));
const LISTED = [...new Set([LENGTHS[0], 10, 15, 30, 60, 120, 180, 300, LENGTHS[1]])];

/** Nearest place on the grid, for a readout to start from. */
const START = GRID.findIndex((d) => d >= 60);

/** Both targets by length for one interest, and what is usual. */
function targetsPicture(now, labels) {
  const { texts, target } = now;
  const curves = ["reaches", "share"].map((kind) => ({
    kind, name: kind === "reaches" ? texts.reaches_name : labels.share, y: GRID.map((d) => now.middling[kind](d)),
  }));
  const style = (kind) => (kind === target ? { width: 3.5 } : { width: 1.5 });
  const line = (d) => [
    `${labels.length}: ${lengthText(d, labels)}`,
    ...curves.map(({ kind, name }) => `${name}: ${percent(now.middling[kind](d))}`),
    `${labels.usual}: ${percent(now.usual(d))}`,
  ];
  return {
    ...textsOf(labels, "targets", texts),
    x: lengthAxis(labels),
    y: { scale: "linear", domain: [0, 1], label: labels.completion, format: "percent" },
    series: [
      {
        name: labels.candidate, kind: "points", x: now.videos.map(({ duration }) => duration), y: now.raw,
        color: "completion", size: 2.5,
      },
      ...curves.map(({ kind, name, y }) => ({
        name, kind: "line", x: GRID, y, color: "completion", ...style(kind),
        label: { text: name, prefer: kind === "share" ? 0.75 : 0.15, side: kind === "share" ? "above" : "below" },
      })),
      {
        name: labels.usual, kind: "line", x: GRID, y: GRID.map(now.usual), color: "ink", width: 1.5, dash: true,
        label: { text: labels.usual, prefer: 0.45 },
      },
    ],
    readout: () => ({
      mode: "x", start: START,
      stops: GRID.map((d) => ({
        x: d, lines: line(d), marks: [[d, now.middling[target](d), "completion"], [d, now.usual(d), "ink"]],
      })),
    }),
    table: {
      caption: labels.targets_caption,
      columns: [labels.length, ...curves.map(({ name }) => name), labels.usual],
      rows: LISTED.map((d) => [
        lengthText(d, labels), ...curves.map(({ kind }) => percent(now.middling[kind](d))), percent(now.usual(d)),
      ]),
    },
  };
}

/** The score by length for one interest, raw and corrected, and the scores of the videos. */
function scoresPicture(now, labels) {
  const { texts, strength } = now;
  const raw = (d) => now.middling[now.target](d);
  const after = (d) => corrected(raw(d), now.usual(d), strength);
  const changed = strength > 0;
  return {
    ...textsOf(labels, "scores", texts),
    x: lengthAxis(labels),
    y: {
      scale: "linear", label: labels.score, format: "number",
      extent: [0, Math.max(1, ...now.scores, ...GRID.map(after))],
    },
    series: [
      { name: "1", kind: "rule", y: 1, color: "ink-soft" },
      {
        name: labels.candidate, kind: "points", x: now.videos.map(({ duration }) => duration), y: now.scores,
        color: "completion", size: 3.5,
      },
      {
        name: labels.raw, kind: "line", x: GRID, y: GRID.map(raw), color: "completion", width: 1.5,
        label: { text: labels.raw, prefer: 0.85, side: "below" },
      },
      {
        name: labels.corrected, kind: "line", x: GRID, y: GRID.map(after), color: "completion", width: 3.5,
        label: changed ? { text: labels.corrected, prefer: 0.6, side: "above" } : undefined,
      },
    ],
    readout: () => ({
      mode: "x", start: START,
      stops: GRID.map((d) => ({
        x: d, marks: [[d, raw(d), "completion"], [d, after(d), "completion"]],
        lines: [
          `${labels.length}: ${lengthText(d, labels)}`, `${labels.raw}: ${number(raw(d))}`,
          `${labels.corrected}: ${number(after(d))}`,
        ],
      })),
    }),
    table: {
      caption: fill(labels.scores_caption, texts),
      columns: [labels.length, labels.raw, labels.usual, labels.corrected],
      rows: LISTED.map((d) => [lengthText(d, labels), number(raw(d)), number(now.usual(d)), number(after(d))]),
    },
  };
}

/** Each video at its length, at its place before and after. */
function ranksPicture(now, labels) {
  const { texts, videos, before, after } = now;
  const lengths = videos.map(({ duration }) => duration);
  const order = videos.map((_, i) => i).sort((i, j) => after[i] - after[j]);
  const last = videos.length;
  return {
    ...textsOf(labels, "ranks", texts),
    x: lengthAxis(labels),
    y: {
      scale: "linear", domain: [last + 0.7, 0.3], label: labels.place, format: "integer",
      ticks: [1, ...[5, 10, 20, 30, 40, 60, 80, 100].filter((tick) => tick <= last && (last <= 20 || tick % 10 === 0))],
    },
    series: [
      {
        name: "moves", kind: "line", x: lengths.flatMap((d) => [d, d, null]),
        y: before.flatMap((place, i) => [place, after[i], null]), color: "ink-soft", width: 1,
      },
      { name: labels.before, kind: "points", x: lengths, y: before, color: "completion", size: 3.5, hollow: true },
      { name: labels.after, kind: "points", x: lengths, y: after, color: "completion", size: 4.5 },
    ],
    readout: () => ({
      mode: "xy",
      stops: order.map((i) => ({
        x: lengths[i], y: after[i], marks: [[lengths[i], after[i], "completion"], [lengths[i], before[i], "completion"]],
        lines: [
          `${labels.item} ${videos[i].item} (${videos[i].topic})`, `${labels.length}: ${lengthText(lengths[i], labels)}`,
          `${labels.before}: ${before[i]}, ${labels.after}: ${after[i]}`, `${labels.by_interest}: ${now.byInterest[i]}`,
        ],
      })),
    }),
    table: {
      caption: fill(labels.ranks_caption, texts),
      columns: [
        labels.after, labels.before, labels.by_interest, labels.item, labels.topic, labels.length, texts.target,
        labels.usual, labels.score,
      ],
      rows: order.map((i) => [
        after[i], before[i], now.byInterest[i], videos[i].item, videos[i].topic, lengthText(lengths[i], labels),
        percent(now.raw[i]), percent(now.usual(lengths[i])), number(now.scores[i]),
      ].map(String)),
    },
  };
}

/** Rank correlation with length and with interest, for every strength. */
function curvePicture(now, labels) {
  const { texts, strength } = now;
  const along = STRENGTHS.map((gamma) => now.correlations(gamma));
  const kinds = [
    { key: "interest", name: labels.with_interest, color: "completion", width: 3, marker: "circle", side: "above" },
    { key: "length", name: labels.with_length, color: "ink-soft", width: 1.75, marker: "square", side: "below" },
  ];
  return {
    ...textsOf(labels, "curve", texts),
    x: { scale: "linear", domain: [0, STRENGTHS.at(-1)], label: labels.gamma, format: "number" },
    y: { scale: "linear", domain: [-1, 1], label: labels.rank_correlation, format: "number" },
    series: [
      { name: labels.gamma, kind: "rule", x: strength, color: "ink-soft" },
      {
        name: labels.interest_itself, kind: "line", x: [0, STRENGTHS.at(-1)],
        y: [now.interestAndLength, now.interestAndLength], color: "ink", width: 1.5, dash: true,
        label: { text: labels.interest_itself, prefer: 0.8 },
      },
      ...kinds.map(({ key, name, color, width, side }) => ({
        name, kind: "line", x: STRENGTHS, y: along.map((values) => values[key]), color, width,
        label: { text: name, prefer: 0.2, side },
      })),
      ...kinds.map(({ key, name, color, marker }) => ({
        name: `${name}, ${labels.now}`, kind: "points", x: [strength], y: [now.present[key]], color, marker, size: 6,
        label: { text: two(now.present[key]), prefer: 0 },
      })),
    ],
    readout: () => ({
      mode: "x",
      stops: STRENGTHS.map((gamma, i) => ({
        x: gamma, marks: kinds.map(({ key, color }) => [gamma, along[i][key], color]).filter(([, y]) => y !== null),
        lines: [`γ = ${number(gamma)}`, ...kinds.map(({ key, name }) => `${name}: ${two(along[i][key])}`)],
      })),
      start: Math.round(10 * strength),
    }),
    table: {
      caption: labels.curve_caption,
      columns: [labels.gamma, ...kinds.map(({ name }) => name)],
      rows: STRENGTHS.map((gamma, i) => [number(gamma), ...kinds.map(({ key }) => two(along[i][key]))]),
    },
  };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, recorded, labels) {
  const [threshold, strength, knots, target] = ["threshold", "strength", "knots", "target"].map((key) => model.get(key));
  const { thresholds, fits, length_effect: lengthEffect, candidates: videos } = recorded;
  const smooth = recorded.knots.indexOf(knots);
  const fit = target === "share" ? fits.share[smooth] : fits.reaches[thresholds.indexOf(threshold)][smooth];
  const usualAt = (duration) => usual(duration, fit);
  const predict = {
    share: ({ mu, sigma, duration }) => expectedShare(mu, sigma, duration),
    reaches: ({ mu, sigma, duration }) => reaches(mu, sigma, duration, threshold),
  };
  const raw = videos.map(predict[target]);
  const usuals = videos.map(({ duration }) => usualAt(duration));
  const scoresAt = (gamma) => raw.map((p, i) => corrected(p, usuals[i], gamma));
  const lengths = videos.map(({ duration }) => duration);
  const interest = videos.map(({ mu, duration }) => interestOf(mu, duration, lengthEffect));
  const correlations = (gamma) => {
    const scores = scoresAt(gamma);
    return { length: rankCorrelation(scores, lengths), interest: rankCorrelation(scores, interest) };
  };
  const [middle, spread] = [median(interest), median(videos.map(({ sigma }) => sigma))];
  const video = (duration) => ({ mu: middle + lengthEffect * Math.log(duration / 60), sigma: spread, duration });
  const middling = { share: (d) => predict.share(video(d)), reaches: (d) => predict.reaches(video(d)) };
  const scores = scoresAt(strength);
  const [before, after] = [places(raw), places(scores)];
  const [start, now] = [correlations(0), correlations(strength)];
  const interestAndLength = rankCorrelation(interest, lengths);
  const moves = videos.map((_, i) => Math.abs(after[i] - before[i]));
  const most = moves.indexOf(Math.max(...moves));
  const [shortest, longest] = LENGTHS;
  const scoreOf = (d, gamma) => number(corrected(middling[target](d), usualAt(d), gamma));
  const reachesName = fill(labels.reaches, { threshold: percent(threshold) });
  const texts = {
    threshold: percent(threshold), strength: number(strength), candidates: videos.length,
    rows: formatNumber(recorded.rows, "integer"),
    shortest: lengthText(shortest, labels), longest: lengthText(longest, labels), reaches_name: reachesName,
    target: target === "share" ? labels.share : reachesName, strongest: number(STRENGTHS.at(-1)),
    share_short: percent(middling.share(shortest)), share_long: percent(middling.share(longest)),
    reaches_short: percent(middling.reaches(shortest)), reaches_long: percent(middling.reaches(longest)),
    raw_short: scoreOf(shortest, 0), raw_long: scoreOf(longest, 0), corrected_short: scoreOf(shortest, strength),
    corrected_long: scoreOf(longest, strength), largest: number(Math.max(...scores)), first: number(Math.max(...scores)),
    above: scores.filter((score) => score > 1).length, moved: moves.filter((move) => move > 0).length,
    item: `${labels.item} ${videos[most].item}`, from: before[most], to: after[most],
    length_before: two(start.length), length_after: two(now.length), interest_before: two(start.interest),
    interest_after: two(now.interest), interest_length: two(interestAndLength),
    kind: target === "share" ? labels.a_share : labels.a_probability,
  };
  return {
    strength, target, videos, raw, scores, usual: usualAt, middling, before, after, byInterest: places(interest),
    correlations, interestAndLength, present: now, texts,
  };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const recorded = model.get("recorded");
  const settings = ["threshold", "strength", "knots", "target"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addChoice("target", {
    label: labels.target, values: ["reaches", "share"], text: (value) => labels[`target_${value}`],
  });
  const { thresholds } = recorded;
  explorer.addSlider("threshold", {
    label: labels.threshold, hint: labels.threshold_hint, stops: thresholds, ticks: thresholds,
    named: [...new Set([thresholds[0], thresholds.at(-1)])], text: percent,
  });
  explorer.addSlider("strength", {
    label: labels.strength, hint: labels.strength_hint, stops: STRENGTHS, named: [0, 1, 1.5], text: (v) => number(v),
  });
  explorer.addSlider("knots", {
    label: labels.knots, hint: labels.knots_hint, stops: recorded.knots, named: recorded.knots, text: String,
  });
  explorer.addReset();
  const targetsFigure = explorer.addFigure(labels.targets_title);
  const scoresFigure = explorer.addFigure(labels.scores_title);
  const ranksFigure = explorer.addFigure(labels.ranks_title);
  const curveFigure = explorer.addFigure(labels.curve_title);

  function draw(animate) {
    const now = present(model, recorded, labels);
    targetsFigure.update(targetsPicture(now, labels), animate);
    scoresFigure.update(scoresPicture(now, labels), animate);
    ranksFigure.update(ranksPicture(now, labels), animate);
    curveFigure.update(curvePicture(now, labels), animate);
    const sentence = { 0: labels.sentence_raw, 1: labels.sentence_full }[now.strength] ?? labels.sentence_part;
    explorer.say(sentence, now.texts);
  }
  explorer.start();
  return explorer.destroy;
}

export default {
  render,
  formulas: {
    expectedShare, reaches, naturalSpline, usual, corrected, ranks, rankCorrelation, places, interestOf, median,
    normalCdf,
  },
};
