// What the gates of an MMoE do while they learn (chapter 4): every held-out row's weights in a triangle of three
// experts, or utilisation expert by step for more; how many seeds are polarized, cure by cure. All of it recorded, and
// in JupyterLab trained anew on request.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, integer, number, two } from "bookwork/format";
import { bars, heatMap, line, linesOf, point, points, readPoints, rule, tableOf, textsOf } from "bookwork/picture";
import { nearest, range } from "bookwork/scales";
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

// ---------------------------------------------------------------- formulas, the same as in ranking.mmoe

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
  return range(bytes.length / (2 * experts)).map((k) => range(experts).map((expert) => value(k * experts + expert)));
}

/** Weights of rows out of a byte per expert but the last, which has the rest. */
function unpackWeights(text, experts) {
  const bytes = bytesOf(text);
  const kept = experts - 1;
  return range(bytes.length / kept).map((k) => {
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

const topOf = (utilisation) => utilisation.indexOf(Math.max(...utilisation));
const expertName = (labels) => (expert) => fill(labels.expert_name, { expert: expert + 1 });

/** Every sampled row as a point of the triangle, and the way of their mean. */
function trianglePicture({ run, seed, at, tasks, texts }, labels, task) {
  const { name, color } = tasks[task];
  const rows = run.weightsOf(seed, at, task);
  const means = range(at + 1).map((step) => run.utilisationOf(seed, step, task));
  const [places, way] = [inTriangle(rows), inTriangle(means)];
  const columns = range(3).map((expert) => [expertName(labels)(expert), (weights) => percent(weights[expert])]);
  const corners = linesOf(columns, means[at]);
  const values = { ...texts, task: name, rows: run.rows, listed: corners.join(", "), parts: PARTS };
  const [x, y] = [way.x[at], way.y[at]];
  const meanStyle = { marker: "diamond", size: 6, hollow: true, label: { prefer: 0 } };
  // of the mean, before all rows
  const stops = [
    [x, y, [labels.mean, ...corners], "ink"],
    ...rows.map((row, i) => [places.x[i], places.y[i], [`${labels.row} ${i + 1}`, ...linesOf(columns, row)], color]),
  ];
  return {
    ...textsOf(labels, "triangle", values),
    note: task === 0 ? labels.triangle_note : "", // the others are read alike
    corners,
    series: [
      line(labels.way, way.x, way.y, "ink", { width: 1.5 }),
      point(labels.mean, x, y, "ink", meanStyle),
      points(labels.rows, places.x, places.y, color, { size: 4.5, overlaid: true }), // seen also where all are one
    ],
    readout: readPoints(stops, (stop) => stop),
    table: tableOf([means[at], ...rows], [[labels.row, (_, i) => (i === 0 ? labels.mean : i)], ...columns]),
  };
}

/** Utilisation of every expert at every step so far, as a heat map. */
function heatPicture({ run, seed, at, tasks, texts }, labels, task) {
  const { name, color } = tasks[task];
  const experts = range(run.experts);
  const names = experts.map(expertName(labels));
  const means = run.steps.map((_, step) => run.utilisationOf(seed, step, task));
  const upToNow = range(at + 1);
  const cells = experts.flatMap((expert) =>
    upToNow.map((step) => ({ expert, x: String(run.steps[step]), y: String(expert + 1), value: means[step][expert] })),
  );
  const [top, effective] = [topOf(means[at]), two(effectiveExperts(means[at]))];
  const values = { ...texts, task: name, top: top + 1, share: percent(means[at][top]), effective };
  return {
    ...textsOf(labels, "heat", values),
    x: { scale: "band", categories: run.steps.map(String), label: labels.step },
    y: { scale: "band", categories: experts.map((expert) => String(expert + 1)), texts: names },
    ...heatMap(labels.utilisation, color, cells, at + 1, ({ expert, x, value }) => [
      `${names[expert]}, ${labels.step} ${x}`, `${labels.utilisation}: ${percent(value)}`,
    ]),
    table: tableOf(experts, [
      [labels.expert, (expert) => expert + 1],
      ...upToNow.map((step) => [`${labels.step} ${run.steps[step]}`, (expert) => percent(means[step][expert])]),
    ]),
  };
}

/** Utilisation of every gate and expert at the present step as bars. */
function barsPicture({ run, gates, tasks, threshold, dead: below, texts }, labels) {
  const experts = range(run.experts);
  const names = experts.map(expertName(labels));
  const key = (task, expert) => `${tasks[task].name} ${expert + 1}`;
  const all = tasks.flatMap((_, task) =>
    experts.map((k) => ({ task, expert: k, no: `${k + 1}`, key: key(task, k), value: gates[task][k] })),
  );
  const written = all.filter(({ value }) => run.experts <= 4 || value >= LISTED);
  const middle = Math.floor((run.experts - 1) / 2); // of the bars: over it a gate's name stands
  const gateName = (task) => fill(labels.gate_name, { task: tasks[task].name });
  const effective = (task) => two(effectiveExperts(gates[task]));
  const dead = deadExperts(gates, below);
  const values = {
    ...texts, dead_below: percent(below), listed: all.map((one) => `${one.key} ${percent(one.value)}`).join(", "),
    effective: tasks.map(({ name }, task) => `${name} ${effective(task)}`).join(", "),
    dead: dead.length ? dead.map((expert) => expert + 1).join(", ") : labels.none_dead,
  };
  const texted = (name, x, y, text) => ({ name, kind: "texts", color: "ink", x, y, text });
  const [x, y] = [written.map((one) => one.key), written.map(({ value }) => value)];
  return {
    ...textsOf(labels, "bars", values),
    x: { scale: "band", label: labels.expert, categories: all.map((one) => one.key), texts: all.map(({ no }) => no) },
    y: { domain: [0, 1.25], ticks: [0, 0.25, 0.5, 0.75, 1], label: labels.utilisation, format: "percent" },
    height: 270,
    series: [
      rule("polarized", { y: threshold }),
      ...tasks.map(({ name, color }, task) =>
        bars(name, experts.map((k) => key(task, k)), gates[task], color, { fill: task % 2 ? "hatched" : "solid" }),
      ),
      texted("values", x, y, y.map(whole)),
      texted("gates", tasks.map((_, k) => key(k, middle)), tasks.map(() => 1.13), tasks.map((_, k) => gateName(k))),
    ],
    readout: readPoints(all, ({ task, expert, key: at, value }) => [
      at, value, [gateName(task), names[expert], `${labels.utilisation}: ${percent(value)}`], tasks[task].color,
    ]),
    table: tableOf(range(tasks.length), [
      [labels.gate, (task) => tasks[task].name],
      ...names.map((name, expert) => [name, (task) => percent(gates[task][expert])]), [labels.effective, effective],
    ]),
  };
}

/** Share of polarized seeds of every cure after about as many steps, with its interval. */
function sharePicture(now, labels) {
  const found = now.all.map((run) => {
    const at = run === now.run ? now.at : nearest(run.steps, now.run.steps[now.at]);
    const [count, of] = [run.polarized[at], run.seeds];
    const interval = wilson(count, of);
    const live = run.live ? ` ${fill(labels.live_mark, { rate: number(run.learning_rate) })}` : "";
    return { run, count, of, interval, share: count / of, name: `${now.cures[run.cure]}${live}: ${count} / ${of}` };
  });
  const listed = found.map(({ name, share }) => `${name}, ${percent(share)}`).join("; ");
  const barsOf = (name, chosen, style) => {
    const own = found.filter(({ run }) => (run === now.run) === chosen);
    return bars(name, own.map(({ share }) => share), own.map((one) => one.name), "accent", style);
  };
  const ends = { width: 1.75, marker: "square", size: 3 }; // of an interval
  const bounds = ({ interval }) => interval.map(percent).join(" – ");
  const columns = [[labels.share, ({ share }) => percent(share)], [labels.interval, bounds]];
  return {
    ...textsOf({ ...labels, share_caption: labels.share_title }, "share", { ...now.texts, listed }),
    x: { domain: [0, 1], label: labels.share, format: "percent" },
    y: { scale: "band", label: "", categories: found.map(({ name }) => name) },
    height: 44 + 44 * found.length,
    series: [
      barsOf("chosen", true),
      barsOf("others", false, { fill: "hatched" }),
      ...found.map(({ name, interval, run }) => line(`interval ${run.cure}`, interval, [name, name], "ink", ends)),
    ],
    readout: readPoints(found, (one) => [one.share, one.name, [one.name, ...linesOf(columns, one)], "accent"]),
    table: tableOf(found, [
      [labels.cure, ({ run }) => now.cures[run.cure]], [labels.polarized_seeds, ({ count }) => count],
      [labels.seeds, ({ of }) => of], ...columns,
    ]),
  };
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const { tasks, steps, threshold, dead, shown, learning_rate: usual, runs: known } = model.get("recorded");
  const rateOf = (run) => {
    const rates = { rate: number(run.learning_rate), usual: number(usual) };
    return run.cure === "slow" ? fill(labels.instead, rates) : rates.rate;
  };
  const cures = Object.fromEntries(known.map((run) => [run.cure, fill(labels[run.cure], { rate: rateOf(run) })]));
  const trainable = Boolean(model.get("trainable")); // the page has no kernel, and no such trait
  // the rows of runs that are not shown at first may come later
  const settings = ["step", "cure", "seed", "experts", "recorded", ...(trainable ? ["learning_rate", "live"] : [])];
  const explorer = createExplorer({ model, el, labels, settings, draw });

  explorer.addSlider("step", {
    label: labels.step_slider, stops: steps, ticks: steps, named: [steps[0], steps.at(-1)], text: integer,
  });
  explorer.addPlay("step", steps);
  explorer.addChoice("cure", { values: Object.keys(cures), text: (cure) => cures[cure] });
  explorer.addSlider("seed", {
    label: labels.seed_slider, stops: range(shown), ticks: range(shown), named: [0, shown - 1], text: String,
  });
  explorer.addChoice("experts", { values: [...new Set(known.map(({ experts }) => experts))], text: String });
  explorer.addReset();
  const endTraining = trainable ? addTraining() : () => {};
  tasks.forEach(({ name }, task) => {
    const picture = (now) => (now.run.weights ? trianglePicture : heatPicture)(now, labels, task);
    explorer.addPicture(fill(labels.gate_name, { task: name }), picture);
  });
  explorer.addPicture(labels.bars_title, barsPicture);
  explorer.addPicture(labels.share, sharePicture);

  const ready = new Map(); // unpacked when first asked for
  const open = (run) => ready.get(run) ?? ready.set(run, opened(run, tasks)).get(run);

  function addTraining() {
    const rates = model.get("learning_rates");
    explorer.addGroup({ label: labels.training, wide: true });
    explorer.addSlider("learning_rate", { stops: rates, named: [rates[0], rates.at(-1)], text: number });
    const made = explorer.addTask({ label: labels.train, onPress: () => model.send({ train: true }) });
    explorer.addGroup();
    const tell = () => made.set(model.get("training") ?? null, model.get("status"));
    for (const key of ["training", "status"]) model.on(`change:${key}`, tell);
    tell();
    return () => ["training", "status"].forEach((key) => model.off(`change:${key}`, tell));
  }

  function draw(animate) {
    const [step, cure, seed, experts, { runs }] = settings.map((key) => model.get(key));
    const live = model.get("live");
    const replaced = (run) => (live && live.cure === run.cure && live.experts === run.experts ? live : run);
    const all = runs.filter((run) => run.experts === experts).map(replaced).map(open);
    const run = all.find((one) => one.cure === cure);
    const at = nearest(run.steps, step);
    const gates = tasks.map((_, k) => run.utilisationOf(seed, at, k));
    const [low, high] = wilson(run.polarized[at], run.seeds).map(percent);
    const texts = {
      step: integer(run.steps[at]), cure: labels[`with_${cure}`], seed, experts, threshold: percent(threshold),
      rate: rateOf(run), usual: number(usual), count: run.polarized[at], seeds: run.seeds, share: percent(run.polarized[at] / run.seeds), low, high,
    };
    explorer.show({ run, all, cures, seed, at, tasks, gates, threshold, dead, texts }, animate);
    const said = gates.map((utilisation, k) => {
      const top = topOf(utilisation);
      return fill(polarized(utilisation, threshold) ? labels.says_polarized : labels.says_mixed, {
        task: tasks[k].name, expert: top + 1, share: percent(utilisation[top]),
        effective: two(effectiveExperts(utilisation)), experts,
      });
    });
    const template = fill(run.live ? labels.sentence_live : labels.sentence, { gates: said.join(labels.and) });
    explorer.say(template, texts);
  }
  const end = explorer.start();
  return () => {
    endTraining();
    end();
  };
}

const read = { unpackUtilisation, unpackWeights, nearestStep: nearest, inTriangle };
export default {
  render,
  heights: { "": [2565, 2505, 2279, 1447, 1461, 1385] },
  formulas: { effectiveExperts, polarized, deadExperts, wilson, ...read },
};
