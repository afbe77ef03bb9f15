// Down-sampling and calibration (chapter 3): what a model says after training on a part of the negatives, and what
// it says once calibrated; beside it recorded trainings. Texts and recordings come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, percent } from "bookwork/format";
import { median } from "ranking_course/statistics";

const RATES = [
  0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6,
  0.8, 1,
]; // about evenly spaced in ln α
const BASE_RATES = Array.from({ length: 50 }, (_, i) => (i + 1) / 100);


// ---------------------------------------------------------------- formulas, the same as in ranking.calibration

const downsampled = (p, samplingRate) => p / (p + samplingRate * (1 - p));
const calibrate = (p, samplingRate) => (samplingRate * p) / (1 - p + samplingRate * p);
const keptShare = (baseRate, samplingRate) => baseRate + samplingRate * (1 - baseRate);

/** Bins of several runs as one: means weighted by rows, null where no run has any. */
function pooledBins(all) {
  return {
    predicted: all[0].count.map((_, i) => weightedMean(all, "predicted", i)),
    observed: all[0].count.map((_, i) => weightedMean(all, "observed", i)),
    count: all[0].count.map((_, i) => all.reduce((sum, bins) => sum + bins.count[i], 0)),
  };
}

function weightedMean(all, key, i) {
  const filled = all.filter((bins) => bins.count[i] > 0);
  const rows = filled.reduce((sum, bins) => sum + bins.count[i], 0);
  return rows === 0 ? null : filled.reduce((sum, bins) => sum + bins[key][i] * bins.count[i], 0) / rows;
}

/** The recorded sampling rate that is nearest by ratio. */
const nearestRate = (rates, samplingRate) =>
  rates.reduce((best, rate) => {
    const distance = (r) => Math.abs(Math.log(r / samplingRate));
    return distance(rate) < distance(best) ? rate : best;
  });

// ---------------------------------------------------------------- pictures

const SAME = { scale: "linear", domain: [0, 1], format: "percent" };
const diagonal = (labels) => ({
  name: labels.truth, kind: "line", x: [0, 1], y: [0, 1], color: "ink", width: 2, dash: true,
});

/** What the model says by what is true, before and after calibration. */
function curves(samplingRate, baseRate, labels) {
  // the raw curve bends where p is near √α: steps along it are even when p is spread by that
  const bend = Math.sqrt(samplingRate);
  const x = Array.from({ length: 65 }, (_, i) => calibrate(i / 64, bend));
  const said = downsampled(baseRate, samplingRate);
  const bent = samplingRate < 1;
  const stop = (p) => {
    const raw = downsampled(p, samplingRate);
    const after = calibrate(raw, samplingRate);
    return {
      x: p,
      lines: [
        `${labels.true_probability}: ${percent(p)}`,
        `${labels.raw}: ${percent(raw)}`,
        `${labels.calibrated}: ${percent(after)}`,
      ],
      marks: [[p, raw, "click"], [p, after, "click"]],
    };
  };
  const readout = () => ({
    mode: "x", stops: Array.from({ length: 101 }, (_, i) => stop(i / 100)), start: Math.round(baseRate * 100),
  });
  const listed = [...new Set([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1, baseRate])].sort((a, b) => a - b);
  return {
    title: labels.curve_title,
    alt: fill(labels.curve_alt, { raw: percent(said), true: percent(baseRate) }),
    note: labels.curve_note,
    x: { ...SAME, label: labels.true_probability },
    y: { ...SAME, label: labels.prediction },
    series: [
      { name: "base rate", kind: "rule", x: baseRate, color: "ink-soft" },
      {
        name: labels.calibrated, kind: "line", x: [0, 1], y: [0, 1], color: "click", width: 5,
        label: { text: bent ? labels.calibrated : labels.both_lines, prefer: 0.6, side: "below" },
      },
      {
        name: labels.raw, kind: "line", x, y: x.map((p) => downsampled(p, samplingRate)), color: "click", width: 1.75,
        label: bent ? { text: labels.raw, prefer: 0.6, side: "above" } : undefined,
      },
      { ...diagonal(labels), label: { text: labels.truth, prefer: 0.75, side: "above" } },
      { name: "correction", kind: "arrow", x: [baseRate, baseRate], y: [said, baseRate], color: "ink" },
      {
        name: "said", kind: "points", x: [baseRate], y: [said], color: "click", size: 5, hollow: true,
        label: bent ? { text: percent(said), prefer: 0 } : undefined,
      },
      {
        name: "meant", kind: "points", x: [baseRate], y: [baseRate], color: "click", size: 5.5,
        label: { text: percent(baseRate), prefer: 0 },
      },
    ],
    readout,
    table: {
      caption: fill(labels.curve_caption, { alpha: formatNumber(samplingRate, "rate") }),
      columns: [labels.true_probability, labels.raw, labels.calibrated],
      rows: listed.map((p) => {
        const raw = downsampled(p, samplingRate);
        return [percent(p), percent(raw), percent(calibrate(raw, samplingRate))];
      }),
    },
  };
}

/** Radius of a bin's mark: what many rows say weighs more. */
const markSize = (rows) => (rows > 0 ? 1.5 + 0.7 * Math.log10(rows) : 0);

/** Recorded reliability: predicted against observed, every seed faint, all seeds together in front. */
function reliability(recorded, rate, runs, labels) {
  const kinds = [
    { key: "raw", color: "click", width: 1.75, marker: "square", hollow: true },
    { key: "calibrated", color: "click", width: 3.5, marker: "circle" },
  ].map((kind) => ({ ...kind, name: labels[kind.key], pooled: pooledBins(runs.map((run) => run[kind.key])) }));
  const seeds = kinds.flatMap(({ key, color, name }) =>
    runs.map((run) => ({
      name: `${name}, ${labels.seed} ${run.seed}`, kind: "line", x: run[key].predicted, y: run[key].observed, color,
      width: key === "raw" ? 1 : 2, faint: true,
    })),
  );
  const front = kinds.map(({ key, pooled, ...style }) => ({
    ...style, kind: "line", x: pooled.predicted, y: pooled.observed, size: pooled.count.map(markSize),
    label: { text: style.name, prefer: 0.6 },
  }));
  const filled = kinds.flatMap(({ name, color, pooled }) =>
    pooled.count
      .map((count, i) => ({ name, color, i, count, x: pooled.predicted[i], y: pooled.observed[i] }))
      .filter(({ count }) => count > 0),
  );
  const middle = (of) => formatNumber(median(runs.map(of)), "metric");
  const values = {
    alpha: formatNumber(rate, "rate"),
    seeds: runs.length,
    raw: middle((run) => run.raw.ece),
    calibrated: middle((run) => run.calibrated.ece),
    raw_loss: middle((run) => run.raw.log_loss),
    calibrated_loss: middle((run) => run.calibrated.log_loss),
    auc: middle((run) => run.auc),
    truth_loss: formatNumber(recorded.truth?.log_loss, "metric"),
    truth_auc: formatNumber(recorded.truth?.auc, "metric"),
  };
  const observed = recorded.observed_is ?? labels.observed;
  return {
    title: fill(labels.reliability_title, values),
    alt: fill(labels.reliability_alt, values),
    note: recorded.truth ? labels.reliability_note_truth : labels.reliability_note,
    noteValues: values,
    x: { ...SAME, label: labels.prediction },
    y: { ...SAME, label: observed },
    series: [...seeds, { ...diagonal(labels), label: { text: labels.truth, prefer: 0.9 } }, ...front],
    readout: () => ({
      mode: "xy",
      stops: filled.map(({ name, color, count, x, y }) => ({
        x, y, marks: [[x, y, color]],
        lines: [
          name,
          `${labels.prediction}: ${percent(x)}`,
          `${observed}: ${percent(y)}`,
          `${labels.rows}: ${formatNumber(count, "integer")}`,
        ],
      })),
    }),
    table: {
      caption: fill(labels.reliability_caption, values),
      columns: [labels.bin, labels.prediction, observed, labels.rows],
      rows: filled.map(({ name, i, count, x, y }) => [
        `${name}, ${i + 1}`, percent(x), percent(y), formatNumber(count, "integer"),
      ]),
    },
  };
}

/** Rows that training still sees at every α, and the recorded time that it takes. */
function savings(samplingRate, baseRate, recorded, rate, labels) {
  const kept = keptShare(baseRate, samplingRate);
  const values = { alpha: formatNumber(samplingRate, "rate"), rows: percent(kept), base: percent(baseRate) };
  const x = Array.from({ length: 41 }, (_, i) => 10 ** (i / 20 - 2));
  const shares = x.map((alpha) => keptShare(baseRate, alpha));
  const series = [
    { name: "sampling rate", kind: "rule", x: samplingRate, color: "ink-soft" },
    {
      name: labels.positives, kind: "line", x: [0.01, 1], y: [baseRate, baseRate], color: "ink-soft", width: 1, dash: true,
      label: { text: labels.positives, prefer: 0.9, side: "below" },
    },
    {
      name: labels.rows_seen, kind: "line", x, y: shares, color: "click", width: 2.5,
      label: { text: labels.rows_seen, prefer: 0.85, side: "above" },
    },
    {
      name: "kept", kind: "points", x: [samplingRate], y: [kept], color: "click", size: 7,
      label: { text: percent(kept), prefer: 0, side: "above" },
    },
  ];
  const columns = [labels.alpha, labels.rows_seen];
  const listed = [...new Set([...(recorded?.rates ?? [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]), samplingRate])];
  const rows = listed
    .sort((a, b) => b - a)
    .map((alpha) => [formatNumber(alpha, "rate"), percent(keptShare(baseRate, alpha))]);
  let [note, noteValues, most, outside] = [labels.savings_note, values, 1, 0];
  const times = recorded && trainingTimes(recorded);
  if (times) {
    const all = recorded.runs.map((run) => run.train_seconds / times.whole);
    // a run that a busy machine held up for long would press all others flat: it is counted, not drawn
    const limit = 1.3 * Math.max(1, ...times.shares);
    const drawn = all.map((share) => (share <= limit ? share : null));
    most = Math.max(1, ...drawn);
    outside = drawn.filter((share) => share === null).length;
    series.push(
      {
        name: labels.seed, kind: "points", x: recorded.runs.map((run) => run.rate), y: drawn, color: "ink", size: 2.5,
        faint: true,
      },
      {
        name: labels.time, kind: "points", x: times.rates, y: times.shares, color: "ink", size: 4.5,
        marker: "square", hollow: true, label: { text: labels.time, prefer: 0.6 },
      },
    );
    columns.push(labels.time);
    rows.forEach((row, i) => row.push(formatNumber(times.shares[times.rates.indexOf(listed[i])], "percent")));
    const seconds = times.shares[times.rates.indexOf(rate)] * times.whole;
    note = rate < 1 ? labels.savings_note_recorded : labels.savings_note_all;
    if (outside > 0) note += ` ${labels.savings_outside}`;
    noteValues = {
      ...values, outside, limit: percent(limit), recorded_base: percent(recorded.base_rate),
      rate: formatNumber(rate, "rate"), seconds: formatNumber(seconds, "short"),
      whole: formatNumber(times.whole, "short"), times: formatNumber(times.whole / seconds, "short"),
    };
  }
  const stop = (alpha, i) => {
    const found = {
      x: alpha,
      lines: [`α = ${formatNumber(alpha)}`, `${labels.rows_seen}: ${percent(shares[i])}`],
      marks: [[alpha, shares[i], "click"]],
    };
    if (times) {
      const near = nearestRate(times.rates, alpha);
      const share = times.shares[times.rates.indexOf(near)];
      found.lines.push(`${labels.time}, α = ${formatNumber(near, "rate")}: ${percent(share)}`);
      found.marks.push([near, share, "ink"]);
    }
    return found;
  };
  return {
    title: labels.savings_title,
    alt: fill(labels.savings_alt, values),
    note,
    noteValues,
    x: { scale: "log", domain: [0.01, 1], label: labels.alpha, format: "number" },
    y: { scale: "linear", domain: [0, most], label: labels.share_of_full, format: "percent" },
    height: recorded ? 250 : undefined,
    series,
    readout: () => ({ mode: "x", stops: x.map(stop), start: Math.round(20 * (Math.log10(samplingRate) + 2)) }),
    table: { caption: fill(labels.savings_caption, values), columns, rows },
  };
}

/** Median recorded time at each rate as a share of that with all rows; null where those were not recorded. */
function trainingTimes({ rates, runs }) {
  if (!rates.includes(1)) return null;
  const seconds = (rate) => median(runs.filter((run) => run.rate === rate).map((run) => run.train_seconds));
  const whole = seconds(1);
  return { whole, rates, shares: rates.map((rate) => seconds(rate) / whole) };
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const recorded = model.get("recorded");
  const settings = ["sampling_rate", "base_rate"];
  const explorer = createExplorer({ model, el, labels, settings, draw });

  const recordedRates = recorded?.rates ?? [];
  const rates = [...new Set([...RATES, ...recordedRates.filter((r) => r >= RATES[0])])].sort((a, b) => a - b);
  explorer.addSlider("sampling_rate", {
    label: labels.sampling_rate, hint: labels.sampling_rate_hint, stops: rates,
    ticks: recordedRates.filter((r) => rates.includes(r)), named: [0.01, 0.1, 1], text: (v) => formatNumber(v, "rate"),
  });
  explorer.addSlider("base_rate", {
    label: labels.base_rate, hint: labels.base_rate_hint, stops: BASE_RATES, named: [0.01, 0.25, 0.5], text: percent,
  });
  explorer.addReset();

  const curveFigure = explorer.addFigure(labels.curve_title);
  const reliabilityFigure = recorded ? explorer.addFigure(labels.reliability_name) : null;
  const savingsFigure = explorer.addFigure(labels.savings_title, Boolean(recorded));

  let drawnRate = null;
  function draw(animate) {
    const samplingRate = model.get("sampling_rate");
    const baseRate = model.get("base_rate");
    const rate = recorded && nearestRate(recordedRates, samplingRate);
    const runs = recorded ? recorded.runs.filter((run) => run.rate === rate) : [];
    curveFigure.update(curves(samplingRate, baseRate, labels), animate);
    savingsFigure.update(savings(samplingRate, baseRate, recorded, rate, labels), animate);
    if (reliabilityFigure && rate !== drawnRate) {
      reliabilityFigure.update(reliability(recorded, rate, runs, labels), animate);
      drawnRate = rate;
    }
    const values = {
      alpha: formatNumber(samplingRate, "rate"),
      raw: percent(downsampled(baseRate, samplingRate)),
      true: percent(baseRate),
      rows: percent(keptShare(baseRate, samplingRate)),
    };
    explorer.say(samplingRate < 1 ? labels.sentence : labels.sentence_all, values);
  }
  explorer.start();
  return explorer.destroy;
}

export default {
  render,
  formulas: { downsampled, calibrate, keptShare, median, pooledBins, nearestRate },
};
