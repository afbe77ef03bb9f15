// What the gates of an MMoE do while they learn (chapter 4): every held-out row's weights in a triangle of three experts,
// or utilisation expert by step for more; how many seeds are polarized, cure by cure. All of it recorded, and in
// JupyterLab trained anew on request.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { textsOf } from "bookwork/figure";
import { formatNumber } from "bookwork/format";
import { inTriangle } from "bookwork/triangle";

const PARTS = 255; // of the weights of a row, a byte per expert but the last
const FINE = 65535; // of utilisation, two bytes per expert
const Z = 1.959963984540054; // normal quantile of a 95% interval
const LISTED = 0.2; // utilisation from which a crowded bar is labelled
const LEAST = 0.001; // smaller shares are written as such

const percent = (value) => (value > 0 && value < LEAST ? `<${percent(LEAST)}` : formatNumber(value, "percent"));

/** A percentage in few letters, over narrow bars. */
function whole(value) {
  if (value > 0 && value < 0.01) return "<1%";
  return value < 1 && value > 0.99 ? ">99%" : `${Math.round(value * 100)}%`;
}

const two = (value) => value.toFixed(2);

// ---------------------------------------------------------------- formulas, the same as in ranking.mmoe and ranking.funnel

/** exp(entropy) of a gate's utilisation: 1 where one expert has all, E where all have the same. */
const effectiveExperts = (utilisation) =>
  Math.exp(-utilisation.reduce((sum, u) => sum + (u > 0 ? u * Math.log(u) : 0), 0));

const polarized = (utilisation, above) => Math.max(...utilisation) > above;

/** Experts (from 0) that no gate uses. */
const deadExperts = (gates, below) =>
  gates[0].flatMap((_, expert) => (gates.every((utilisation) => utilisation[expert] < below) ? [expert] : []));

/** 95% interval of a share (Wilson, 1927). */
function wilson(successes, trials) {
  const middle = (successes + (Z * Z) / 2) / (trials + Z * Z);
  const spread = (successes * (trials - successes)) / trials + (Z * Z) / 4;
  const half = (Z / (trials + Z * Z)) * Math.sqrt(spread);
  return [successes === 0 ? 0 : middle - half, successes === trials ? 1 : middle + half];
}

// ---------------------------------------------------------------- recordings

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Utilisation out of its two bytes per expert, low byte first: a list per seed, step and gate, one after another. */
function unpackUtilisation(text, experts) {
  const bytes = bytesOf(text);
  const value = (i) => (bytes[2 * i] + 256 * bytes[2 * i + 1]) / FINE;
  return Array.from({ length: bytes.length / (2 * experts) }, (_, k) =>
    Array.from({ length: experts }, (__, expert) => value(k * experts + expert)),
  );
}

/** Weights of rows out of a byte per expert but the last, which has the rest. */
function unpackWeights(text, experts) {
  const bytes = bytesOf(text);
  const kept = experts - 1;
  return Array.from({ length: bytes.length / kept }, (_, k) => {
    const parts = [...bytes.subarray(k * kept, (k + 1) * kept)];
    return [...parts, PARTS - parts.reduce((sum, part) => sum + part, 0)].map((part) => part / PARTS);
  });
}

/** A recorded run that can be asked; what is packed is unpacked when first asked for. */
function opened(run, tasks) {
  const { steps, experts, rows } = run;
  const at = (seed, step, task) => (seed * steps.length + step) * tasks.length + task;
  let [means, weights] = [null, null];
  return {
    ...run,
    utilisationOf(seed, step, task) {
      means ??= unpackUtilisation(run.utilisation, experts);
      return means[at(seed, step, task)];
    },
    weightsOf(seed, step, task) {
      weights ??= unpackWeights(run.weights, experts);
      return weights.slice(at(seed, step, task) * rows, (at(seed, step, task) + 1) * rows);
    },
  };
}

// ---------------------------------------------------------------- pictures

const range = (length) => Array.from({ length }, (_, i) => i);

/** Every sampled row as a point of the triangle, and the way of their mean. */
function trianglePicture(now, task, labels) {
  const { run, seed, at, tasks } = now;
  const { name, color } = tasks[task];
  const rows = run.weightsOf(seed, at, task);
  const means = range(at + 1).map((step) => run.utilisationOf(seed, step, task));
  const mean = means.at(-1);
  const corner = (expert) => fill(labels.expert_name, { expert: expert + 1 });
  const corners = range(3).map((expert) => `${corner(expert)}: ${percent(mean[expert])}`);
  const values = { ...now.texts, task: name, rows: run.rows, listed: corners.join(", "), parts: PARTS };
  const points = inTriangle(rows);
  const way = inTriangle(means);
  const weightsText = (weights) => weights.map((w, expert) => `${corner(expert)}: ${percent(w)}`);
  const meanStop = { x: way.x.at(-1), y: way.y.at(-1), lines: [labels.mean, ...weightsText(mean)] };
  return {
    title: fill(labels.triangle_title, values),
    alt: fill(labels.triangle_alt, values),
    note: task === 0 ? labels.triangle_note : "", // the others are read alike
    noteValues: values,
    corners,
    series: [
      { name: labels.way, kind: "line", ...way, color: "ink", width: 1.5 },
      {
        name: labels.mean, kind: "points", x: [meanStop.x], y: [meanStop.y], color: "ink", marker: "diamond", size: 6,
        hollow: true, label: { text: labels.mean, prefer: 0 },
      },
      { name: labels.rows, kind: "points", ...points, color, size: 4.5, overlaid: true }, // seen also where all are one
    ],
    readout: () => ({
      mode: "xy",
      stops: [
        { ...meanStop, marks: [[meanStop.x, meanStop.y, "ink"]] },
        ...rows.map((weights, i) => ({
          x: points.x[i], y: points.y[i], marks: [[points.x[i], points.y[i], color]],
          lines: [`${labels.row} ${i + 1}`, ...weightsText(weights)],
        })),
      ],
    }),
    table: {
      caption: fill(labels.triangle_caption, values),
      columns: [labels.row, ...range(3).map(corner)],
      rows: [[labels.mean, ...mean.map(percent)], ...rows.map((weights, i) => [String(i + 1), ...weights.map(percent)])],
    },
  };
}

/** Utilisation of every expert at every step so far, as a heat map. */
function heatPicture(now, task, labels) {
  const { run, seed, at, tasks } = now;
  const { name, color } = tasks[task];
  const experts = range(run.experts);
  const means = range(run.steps.length).map((step) => run.utilisationOf(seed, step, task));
  const cells = experts.flatMap((expert) =>
    range(at + 1).map((step) => ({ x: String(run.steps[step]), y: String(expert + 1), value: means[step][expert] })),
  );
  const top = means[at].indexOf(Math.max(...means[at]));
  const values = {
    ...now.texts, task: name, top: top + 1, share: percent(means[at][top]), effective: two(effectiveExperts(means[at])),
  };
  return {
    ...textsOf(labels, "heat", values),
    x: { scale: "band", categories: run.steps.map(String), label: labels.step },
    y: {
      scale: "band", categories: experts.map((expert) => String(expert + 1)),
      texts: experts.map((expert) => fill(labels.expert_name, { expert: expert + 1 })),
    },
    series: [{
      name: labels.utilisation, kind: "cells", color, x: cells.map(({ x }) => x), y: cells.map(({ y }) => y),
      v: cells.map(({ value }) => value),
    }],
    readout: () => ({
      mode: "xy",
      columns: at + 1,
      stops: cells.map(({ x, y, value }) => ({
        x, y, marks: [[x, y, "ink"]],
        lines: [`${fill(labels.expert_name, { expert: y })}, ${labels.step} ${x}`, `${labels.utilisation}: ${percent(value)}`],
      })),
    }),
    table: {
      caption: fill(labels.heat_caption, values),
      columns: [labels.expert, ...run.steps.slice(0, at + 1).map((step) => `${labels.step} ${step}`)],
      rows: experts.map((expert) => [String(expert + 1), ...range(at + 1).map((step) => percent(means[step][expert]))]),
    },
  };
}

/** Utilisation of every gate and expert at the present step as bars. */
function barsPicture(now, labels) {
  const { run, gates, tasks } = now;
  const experts = range(run.experts);
  const key = (task, expert) => `${tasks[task].name} ${expert + 1}`;
  const all = tasks.flatMap((_, task) => experts.map((expert) => ({ task, expert, value: gates[task][expert] })));
  const written = all.filter(({ value }) => run.experts <= 4 || value >= LISTED);
  const nearest = Math.floor((run.experts - 1) / 2); // the bar over which a gate's name stands
  const dead = deadExperts(gates, now.dead);
  const values = {
    ...now.texts, dead_below: percent(now.dead),
    listed: all.map(({ task, expert, value }) => `${key(task, expert)} ${percent(value)}`).join(", "),
    effective: tasks.map(({ name }, task) => `${name} ${two(effectiveExperts(gates[task]))}`).join(", "),
    dead: dead.length ? dead.map((expert) => expert + 1).join(", ") : labels.none_dead,
  };
  return {
    ...textsOf(labels, "bars", values),
    x: {
      scale: "band", label: labels.expert, categories: all.map(({ task, expert }) => key(task, expert)),
      texts: all.map(({ expert }) => String(expert + 1)),
    },
    y: { scale: "linear", domain: [0, 1.25], ticks: [0, 0.25, 0.5, 0.75, 1], label: labels.utilisation, format: "percent" },
    height: 270,
    series: [
      { name: "polarized", kind: "rule", y: now.threshold, color: "ink-soft" },
      ...tasks.map(({ name, color }, task) => ({
        name, kind: "bars", color, fill: task % 2 ? "hatched" : "solid", x: experts.map((expert) => key(task, expert)),
        y: gates[task],
      })),
      {
        name: "values", kind: "texts", color: "ink", x: written.map(({ task, expert }) => key(task, expert)),
        y: written.map(({ value }) => value), text: written.map(({ value }) => whole(value)),
      },
      {
        name: "gates", kind: "texts", color: "ink", x: tasks.map((_, task) => key(task, nearest)), y: tasks.map(() => 1.13),
        text: tasks.map(({ name }) => fill(labels.gate_name, { task: name })),
      },
    ],
    readout: () => ({
      mode: "xy",
      stops: all.map(({ task, expert, value }) => ({
        x: key(task, expert), y: value, marks: [[key(task, expert), value, tasks[task].color]],
        lines: [
          fill(labels.gate_name, { task: tasks[task].name }), fill(labels.expert_name, { expert: expert + 1 }),
          `${labels.utilisation}: ${percent(value)}`,
        ],
      })),
    }),
    table: {
      caption: fill(labels.bars_caption, values),
      columns: [labels.gate, ...experts.map((expert) => fill(labels.expert_name, { expert: expert + 1 })), labels.effective],
      rows: tasks.map(({ name }, task) => [name, ...gates[task].map(percent), two(effectiveExperts(gates[task]))]),
    },
  };
}

/** Share of polarized seeds of every cure after about as many steps, with its interval. */
function sharePicture(now, all, labels) {
  const found = all.map((run) => {
    const at = run === now.run ? now.at : nearestStep(run.steps, now.run.steps[now.at]);
    const [count, of] = [run.polarized[at], run.seeds];
    const [low, high] = wilson(count, of);
    const live = run.live ? ` ${labels.live_mark}` : "";
    return { run, count, of, low, high, share: count / of, name: `${labels[run.cure]}${live}: ${count} / ${of}` };
  });
  const listed = found.map(({ name, share }) => `${name}, ${percent(share)}`).join("; ");
  const values = { ...now.texts, listed, threshold: percent(now.threshold) };
  const bars = (name, chosen, style) => {
    const own = found.filter(({ run }) => (run === now.run) === chosen);
    return { name, kind: "bars", x: own.map(({ share }) => share), y: own.map((one) => one.name), ...style };
  };
  return {
    ...textsOf(labels, "share", values),
    x: { scale: "linear", domain: [0, 1], label: labels.share, format: "percent" },
    y: { scale: "band", label: "", categories: found.map(({ name }) => name) },
    height: 44 + 44 * found.length,
    series: [
      bars("chosen", true, { color: "accent" }),
      bars("others", false, { color: "accent", fill: "hatched" }),
      ...found.map(({ name, low, high, run }) => ({
        name: `interval ${run.cure}`, kind: "line", x: [low, high], y: [name, name], color: "ink", width: 1.75,
        marker: "square", size: 3,
      })),
    ],
    readout: () => ({
      mode: "xy",
      stops: found.map(({ name, share, low, high }) => ({
        x: share, y: name, marks: [[share, name, "accent"]],
        lines: [name, `${labels.share}: ${percent(share)}`, `${labels.interval}: ${percent(low)} – ${percent(high)}`],
      })),
    }),
    table: {
      caption: fill(labels.share_title, values),
      columns: [labels.cure, labels.polarized_seeds, labels.seeds, labels.share, labels.interval],
      rows: found.map(({ run, count, of, share, low, high }) => [
        labels[run.cure], String(count), String(of), percent(share), `${percent(low)} – ${percent(high)}`,
      ]),
    },
  };
}

const nearestStep = (steps, wanted) =>
  steps.reduce((best, step, i) => (Math.abs(step - wanted) < Math.abs(steps[best] - wanted) ? i : best), 0);

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const { tasks, steps, threshold, dead, shown, runs } = model.get("recorded");
  const cures = [...new Set(runs.map(({ cure }) => cure))];
  const counts = [...new Set(runs.map(({ experts }) => experts))];
  const trainable = Boolean(model.get("trainable")); // the page has no kernel, and no such trait
  const settings = ["step", "cure", "seed", "experts", ...(trainable ? ["learning_rate", "live"] : [])];
  const explorer = createExplorer({ model, el, labels, settings, draw });

  explorer.addSlider("step", {
    label: labels.step_slider, stops: steps, ticks: steps, named: [steps[0], steps.at(-1)],
    text: (value) => formatNumber(value, "integer"),
  });
  explorer.addPlay("step", steps);
  explorer.addChoice("cure", { label: labels.cure, values: cures });
  explorer.addSlider("seed", {
    label: labels.seed_slider, hint: labels.seed_hint, stops: range(shown), ticks: range(shown), named: [0, shown - 1],
    text: String,
  });
  explorer.addChoice("experts", {
    label: labels.experts, values: counts, text: String,
  });
  explorer.addReset();
  const task = trainable ? addTraining() : null;
  const gateFigures = tasks.map(({ name }) => explorer.addFigure(fill(labels.gate_name, { task: name })));
  const barsFigure = explorer.addFigure(labels.bars_title);
  const shareFigure = explorer.addFigure(labels.share);

  const ready = new Map(); // unpacked when first asked for
  function open(run) {
    if (!ready.has(run)) ready.set(run, opened(run, tasks));
    return ready.get(run);
  }

  function addTraining() {
    const rates = model.get("learning_rates");
    explorer.addGroup({ label: labels.training, wide: true });
    explorer.addSlider("learning_rate", {
      label: labels.learning_rate, stops: rates, named: [rates[0], rates.at(-1)],
      text: (value) => formatNumber(value, "number"),
    });
    const made = explorer.addTask({ label: labels.train, onPress: () => model.send({ train: true }) });
    explorer.addGroup();
    const tell = () => made.set(model.get("training") ?? null, model.get("status"));
    for (const key of ["training", "status"]) model.on(`change:${key}`, tell);
    tell();
    return () => ["training", "status"].forEach((key) => model.off(`change:${key}`, tell));
  }

  function draw(animate) {
    const [step, cure, seed, experts] = settings.map((key) => model.get(key));
    const live = model.get("live");
    const replaced = (run) => (live && live.cure === run.cure && live.experts === run.experts ? live : run);
    const all = runs.filter((run) => run.experts === experts).map(replaced).map(open);
    const run = all.find((one) => one.cure === cure);
    const at = nearestStep(run.steps, step);
    const gates = tasks.map((_, k) => run.utilisationOf(seed, at, k));
    const [low, high] = wilson(run.polarized[at], run.seeds).map(percent);
    const texts = {
      step: formatNumber(run.steps[at], "integer"), cure: labels[`with_${cure}`], seed, experts, threshold: percent(threshold),
      count: run.polarized[at], seeds: run.seeds, share: percent(run.polarized[at] / run.seeds), low, high,
    };
    const now = { run, seed, at, tasks, gates, threshold, dead, texts };
    const picture = run.experts === 3 ? trianglePicture : heatPicture;
    gateFigures.forEach((figure, k) => figure.update(picture(now, k, labels), animate));
    barsFigure.update(barsPicture(now, labels), animate);
    shareFigure.update(sharePicture(now, all, labels), animate);
    const said = gates.map((utilisation, k) => {
      const top = utilisation.indexOf(Math.max(...utilisation));
      const words = polarized(utilisation, threshold) ? labels.says_polarized : labels.says_mixed;
      return fill(words, {
        task: tasks[k].name, expert: top + 1, share: percent(utilisation[top]),
        effective: two(effectiveExperts(utilisation)), experts,
      });
    });
    const template = fill(run.live ? labels.sentence_live : labels.sentence, { gates: said.join(labels.and) });
    explorer.say(template, texts);
  }
  explorer.start();
  return () => {
    task?.();
    explorer.destroy();
  };
}

export default {
  render,
  formulas: { effectiveExperts, polarized, deadExperts, wilson, unpackUtilisation, unpackWeights, nearestStep, inTriangle },
};
