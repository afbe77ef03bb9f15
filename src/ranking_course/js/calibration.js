// Down-sampling and calibration (chapter 3): what a model says after training on a part of the negatives, and what
// it says once calibrated; beside it recorded trainings. Texts and recordings come from the state.
import { createExplorer } from "bookwork/explorer";
import { formatNumber, integer, percent } from "bookwork/format";
import { level, line, linesOf, point, points, readAlong, readPoints, rule, tableOf, textsOf } from "bookwork/picture";
import { nearest, range, sortedSet } from "bookwork/scales";
import { median } from "ranking_course/statistics";

const RATES = [
  0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6,
  0.8, 1,
]; // about evenly spaced in ln α
const BASE_RATES = range(50).map((i) => (i + 1) / 100);

const rateText = (value) => formatNumber(value, "rate");

// ---------------------------------------------------------------- formulas, the same as in ranking.calibration

const downsampled = (p, samplingRate) => p / (p + samplingRate * (1 - p));
const calibrate = (p, samplingRate) => (samplingRate * p) / (1 - p + samplingRate * p);
const keptShare = (baseRate, samplingRate) => baseRate + samplingRate * (1 - baseRate);

/** Bins of several runs as one: means weighted by rows, null where no run has any. */
function pooledBins(all) {
  const count = all[0].count.map((_, i) => all.reduce((sum, bins) => sum + bins.count[i], 0));
  const total = (key, i) => all.reduce((sum, bins) => sum + (bins.count[i] > 0 ? bins[key][i] * bins.count[i] : 0), 0);
  const mean = (key) => count.map((rows, i) => (rows === 0 ? null : total(key, i) / rows));
  return { predicted: mean("predicted"), observed: mean("observed"), count };
}

/** The recorded sampling rate that is nearest by ratio. */
const nearestRate = (rates, samplingRate) => rates[nearest(rates.map((rate) => Math.log(rate / samplingRate)), 0)];

// ---------------------------------------------------------------- pictures

const SAME = { domain: [0, 1], format: "percent" };
const diagonal = (labels, label) => line(labels.truth, [0, 1], [0, 1], "ink", { width: 2, dash: true, label });

/** What the model says by what is true, before and after calibration. */
function curves({ samplingRate, baseRate }, labels) {
  // the raw curve bends where p is near √α: steps along it are even when p is spread by that
  const bend = Math.sqrt(samplingRate);
  const x = range(65).map((i) => calibrate(i / 64, bend));
  const raw = (p) => downsampled(p, samplingRate);
  const after = (p) => calibrate(raw(p), samplingRate);
  const said = raw(baseRate);
  const bent = samplingRate < 1;
  const texts = { raw: percent(said), true: percent(baseRate), alpha: rateText(samplingRate) };
  const listed = sortedSet([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1, baseRate]);
  const columns = [
    [labels.true_probability, percent], [labels.raw, (p) => percent(raw(p))],
    [labels.calibrated, (p) => percent(after(p))],
  ];
  const read = (p) => [linesOf(columns, p), [raw(p), "click"], [after(p), "click"]];
  return {
    ...textsOf(labels, "curve", texts),
    x: { ...SAME, label: labels.true_probability },
    y: { ...SAME, label: labels.prediction },
    series: [
      rule("base rate", { x: baseRate }),
      line(labels.calibrated, [0, 1], [0, 1], "click", {
        width: 5, label: { text: bent ? labels.calibrated : labels.both_lines, prefer: 0.6, side: "below" },
      }),
      line(labels.raw, x, x.map(raw), "click", { width: 1.75, label: bent && { prefer: 0.6, side: "above" } }),
      diagonal(labels, { prefer: 0.75, side: "above" }),
      { name: "correction", kind: "arrow", x: [baseRate, baseRate], y: [said, baseRate], color: "ink" },
      point("said", baseRate, said, "click", { size: 5, hollow: true, label: bent && { text: texts.raw, prefer: 0 } }),
      point("meant", baseRate, baseRate, "click", { size: 5.5, label: { text: texts.true, prefer: 0 } }),
    ],
    readout: readAlong(range(101).map((i) => i / 100), read, Math.round(baseRate * 100)),
    table: tableOf(listed, columns),
  };
}

/** Radius of a bin's mark: what many rows say weighs more. */
const markSize = (rows) => (rows > 0 ? 1.5 + 0.7 * Math.log10(rows) : 0);

/** Recorded reliability: predicted against observed, every seed faint, all seeds together in front. */
function reliability({ recorded, rate }, labels) {
  const runs = recorded.runs.filter((run) => run.rate === rate);
  const kinds = [
    { key: "raw", width: 1.75, faintWidth: 1, marker: "square", hollow: true },
    { key: "calibrated", width: 3.5, faintWidth: 2, marker: "circle" },
  ].map((kind) => ({ ...kind, name: labels[kind.key], pooled: pooledBins(runs.map((run) => run[kind.key])) }));
  const seeds = kinds.flatMap(({ key, name, faintWidth: width }) =>
    runs.map(({ seed, [key]: { predicted, observed } }) =>
      line(`${name}, ${labels.seed} ${seed}`, predicted, observed, "click", { width, faint: true }),
    ),
  );
  const front = kinds.map(({ name, width, marker, hollow, pooled: { predicted, observed, count } }) => {
    const style = { width, marker, hollow, size: count.map(markSize), label: { prefer: 0.6 } };
    return line(name, predicted, observed, "click", style);
  });
  const filled = kinds
    .flatMap(({ name, pooled: { predicted, observed, count } }) =>
      count.map((rows, i) => ({ name, bin: i + 1, rows, x: predicted[i], y: observed[i] })),
    )
    .filter(({ rows }) => rows > 0);
  const metric = (value) => formatNumber(value, "metric");
  const middle = (of) => metric(median(runs.map(of)));
  const values = {
    alpha: rateText(rate), seeds: runs.length, auc: middle((run) => run.auc),
    raw: middle((run) => run.raw.ece), raw_loss: middle((run) => run.raw.log_loss),
    calibrated: middle((run) => run.calibrated.ece), calibrated_loss: middle((run) => run.calibrated.log_loss),
    truth_loss: metric(recorded.truth?.log_loss), truth_auc: metric(recorded.truth?.auc),
  };
  const observed = recorded.observed_is ?? labels.observed;
  const columns = [
    [labels.prediction, ({ x }) => percent(x)], [observed, ({ y }) => percent(y)],
    [labels.rows, ({ rows }) => integer(rows)],
  ];
  return {
    ...textsOf(labels, "reliability", values),
    note: recorded.truth ? labels.reliability_note_truth : labels.reliability_note,
    x: { ...SAME, label: labels.prediction },
    y: { ...SAME, label: observed },
    series: [...seeds, diagonal(labels, { prefer: 0.9 }), ...front],
    readout: readPoints(filled, (one) => [one.x, one.y, [one.name, ...linesOf(columns, one)], "click"]),
    table: tableOf(filled, [[labels.bin, ({ name, bin }) => `${name}, ${bin}`], ...columns]),
  };
}

/** Rows that training still sees at every α, and the recorded time that it takes. */
function savings({ samplingRate, baseRate, recorded, rate }, labels) {
  const keptAt = (alpha) => keptShare(baseRate, alpha);
  const kept = keptAt(samplingRate);
  const texts = { alpha: rateText(samplingRate), rows: percent(kept), base: percent(baseRate) };
  const x = range(41).map((i) => 10 ** (i / 20 - 2));
  const listed = sortedSet([...(recorded?.rates ?? [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]), samplingRate]);
  const beside = { prefer: 0.9, side: "below" };
  const seen = [labels.rows_seen, (alpha) => percent(keptAt(alpha))];
  const timed = recorded?.rates.includes(1) ? drawnTimes(recorded, rate, labels) : null;
  const read = (alpha) => {
    const [lines, ...marks] = timed ? timed.stop(alpha) : [[]];
    return [[`α = ${formatNumber(alpha)}`, ...linesOf([seen], alpha), ...lines], [keptAt(alpha), "click"], ...marks];
  };
  return {
    ...textsOf(labels, "savings", texts),
    note: timed ? timed.note : labels.savings_note,
    noteValues: { ...texts, ...timed?.texts },
    x: { scale: "log", domain: [0.01, 1], label: labels.alpha },
    y: { domain: [0, timed?.most ?? 1], label: labels.share_of_full, format: "percent" },
    height: recorded ? 250 : undefined,
    series: [
      rule("sampling rate", { x: samplingRate }),
      level(labels.positives, [0.01, 1], baseRate, "ink-soft", { width: 1, dash: true, label: beside }),
      line(labels.rows_seen, x, x.map(keptAt), "click", { width: 2.5, label: { prefer: 0.85, side: "above" } }),
      point("kept", samplingRate, kept, "click", { size: 7, label: { text: percent(kept), prefer: 0, side: "above" } }),
      ...(timed?.series ?? []),
    ],
    readout: readAlong(x, read, Math.round(20 * (Math.log10(samplingRate) + 2))),
    table: tableOf(listed.sort((a, b) => b - a), [[labels.alpha, rateText], seen, ...(timed ? [timed.column] : [])]),
  };
}

/** Recorded times as shares of that with all rows: of every run, and the median at each rate. */
function drawnTimes({ rates, runs, base_rate: baseRate }, rate, labels) {
  const secondsAt = (alpha) => median(runs.filter((run) => run.rate === alpha).map((run) => run.train_seconds));
  const whole = secondsAt(1);
  const shareAt = (alpha) => (rates.includes(alpha) ? secondsAt(alpha) / whole : undefined);
  const shares = rates.map(shareAt);
  const seconds = shareAt(rate) * whole;
  // a run that a busy machine held up for long would press all others flat: it is counted, not drawn
  const limit = 1.3 * Math.max(1, ...shares);
  const drawn = runs.map((run) => run.train_seconds / whole).map((share) => (share <= limit ? share : null));
  const outside = drawn.filter((share) => share === null).length;
  const note = rate < 1 ? labels.savings_note_recorded : labels.savings_note_all;
  const short = (value) => formatNumber(value, "short");
  return {
    most: Math.max(1, ...drawn),
    note: outside > 0 ? `${note} ${labels.savings_outside}` : note,
    texts: {
      outside, limit: percent(limit), recorded_base: percent(baseRate), rate: rateText(rate), seconds: short(seconds),
      whole: short(whole), times: short(whole / seconds),
    },
    series: [
      points(labels.seed, runs.map((run) => run.rate), drawn, "ink", { size: 2.5, faint: true }),
      points(labels.time, rates, shares, "ink", { size: 4.5, marker: "square", hollow: true, label: { prefer: 0.6 } }),
    ],
    column: [labels.time, (alpha) => percent(shareAt(alpha))],
    stop(alpha) {
      const near = nearestRate(rates, alpha);
      return [[`${labels.time}, α = ${rateText(near)}: ${percent(shareAt(near))}`], [shareAt(near), "ink", near]];
    },
  };
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const recorded = model.get("recorded");
  const explorer = createExplorer({ model, el, labels, settings: ["sampling_rate", "base_rate"], draw });
  const recordedRates = recorded?.rates ?? [];
  const rates = sortedSet([...RATES, ...recordedRates.filter((r) => r >= RATES[0])]);
  explorer.addSlider("sampling_rate", {
    stops: rates, ticks: recordedRates.filter((r) => rates.includes(r)), named: [0.01, 0.1, 1], text: rateText,
  });
  explorer.addSlider("base_rate", { stops: BASE_RATES, named: [0.01, 0.25, 0.5], text: percent });
  explorer.addReset();
  explorer.addPicture(labels.curve_title, curves);
  if (recorded) explorer.addPicture(labels.reliability_name, reliability, { key: ({ rate }) => rate });
  explorer.addPicture(labels.savings_title, savings, { wide: Boolean(recorded) });

  function draw(animate) {
    const [samplingRate, baseRate] = [model.get("sampling_rate"), model.get("base_rate")];
    const rate = recorded && nearestRate(recordedRates, samplingRate);
    explorer.show({ samplingRate, baseRate, recorded, rate }, animate);
    explorer.say(samplingRate < 1 ? labels.sentence : labels.sentence_all, {
      alpha: rateText(samplingRate), raw: percent(downsampled(baseRate, samplingRate)), true: percent(baseRate),
      rows: percent(keptShare(baseRate, samplingRate)),
    });
  }
  return explorer.start();
}

export default {
  render,
  heights: {
    "recorded": [1619, 1775, 1642, 1023, 998, 1055],
    "": [1140, 1294, 1197, 601, 595, 648],
  },
  formulas: { downsampled, calibrate, keptShare, median, pooledBins, nearestRate },
};
