// Watch time (chapter 6): what exp(z) says of a log-normal watch time, against its mean and its median, by the unit
// in which time is counted; and what other losses would say. Texts come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { textsOf } from "bookwork/figure";
import { formatNumber, number, percent } from "bookwork/format";
import { normalCdf } from "ranking_course/statistics";

const MEANS = [5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600];
const SPREADS = Array.from({ length: 21 }, (_, i) => i / 10);
const UNITS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400,
];
const NAMED_UNITS = [0.1, 1, 60, 3600, 86_400];
const TIMES = [0.01, 10_000]; // seconds on the axis of the density, the same for every mean


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
const density = (t, mu, sigma) =>
  Math.exp(-(((Math.log(t) - mu) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));

// ---------------------------------------------------------------- pictures

const upright = (x, top) => ({ kind: "line", x: [x, x], y: [0, top] });

/** A unit as people say it: 60 is "1 min". */
function unitText(unit, labels) {
  if (unit >= 86_400) return labels.day;
  if (unit >= 3600) return fill(labels.hours, { n: number(unit / 3600) });
  if (unit >= 60) return fill(labels.minutes, { n: number(unit / 60) });
  return fill(labels.seconds, { n: number(unit) });
}

/** Mean, median and exp(z), each in a style of its own; top: how high their lines rise. */
const marked = (now, labels, top) => [
  {
    name: labels.mean, ...upright(now.mean, top), color: "ink", width: 2, dash: true,
    label: { text: labels.mean, prefer: 1 },
  },
  {
    name: labels.median, ...upright(now.median, top), color: "ink-soft", width: 1.5,
    label: { text: labels.median, prefer: 1 },
  },
  {
    name: labels.said, ...upright(now.said, top), color: "watch-time", width: 4,
    label: { text: labels.said, prefer: 0.6 },
  },
];

/** How long it is watched, on a logarithmic axis; mean, median and exp(z) stand in it. */
function densityPicture(now, labels) {
  const { mu, sigma, texts } = now;
  const inside = (t) => t >= TIMES[0] && t <= TIMES[1];
  const certain = sigma === 0;
  const spread = Array.from({ length: 121 }, (_, i) => Math.exp(mu + sigma * (i / 15 - 4)));
  const times = certain ? [] : spread.filter(inside);
  const peak = certain ? 1 : density(now.median, mu, sigma);
  const heights = times.map((t) => density(t, mu, sigma));
  const quantities = [
    [labels.harmonic_mean, now.harmonic], [labels.median, now.median], [labels.said, now.said],
    [labels.mean, now.mean],
  ];
  const one = {
    name: labels.said, ...upright(now.mean, peak), color: "watch-time", width: 4,
    label: { text: labels.all_three, prefer: 1 },
  };
  const stop = (t, y, lines) => ({ x: t, y, lines, marks: [[t, y, "watch-time"]] });
  const curve = {
    name: labels.density, kind: "line", x: times, y: heights, color: "watch-time", width: 1.75,
  };
  return {
    title: labels.density_title,
    alt: fill(certain ? labels.density_alt_certain : labels.density_alt, texts),
    note: labels.density_note,
    noteValues: texts,
    x: { scale: "log", domain: TIMES, label: labels.time, format: "short" },
    y: {
      scale: "linear", domain: [0, peak * 1.2], label: labels.density, format: "short", ticks: certain ? [] : undefined,
    },
    series: certain ? [curve, one] : [curve, ...marked(now, labels, peak * 1.06)],
    readout: () => ({
      mode: "x",
      stops: certain
        ? [stop(now.mean, peak, [`${labels.all_three}: ${texts.mean}`])]
        : times.map((t, i) => stop(t, heights[i], [
            `${labels.time}: ${number(t)}`, `${labels.density}: ${number(heights[i])}`,
            `${labels.share_below}: ${percent(below(t, mu, sigma))}`,
          ])),
      start: certain ? 0 : Math.max(0, times.findIndex((t) => t >= now.median)),
    }),
    table: {
      caption: fill(labels.density_caption, texts),
      columns: [labels.quantity, labels.time, labels.share_of_mean, labels.share_below],
      rows: quantities.map(([name, t]) => [
        name, number(t), percent(t / now.mean), certain ? "–" : percent(below(t, mu, sigma)),
      ]),
    },
  };
}

/** The target by watch time, its mean p, and the time that p stands for. */
function targetPicture(now, labels) {
  const { unit, p, texts } = now;
  const last = 3 * now.mean;
  // the curve bends near t = u: half of the points stand evenly, half crowd there
  const even = Array.from({ length: 61 }, (_, i) => (last * i) / 60);
  const near = Array.from({ length: 60 }, (_, i) => last * 10 ** (i / 12 - 5));
  const times = [...even, ...near].sort((a, b) => a - b);
  const heights = times.map((t) => target(t, unit));
  const multiples = [0, 0.05, 0.1, 0.25, 0.5, 1, 2, 3].map((m) => m * now.mean);
  const listed = [...new Set([...multiples, now.said])].sort((a, b) => a - b);
  return {
    ...textsOf(labels, "target", texts),
    x: { scale: "linear", domain: [0, last], label: labels.time, format: "short" },
    y: { scale: "linear", domain: [0, target(last, unit) * 1.12], label: labels.target, format: "short" },
    series: [
      { name: labels.target, kind: "line", x: times, y: heights, color: "watch-time", width: 1.75 },
      {
        name: labels.mean, ...upright(now.mean, target(now.mean, unit)), color: "ink", width: 2, dash: true,
        label: { text: labels.mean, prefer: 0.4 },
      },
      { name: "p", kind: "line", x: [0, now.said], y: [p, p], color: "watch-time", width: 1.75, dash: true },
      {
        name: labels.said, ...upright(now.said, p), color: "watch-time", width: 4,
        label: { text: labels.said, prefer: 0.3 },
      },
      {
        name: "y of the mean", kind: "points", x: [now.mean], y: [target(now.mean, unit)], color: "ink", size: 4.5,
        hollow: true,
      },
      {
        name: "read back", kind: "points", x: [now.said], y: [p], color: "watch-time", size: 5.5,
        label: { text: `p = ${texts.p}`, prefer: 0 },
      },
    ],
    readout: () => ({
      mode: "x",
      stops: even.map((t) => ({
        x: t, y: target(t, unit), marks: [[t, target(t, unit), "watch-time"]],
        lines: [`${labels.time}: ${number(t)}`, `${labels.target}: ${number(target(t, unit))}`],
      })),
      start: 20, // the mean
    }),
    table: {
      caption: fill(labels.target_caption, texts),
      columns: [labels.time, labels.target],
      rows: listed.map((t) => [
        number(t) + (t === now.said ? ` (${labels.said})` : t === now.mean ? ` (${labels.mean})` : ""),
        number(target(t, unit)) + (t === now.said ? " (p)" : ""),
      ]),
    },
  };
}

/** exp(z) as a share of the mean, by the unit. */
function curvePicture(now, quadrature, labels) {
  const { mu, sigma, unit, texts } = now;
  const [first, last] = [UNITS[0], UNITS.at(-1)];
  const steps = 60;
  const units = Array.from({ length: steps + 1 }, (_, i) => first * (last / first) ** (i / steps));
  const shareAt = (u) => sourceLimit(quadrature, mu, sigma, u) / now.mean;
  const shares = units.map(shareAt);
  const level = (y) => ({ kind: "line", x: [first, last], y: [y, y] });
  const median = now.median / now.mean;
  const certain = sigma === 0;
  const away = (u) => Math.abs(Math.log(u / unit));
  const listed = UNITS.includes(unit) ? UNITS : [...UNITS, unit].sort((a, b) => a - b);
  return {
    title: labels.curve_title,
    alt: fill(labels.curve_alt, texts),
    note: certain ? labels.curve_note_certain : labels.curve_note,
    noteValues: texts,
    x: {
      scale: "log", domain: [first, last], label: labels.unit_axis, ticks: NAMED_UNITS,
      texts: NAMED_UNITS.map((u) => unitText(u, labels)),
    },
    y: {
      scale: "linear", domain: [0, 1.12], ticks: [0, 0.25, 0.5, 0.75, 1], label: labels.share_of_mean, format: "percent",
    },
    series: [
      { name: labels.unit_axis, kind: "rule", x: unit, color: "ink-soft" },
      {
        name: labels.median, ...level(median), color: "ink-soft", width: 1.5,
        label: certain ? undefined : { text: labels.median, prefer: 0.95, side: "below" },
      },
      {
        name: labels.said, kind: "line", x: units, y: shares, color: "watch-time", width: 3,
        label: { text: labels.said, prefer: 0.6 },
      },
      {
        name: labels.mean, ...level(1), color: "ink", width: 2, dash: true,
        label: { text: labels.mean, prefer: 0.1, side: "above" },
      },
      {
        name: labels.present, kind: "points", x: [unit], y: [now.said / now.mean], color: "watch-time", size: 7,
        label: { text: percent(now.said / now.mean), prefer: 0 },
      },
    ],
    readout: () => ({
      mode: "x",
      stops: UNITS.map((u) => ({
        x: u, y: shareAt(u), marks: [[u, shareAt(u), "watch-time"]],
        lines: [
          `${labels.unit_axis}: ${unitText(u, labels)}`, `${labels.said}: ${number(shareAt(u) * now.mean)}`,
          `${labels.share_of_mean}: ${percent(shareAt(u))}`,
        ],
      })),
      start: UNITS.reduce((best, u, i) => (away(u) < away(UNITS[best]) ? i : best), 0),
    }),
    table: {
      caption: fill(labels.curve_caption, texts),
      columns: [labels.unit_axis, labels.said, labels.share_of_mean],
      rows: listed.map((u) => [
        unitText(u, labels), fill(labels.seconds, { n: number(shareAt(u) * now.mean) }), percent(shareAt(u)),
      ]),
    },
  };
}

/** What each loss converges to, in closed form but for the source's. */
function lossesPicture(now, labels) {
  const { texts } = now;
  const losses = [
    { name: labels.loss_source, seconds: now.said, to: labels.weighted_mean, depends: true },
    { name: labels.loss_log, seconds: now.median, to: labels.geometric_mean },
    { name: fill(labels.loss_smeared, texts), seconds: now.mean, to: labels.mean },
    { name: labels.loss_geometric, seconds: now.mean, to: labels.mean },
    { name: labels.loss_squared, seconds: now.mean, to: labels.mean },
  ].map((loss) => ({
    ...loss, share: percent(loss.seconds / now.mean), text: fill(labels.seconds, { n: number(loss.seconds) }),
  }));
  const names = losses.map(({ name }) => name);
  return {
    title: labels.losses_title,
    alt: fill(labels.losses_alt, { ...texts, listed: losses.map(({ name, text }) => `${name} ${text}`).join("; ") }),
    note: labels.losses_note,
    x: { scale: "linear", domain: [0, now.mean * 1.3], label: labels.time, format: "short" },
    y: { scale: "band", categories: names, label: labels.loss },
    height: 320,
    series: [
      ...losses.map(({ name, seconds, text }) => ({
        name, kind: "bars", x: [seconds], y: [name], color: "watch-time", label: { text },
      })),
      { name: labels.mean, kind: "rule", x: now.mean, color: "ink" },
    ],
    readout: () => ({
      mode: "xy",
      stops: losses.map(({ name, seconds, text, share, to }) => ({
        x: seconds, y: name, marks: [[seconds, name, "watch-time"]],
        lines: [name, `${to}: ${text}`, `${labels.share_of_mean}: ${share}`],
      })),
    }),
    table: {
      caption: fill(labels.losses_caption, texts),
      columns: [labels.loss, labels.converges, labels.time, labels.share_of_mean, labels.depends],
      rows: losses.map(({ name, to, seconds, share, depends }) => [
        name, to, number(seconds), share, depends ? labels.yes : labels.no,
      ]),
    },
  };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, quadrature, labels) {
  const [mean, sigma, unit] = ["mean", "sigma", "unit"].map((key) => model.get(key));
  const mu = muOf(mean, sigma);
  const { target: p, rest } = expectedTarget(quadrature, mu, sigma, unit);
  const [median, harmonic, said] = [medianOf(mu), harmonicMeanOf(mu, sigma), (unit * p) / rest];
  const seconds = (t) => fill(labels.seconds, { n: number(t) });
  const texts = {
    mean: seconds(mean), median: seconds(median), said: seconds(said), sigma: number(sigma),
    unit: unitText(unit, labels), p: number(p), z: number(Math.log(p / rest)), share: percent(said / mean),
    of_median: formatNumber(said / median, "short"), target_of_mean: number(target(mean, unit)),
    harmonic_share: percent(harmonic / mean), median_share: percent(median / mean),
    factor: number(mean / median),
  };
  return { mean, sigma, unit, mu, p, median, harmonic, said, texts };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const quadrature = model.get("quadrature");
  const settings = ["mean", "sigma", "unit"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addSlider("mean", {
    label: labels.mean_slider, hint: labels.mean_slider_hint, stops: MEANS, named: [5, 20, 60, 600],
    text: (v) => fill(labels.seconds, { n: number(v) }),
  });
  explorer.addSlider("sigma", {
    label: labels.sigma, hint: labels.sigma_hint, stops: SPREADS, named: [0, 1, 2], text: (v) => number(v),
  });
  explorer.addSlider("unit", {
    label: labels.unit, hint: labels.unit_hint, stops: UNITS, named: NAMED_UNITS, text: (v) => unitText(v, labels),
  });
  explorer.addReset();
  const densityFigure = explorer.addFigure(labels.density_title);
  const targetFigure = explorer.addFigure(labels.target_title);
  const curveFigure = explorer.addFigure(labels.curve_title);
  const lossesFigure = explorer.addFigure(labels.losses_title);

  function draw(animate) {
    const now = present(model, quadrature, labels);
    densityFigure.update(densityPicture(now, labels), animate);
    targetFigure.update(targetPicture(now, labels), animate);
    curveFigure.update(curvePicture(now, quadrature, labels), animate);
    lossesFigure.update(lossesPicture(now, labels), animate);
    explorer.say(now.sigma === 0 ? labels.sentence_certain : labels.sentence, now.texts);
  }
  explorer.start();
  return explorer.destroy;
}

export default {
  render, formulas: { muOf, target, expectedTarget, sourceLimit, medianOf, meanOf, harmonicMeanOf, density, below },
};
