// Watch time (chapter 6): what exp(z) says of a log-normal watch time, against its mean and its median, by the unit
// in which time is counted; and what other losses would say. Texts come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, number, percent } from "bookwork/format";
import {
  bar, level, line, linesOf, point, readAlong, readPoints, rule, tableOf, textsOf, upright,
} from "bookwork/picture";
import { nearest, range, sortedSet } from "bookwork/scales";
import { normalCdf } from "ranking_course/statistics";

const MEANS = [5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600];
const SPREADS = range(21).map((i) => i / 10);
const UNITS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400];
const NAMED_UNITS = [0.1, 1, 60, 3600, 86_400];
const TIMES = [0.01, 10_000]; // seconds on the axis of the density, the same for every mean
const SAID = "watch-time"; // the colour of exp(z)
const BOLD = { width: 4, label: { prefer: 0.6 } };
const TRUTH = { width: 2, dash: true };

// ---------------------------------------------------------------- formulas, the same as in ranking.watch_time

const muOf = (mean, sigma) => Math.log(mean) - sigma ** 2 / 2;
const target = (t, unit) => t / (unit + t);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** E[t / (u + t)] and E[u / (u + t)] of a log-normal t, by the rule's nodes and weights on [−1, 1]. */
function expectedTarget([nodes, weights], mu, sigma, unit) {
  const reach = 9; // standard deviations
  const logUnit = Math.log(unit);
  let [share, rest] = [0, 0];
  nodes.forEach((node, i) => {
    const x = reach * (node + 1) - reach;
    const mass = (weights[i] * reach * Math.exp(-(x ** 2) / 2)) / Math.sqrt(2 * Math.PI);
    const logOdds = mu + sigma * x - logUnit;
    share += mass * sigmoid(logOdds);
    rest += mass * sigmoid(-logOdds);
  });
  return { target: share, rest };
}

/** What u exp(z) converges to, in seconds. */
function sourceLimit(quadrature, mu, sigma, unit) {
  const { target: share, rest } = expectedTarget(quadrature, mu, sigma, unit);
  return (unit * share) / rest;
}

const medianOf = (mu) => Math.exp(mu);
const meanOf = (mu, sigma) => Math.exp(mu + sigma ** 2 / 2);
const harmonicMeanOf = (mu, sigma) => Math.exp(mu - sigma ** 2 / 2);
/** Share of plays that are shorter. */
const below = (t, mu, sigma) => normalCdf((Math.log(t) - mu) / sigma);
/** Of ln t, a bell. */
const density = (t, mu, sigma) => Math.exp(-(((Math.log(t) - mu) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));

// ---------------------------------------------------------------- pictures

/** A unit as people say it: 60 is "1 min". */
function unitText(unit, labels) {
  if (unit >= 86_400) return labels.day;
  if (unit >= 3600) return fill(labels.hours, { n: number(unit / 3600) });
  if (unit >= 60) return fill(labels.minutes, { n: number(unit / 60) });
  return secondsText(unit, labels);
}

const secondsText = (t, labels) => fill(labels.seconds, { n: number(t) });

/** How long it is watched, on a logarithmic axis; mean, median and exp(z) stand in it. */
function densityPicture(now, labels) {
  const { mu, sigma, texts } = now;
  const certain = sigma === 0;
  const spread = range(121).map((i) => Math.exp(mu + sigma * (i / 15 - 4)));
  const times = certain ? [] : spread.filter((t) => t >= TIMES[0] && t <= TIMES[1]);
  const peak = certain ? 1 : density(now.median, mu, sigma);
  const heights = times.map((t) => density(t, mu, sigma));
  const quantities = [
    [labels.harmonic_mean, now.harmonic], [labels.median, now.median], [labels.said, now.said], [labels.mean, now.mean],
  ];
  const shorter = (t) => percent(below(t, mu, sigma));
  const columns = [
    [labels.time, number], [labels.density, (_, i) => number(heights[i])], [labels.share_below, shorter],
  ];
  const start = Math.max(0, times.findIndex((t) => t >= now.median)); // of the readout
  const top = [0, peak * 1.06];
  const marked = [
    upright(labels.mean, now.mean, top, "ink", { ...TRUTH, label: { prefer: 1 } }),
    upright(labels.median, now.median, top, "ink-soft", { width: 1.5, label: { prefer: 1 } }),
    upright(labels.said, now.said, top, SAID, BOLD),
  ];
  const one = { width: 4, label: { text: labels.all_three, prefer: 1 } };
  const all = [upright(labels.said, now.mean, [0, peak], SAID, one)];
  return {
    ...textsOf(labels, "density", texts),
    alt: fill(certain ? labels.density_alt_certain : labels.density_alt, texts),
    x: { scale: "log", domain: TIMES, label: labels.time, format: "short" },
    y: { domain: [0, peak * 1.2], label: labels.density, format: "short", ticks: certain ? [] : undefined },
    series: [line(labels.density, times, heights, SAID, { width: 1.75 }), ...(certain ? all : marked)],
    readout: certain
      ? readAlong([now.mean], () => [[`${labels.all_three}: ${texts.mean}`], [peak, SAID]])
      : readAlong(times, (t, i) => [linesOf(columns, t, i), [heights[i], SAID]], start),
    table: tableOf(quantities, [
      [labels.quantity, ([name]) => name], [labels.time, ([, t]) => number(t)],
      [labels.share_of_mean, ([, t]) => percent(t / now.mean)],
      [labels.share_below, ([, t]) => (certain ? "–" : shorter(t))],
    ]),
  };
}

/** The target by watch time, its mean p, and the time that p stands for. */
function targetPicture(now, labels) {
  const { mean, said, unit, p, texts } = now;
  const y = (t) => target(t, unit);
  const last = 3 * mean;
  // the curve bends near t = u: half of the points stand evenly, half crowd there
  const even = range(61).map((i) => (last * i) / 60);
  const near = range(60).map((i) => last * 10 ** (i / 12 - 5));
  const times = [...even, ...near].sort((a, b) => a - b);
  const multiples = [0, 0.05, 0.1, 0.25, 0.5, 1, 2, 3].map((m) => m * mean);
  const listed = sortedSet([...multiples, said]);
  const named = (t) => (t === said ? ` (${labels.said})` : t === mean ? ` (${labels.mean})` : "");
  const columns = [[labels.time, number], [labels.target, (t) => number(y(t))]];
  return {
    ...textsOf(labels, "target", texts),
    x: { domain: [0, last], label: labels.time, format: "short" },
    y: { domain: [0, y(last) * 1.12], label: labels.target, format: "short" },
    series: [
      line(labels.target, times, times.map(y), SAID, { width: 1.75 }),
      upright(labels.mean, mean, [0, y(mean)], "ink", { ...TRUTH, label: { prefer: 0.4 } }),
      level("p", [0, said], p, SAID, { width: 1.75, dash: true }),
      upright(labels.said, said, [0, p], SAID, { width: 4, label: { prefer: 0.3 } }),
      point("y of the mean", mean, y(mean), "ink", { size: 4.5, hollow: true }),
      point("read back", said, p, SAID, { size: 5.5, label: { text: `p = ${texts.p}`, prefer: 0 } }),
    ],
    readout: readAlong(even, (t) => [linesOf(columns, t), [y(t), SAID]], 20), // from the mean on
    table: tableOf(listed, [
      [labels.time, (t) => number(t) + named(t)], [labels.target, (t) => number(y(t)) + (t === said ? " (p)" : "")],
    ]),
  };
}

/** exp(z) as a share of the mean, by the unit. */
function curvePicture(now, labels) {
  const { quadrature, mean, mu, sigma, unit, texts } = now;
  const ends = [UNITS[0], UNITS.at(-1)];
  const units = range(61).map((i) => ends[0] * (ends[1] / ends[0]) ** (i / 60));
  const shareAt = (u) => sourceLimit(quadrature, mu, sigma, u) / mean;
  const share = now.said / mean;
  const certain = sigma === 0;
  const inWords = (u) => unitText(u, labels);
  const beside = certain ? undefined : { prefer: 0.95, side: "below" };
  const columns = (said) => [
    [labels.unit_axis, inWords], [labels.said, (u) => said(shareAt(u) * mean, labels)],
    [labels.share_of_mean, (u) => percent(shareAt(u))],
  ];
  return {
    ...textsOf(labels, "curve", texts),
    note: certain ? labels.curve_note_certain : labels.curve_note,
    x: { scale: "log", domain: ends, label: labels.unit_axis, ticks: NAMED_UNITS, texts: NAMED_UNITS.map(inWords) },
    y: { domain: [0, 1.12], ticks: [0, 0.25, 0.5, 0.75, 1], label: labels.share_of_mean, format: "percent" },
    series: [
      rule(labels.unit_axis, { x: unit }),
      level(labels.median, ends, now.median / mean, "ink-soft", { width: 1.5, label: beside }),
      line(labels.said, units, units.map(shareAt), SAID, { width: 3, label: { prefer: 0.6 } }),
      level(labels.mean, ends, 1, "ink", { ...TRUTH, label: { prefer: 0.1, side: "above" } }),
      point(labels.present, unit, share, SAID, { size: 7, label: { text: percent(share), prefer: 0 } }),
    ],
    readout: readAlong(UNITS, (u) => [linesOf(columns(number), u), [shareAt(u), SAID]], nearest(UNITS, unit, Math.log)),
    table: tableOf(sortedSet([...UNITS, unit]), columns(secondsText)),
  };
}

/** What each loss converges to, in closed form but for the source's. */
function lossesPicture(now, labels) {
  const { mean, texts } = now;
  const losses = [
    [labels.loss_source, now.said, labels.weighted_mean, labels.yes],
    [labels.loss_log, now.median, labels.geometric_mean, labels.no],
    [fill(labels.loss_smeared, texts), mean, labels.mean, labels.no],
    [labels.loss_geometric, mean, labels.mean, labels.no],
    [labels.loss_squared, mean, labels.mean, labels.no],
  ].map(([name, seconds, to, depends]) => ({ name, seconds, to, depends, text: secondsText(seconds, labels) }));
  const share = ({ seconds }) => percent(seconds / mean);
  const listed = losses.map(({ name, text }) => `${name} ${text}`).join("; ");
  return {
    ...textsOf(labels, "losses", { ...texts, listed }),
    x: { domain: [0, mean * 1.3], label: labels.time, format: "short" },
    y: { scale: "band", categories: losses.map(({ name }) => name), label: labels.loss },
    height: 320,
    series: [
      ...losses.map(({ name, seconds, text }) => bar(name, seconds, name, SAID, { label: { text } })),
      rule(labels.mean, { x: mean }, "ink"),
    ],
    readout: readPoints(losses, (loss) => [
      loss.seconds, loss.name, [loss.name, `${loss.to}: ${loss.text}`, `${labels.share_of_mean}: ${share(loss)}`], SAID,
    ]),
    table: tableOf(losses, [
      [labels.loss, ({ name }) => name], [labels.converges, ({ to }) => to],
      [labels.time, ({ seconds }) => number(seconds)], [labels.share_of_mean, share],
      [labels.depends, ({ depends }) => depends],
    ]),
  };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, labels) {
  const [mean, sigma, unit, quadrature] = ["mean", "sigma", "unit", "quadrature"].map((key) => model.get(key));
  const mu = muOf(mean, sigma);
  const { target: p, rest } = expectedTarget(quadrature, mu, sigma, unit);
  const [median, harmonic, said] = [medianOf(mu), harmonicMeanOf(mu, sigma), (unit * p) / rest];
  const seconds = (t) => secondsText(t, labels);
  const texts = {
    mean: seconds(mean), median: seconds(median), said: seconds(said), sigma: number(sigma),
    unit: unitText(unit, labels), p: number(p), z: number(Math.log(p / rest)), share: percent(said / mean),
    of_median: formatNumber(said / median, "short"), target_of_mean: number(target(mean, unit)),
    harmonic_share: percent(harmonic / mean), median_share: percent(median / mean), factor: number(mean / median),
  };
  return { quadrature, mean, sigma, unit, mu, p, median, harmonic, said, texts };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const explorer = createExplorer({ model, el, labels, settings: ["mean", "sigma", "unit"], draw });
  explorer.addSlider("mean", {
    label: labels.mean_slider, hint: labels.mean_slider_hint, stops: MEANS, named: [5, 20, 60, 600],
    text: (v) => secondsText(v, labels),
  });
  explorer.addSlider("sigma", { stops: SPREADS, named: [0, 1, 2], text: number });
  explorer.addSlider("unit", { stops: UNITS, named: NAMED_UNITS, text: (v) => unitText(v, labels) });
  explorer.addReset();
  explorer.addPictures({ density: densityPicture, target: targetPicture, curve: curvePicture, losses: lossesPicture });

  function draw(animate) {
    const now = present(model, labels);
    explorer.show(now, animate);
    explorer.say(now.sigma === 0 ? labels.sentence_certain : labels.sentence, now.texts);
  }
  return explorer.start();
}

export default {
  render,
  heights: { "": [2054, 2304, 2158, 1105, 1139, 1084] },
  formulas: { muOf, target, expectedTarget, sourceLimit, medianOf, meanOf, harmonicMeanOf, density, below },
};
