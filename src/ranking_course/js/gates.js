// What the gates of an MMoE do while they learn (chapter 4): every held-out row's weights in a triangle of three
// experts; and, as set and with each control moved alone, how many seeds are polarized and how much the heads have
// learnt. All of it recorded, and in JupyterLab trained anew on request.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, integer, number, two } from "bookwork/format";
import { bars, line, linesOf, point, points, readPoints, tableOf, textsOf } from "bookwork/picture";
import { nearest, range } from "bookwork/scales";
import { inTriangle } from "bookwork/triangle";

const PARTS = 89; // of the weights of a row, which two characters tell
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FINE = 65535; // of utilisation, two bytes per expert but the last
const EXPERTS = 3;
const CHOICES = ["optimiser", "rate", "heads", "cure"]; // tell one run from another
const Z = 1.959963984540054; // normal quantile of a 95% interval
const LEAST = 0.001; // smaller shares are written as such
const ROW = 38; // px of a picture's height
const MARKS = [{ marker: "circle", size: 6.5 }, { marker: "square", size: 3.5 }]; // of the tasks, seen one on the other
const HEIGHTS = ["lowest", "middle", "highest"]; // of the experts at step 0

const percent = (value) => (value > 0 && value < LEAST ? `<${percent(LEAST)}` : formatNumber(value, "percent"));

// ---------------------------------------------------------------- formulas, the same as in ranking.mmoe

/** exp(entropy) of a gate's utilisation: 1 where one expert has all, E where all have the same. */
const effectiveExperts = (utilisation) =>
  Math.exp(-utilisation.reduce((sum, u) => sum + (u > 0 ? u * Math.log(u) : 0), 0));

const polarized = (utilisation, above) => Math.max(...utilisation) > above;

/** 95% interval of a share (Wilson, 1927). */
function wilson(successes, trials) {
  const middle = (successes + (Z * Z) / 2) / (trials + Z * Z);
  const spread = (successes * (trials - successes)) / trials + (Z * Z) / 4;
  const half = (Z / (trials + Z * Z)) * Math.sqrt(spread);
  return [successes === 0 ? 0 : middle - half, successes === trials ? 1 : middle + half];
}

// ---------------------------------------------------------------- recordings

/** Utilisation of three experts out of two bytes each, low byte first, the last of whom has the rest: a list per gate. */
function unpackUtilisation(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const part = (i) => bytes[2 * i] + 256 * bytes[2 * i + 1];
  return range(bytes.length / 4).map((k) => {
    const [a, b] = [part(2 * k), part(2 * k + 1)];
    return [a / FINE, b / FINE, (FINE - a - b) / FINE];
  });
}

/** Weights of rows out of two characters each: the place of (a, b) among all pairs of parts that leave c = PARTS - a - b. */
function unpackWeights(text) {
  const all = range(PARTS + 1).flatMap((a) => range(PARTS + 1 - a).map((b) => [a, b, PARTS - a - b]));
  const place = Object.fromEntries([...LETTERS].map((letter, i) => [letter, i]));
  const code = (k) => 64 * place[text[2 * k]] + place[text[2 * k + 1]];
  return range(text.length / 2).map((k) => all[code(k)].map((part) => part / PARTS));
}

/** A run that can be asked; what is packed is unpacked when first asked for. */
function opened(run, { steps, tasks, rows }) {
  const at = (seed, step, task) => (seed * steps.length + step) * tasks.length + task;
  let [means, weights] = [null, null];
  return {
    ...run,
    utilisationOf(seed, step, task) {
      means ??= unpackUtilisation(run.utilisation);
      return means[at(seed, step, task)];
    },
    weightsOf(seed, step, task) {
      weights ??= unpackWeights(run.weights);
      return weights.slice(at(seed, step, task) * rows, (at(seed, step, task) + 1) * rows);
    },
  };
}

/** The run of these choices. */
const runOf = (runs, choices) => runs.find((run) => CHOICES.every((choice) => run[choice] === choices[choice]));

/** The cures that were tried with an optimiser. */
const curesWith = (runs, optimiser) =>
  [...new Set(runs.filter((run) => run.optimiser === optimiser).map(({ cure }) => cure))];

/** The run of the present choices, then those in which one of them is another. */
function neighbours(runs, now) {
  const others = (choice) => {
    const values = [...new Set(runs.map((run) => run[choice]))].filter((value) => value !== now[choice]);
    return values.map((value) => ({ changed: choice, choices: { ...now, [choice]: value } }));
  };
  const ways = [{ changed: null, choices: now }, ...["rate", "optimiser", "heads", "cure"].flatMap(others)];
  return ways
    .map((way) => ({ ...way, run: runOf(runs, way.choices) ?? runOf(runs, { ...way.choices, cure: "none" }) }))
    .filter(({ changed, choices, run }) => changed !== "cure" || run.cure === choices.cure); // others were not tried
}

// ---------------------------------------------------------------- pictures

const topOf = (utilisation) => utilisation.indexOf(Math.max(...utilisation));
const expertName = (labels) => (expert) => fill(labels.expert_name, { expert: expert + 1 });

/** Every sampled row as a point of the triangle, and the way of their mean. */
function trianglePicture({ run, seed, at, tasks, rows: count, texts }, labels, task) {
  const { name, color } = tasks[task];
  const rows = run.weightsOf(seed, at, task);
  const means = range(at + 1).map((step) => run.utilisationOf(seed, step, task));
  const [places, way] = [inTriangle(rows), inTriangle(means)];
  const columns = range(EXPERTS).map((expert) => [expertName(labels)(expert), (weights) => percent(weights[expert])]);
  const corners = linesOf(columns, means[at]);
  const [lowest, , highest] = run.heights[seed][task].map((expert) => expert + 1);
  const values = { ...texts, task: name, rows: count, listed: corners.join(", "), parts: PARTS, lowest, highest };
  const [x, y] = [way.x[at], way.y[at]];
  const meanStyle = { marker: "diamond", size: 6, hollow: true, label: { prefer: 0 } };
  // of the mean, before all rows
  const stops = [
    [x, y, [labels.mean, ...corners], "ink"],
    ...rows.map((row, i) => [places.x[i], places.y[i], [`${labels.row} ${i + 1}`, ...linesOf(columns, row)], color]),
  ];
  return {
    ...textsOf(labels, "triangle", values),
    note: task === 0 ? labels.triangle_note : labels.triangle_note_other, // the others are read alike
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

/** Share of polarized seeds as set and with one thing changed, each with its interval. */
function sharePicture({ ways, at, texts }, labels) {
  const found = ways.map(({ run, name }) => {
    const [count, of] = [run.polarized[at], run.seeds];
    return { count, of, interval: wilson(count, of), share: count / of, way: name, name: `${name}: ${count} / ${of}` };
  });
  const listed = found.map(({ name, share }) => `${name}, ${percent(share)}`).join("; ");
  const barsOf = (name, those, style) =>
    bars(name, those.map(({ share }) => share), those.map((one) => one.name), "accent", style);
  const ends = { width: 1.75, marker: "square", size: 3 }; // of an interval
  const bounds = ({ interval }) => interval.map(percent).join(" – ");
  const columns = [[labels.share, ({ share }) => percent(share)], [labels.interval, bounds]];
  return {
    ...textsOf(labels, "share", { ...texts, listed }),
    x: { domain: [0, 1], label: labels.share, format: "percent" },
    y: { scale: "band", label: "", categories: found.map(({ name }) => name) },
    height: ROW * (found.length + 1),
    series: [
      barsOf("chosen", found.slice(0, 1)),
      barsOf("others", found.slice(1), { fill: "hatched" }),
      ...found.map(({ name, interval, way }) => line(`interval ${way}`, interval, [name, name], "ink", ends)),
    ],
    readout: readPoints(found, (one) => [one.share, one.name, [one.name, ...linesOf(columns, one)], "accent"]),
    table: tableOf(found, [
      [labels.setting, ({ way }) => way], [labels.polarized_seeds, ({ count }) => count],
      [labels.seeds, ({ of }) => of], ...columns,
    ]),
  };
}

const closedText = (closed, below) => (closed < 0 ? below : percent(closed));

/** Share of the gap between the best constant and the truth that heads have closed, of the same ways. */
function gapPicture({ ways, at, tasks, texts }, labels) {
  const found = ways.map(({ run, name: way }, i) => {
    const closed = run.gap_closed[at]; // of every task
    const shares = closed.map((value) => closedText(value, labels.below));
    const entries = i > 0 ? shares : shares.map((share, k) => fill(labels.gap_entry, { task: tasks[k].name, share }));
    return { way, closed, stuck: run.stuck[at], seeds: run.seeds, name: `${way}: ${entries.join(", ")}` };
  });
  const columns = [
    ...tasks.map(({ name: task }, k) => [fill(labels.gap_of, { task }), ({ closed }) => formatNumber(closed[k], "percent")]),
    ...tasks.map(({ name: task }, k) => [fill(labels.stuck_of, { ...texts, task }), ({ stuck, seeds }) => `${stuck[k]} / ${seeds}`]),
  ];
  const pointsOf = (task, hollow) => {
    const those = found.filter(({ closed }) => closed[task] < 0 === hollow);
    const [x, y] = [those.map(({ closed }) => Math.max(0, closed[task])), those.map(({ name }) => name)];
    const { name, color } = tasks[task];
    return points(`${name}${hollow ? ` ${labels.below}` : ""}`, x, y, color, { ...MARKS[task], hollow });
  };
  return {
    ...textsOf(labels, "gap", { ...texts, listed: found.map(({ name }) => name).join("; ") }),
    x: { domain: [-0.03, 1], ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], label: labels.gap, format: "percent" },
    y: { scale: "band", label: "", categories: found.map(({ name }) => name) },
    height: ROW * (found.length + 1),
    series: tasks.flatMap((_, task) => [pointsOf(task, false), pointsOf(task, true)]),
    readout: readPoints(found, (one) => [
      Math.max(0, one.closed[0]), one.name, [one.name, ...linesOf(columns, one)], tasks[0].color,
    ]),
    table: tableOf(found, [[labels.setting, ({ way }) => way], ...columns]),
  };
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const { tasks, steps, threshold, closes, shown, rows, runs: known } = model.get("recorded");
  const valuesOf = (choice) => [...new Set(known.map((run) => run[choice]))];
  const chosen = () => Object.fromEntries(CHOICES.map((choice) => [choice, model.get(choice)]));
  const rateOf = (choices) => number(runOf(known, { ...choices, cure: "none" }).learning_rate);
  const seedText = (seed) => fill(labels.seed_text, { seed, world: shown[seed].world });
  const trainable = Boolean(model.get("trainable")); // the page has no kernel, and no such trait
  // the rows of runs that are not shown at first may come later
  const settings = [...CHOICES, "seed", "step", "recorded", ...(trainable ? ["live"] : [])];
  const explorer = createExplorer({ model, el, labels, settings, draw });

  model.on("change:optimiser", leaveCure); // before anything is drawn
  explorer.addSlider("step", {
    label: labels.step_slider, stops: steps, ticks: steps, named: [steps[0], steps.at(-1)], text: integer,
  });
  explorer.addPlay("step", steps);
  explorer.addChoice("optimiser", { values: valuesOf("optimiser") });
  explorer.addSlider("rate", {
    stops: valuesOf("rate"), ticks: valuesOf("rate"), text: (rate) => rateOf({ ...chosen(), rate }),
  });
  explorer.addChoice("heads", { values: valuesOf("heads") });
  explorer.addChoice("cure", { values: valuesOf("cure") });
  explorer.addSlider("seed", {
    stops: range(shown.length), ticks: range(shown.length), text: seedText,
  });
  explorer.addReset();
  const endTraining = trainable ? addTraining() : () => {};
  tasks.forEach(({ name }, task) => {
    explorer.addPicture(fill(labels.gate_name, { task: name }), (now) => trianglePicture(now, labels, task));
  });
  explorer.addPicture(labels.share_name, sharePicture);
  explorer.addPicture(labels.gap_name, gapPicture);

  const ready = new Map(); // unpacked when first asked for
  const open = (run) => ready.get(run) ?? ready.set(run, opened(run, model.get("recorded"))).get(run);

  /** Where the chosen cure was not tried there is none. */
  function leaveCure() {
    if (curesWith(known, model.get("optimiser")).includes(model.get("cure"))) return;
    model.set("cure", "none");
    model.save_changes();
  }

  function addTraining() {
    explorer.addGroup({ label: labels.training, wide: true });
    const made = explorer.addTask({ label: labels.train, onPress: () => model.send({ train: true }) });
    explorer.addGroup();
    const tell = () => made.set(model.get("training") ?? null, model.get("status"));
    for (const key of ["training", "status"]) model.on(`change:${key}`, tell);
    tell();
    return () => ["training", "status"].forEach((key) => model.off(`change:${key}`, tell));
  }

  /** What a way is called in a list of ways. */
  function nameOf({ changed, choices, run }) {
    const texts = {
      rate: rateOf(choices), optimiser: labels[`short_${choices.optimiser}`], heads: labels[choices.heads],
    };
    const way = { cure: labels[`short_${choices.cure}`], null: labels.as_set }[changed]
      ?? fill(labels[`other_${changed}`], texts);
    const name = run.cure === choices.cure ? way : fill(labels.without, { way });
    return run.live ? `${name} ${labels.live_mark}` : name;
  }

  function draw(animate) {
    const choices = chosen();
    const [seed, step] = [model.get("seed"), model.get("step")];
    const live = trainable ? model.get("live") : null;
    const runs = model.get("recorded").runs.map((run) => (live && runOf([live], run) ? live : run));
    const cures = curesWith(known, choices.optimiser);
    explorer.showControl("cure", cures.length > 1);
    const ways = neighbours(runs, choices).map((way) => ({ run: way.run, name: nameOf(way) }));
    const run = open(ways[0].run);
    const at = nearest(steps, step);
    const [low, high] = wilson(run.polarized[at], run.seeds).map(percent);
    const gap = tasks.map(({ name: task }, k) =>
      fill(labels.says_gap, { task, share: closedText(run.gap_closed[at][k], labels.says_below) }));
    const texts = {
      ...choices, step: integer(steps[at]), optimiser: labels[choices.optimiser], rate: rateOf(choices),
      starts: labels[`starts_${choices.heads}`], cure: labels[`with_${choices.cure}`], seed: seedText(seed),
      threshold: percent(threshold), closes: percent(closes), count: run.polarized[at], seeds: run.seeds,
      share: percent(run.polarized[at] / run.seeds), low, high, first: tasks[0].name, second: tasks.at(-1).name,
      stuck: run.stuck[at].reduce((sum, count) => sum + count, 0), all: run.seeds * tasks.length,
    };
    explorer.show({ run, ways, seed, at, tasks, rows, texts }, animate);
    const said = tasks.map(({ name: task }, k) => {
      const utilisation = run.utilisationOf(seed, at, k);
      const top = topOf(utilisation);
      return fill(polarized(utilisation, threshold) ? labels.says_polarized : labels.says_mixed, {
        task, expert: top + 1, share: percent(utilisation[top]), effective: two(effectiveExperts(utilisation)),
        height: labels[HEIGHTS[run.heights[seed][k].indexOf(top)]],
      });
    });
    const parts = { gates: said.join(labels.and), gap: gap.join(labels.both) };
    const sentence = `${run.live ? labels.live : ""}${fill(labels.sentence, parts)}`;
    explorer.say(cures.length > 1 ? sentence : `${sentence}${labels.no_cures}`, texts);
  }
  const end = explorer.start();
  return () => {
    model.off("change:optimiser", leaveCure);
    endTraining();
    end();
  };
}

const read = { unpackUtilisation, unpackWeights, inTriangle };
export default {
  render,
  heights: { "": [3212, 3124, 2876, 1759, 1694, 1589] },
  formulas: { effectiveExperts, polarized, wilson, ...read },
};
