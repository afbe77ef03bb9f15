// The weighted cross-entropy of one impression (chapter 2), task by task, with its gradient and the click mask; and
// recorded trainings over a grid of loss weights. Texts and recordings come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { textsOf } from "bookwork/figure";
import { formatNumber, number, percent } from "bookwork/format";
import { median } from "ranking_course/statistics";

const TASKS = ["click", "like", "collect", "share"];
const MARKERS = { click: "circle", like: "square", collect: "diamond", share: "triangle" };
const PREDICTIONS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65,
  0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999,
];
const WEIGHTS = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

const TICKS = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999];

const logit = (p) => Math.log(p / (1 - p));

// ---------------------------------------------------------------- formulas, the same as in ranking.multi_task

/** Cross-entropy of label y (0 or 1) and prediction p, in nats. */
const crossEntropy = (y, p) => (y === 1 ? -Math.log(p) : -Math.log1p(-p));

/** Per task: cross-entropy, whether it counts, its term of the total, and the total's gradient at its logit. */
function taskLosses(outcomes, predictions, weights, masked) {
  return TASKS.map((task) => {
    const [y, p, weight] = [outcomes[task], predictions[task], weights[task]];
    const counts = task === "click" || outcomes.click === 1 || !masked;
    const loss = crossEntropy(y, p);
    const gradient = counts ? weight * (p - y) : 0;
    return { task, y, p, weight, loss, counts, term: counts ? weight * loss : 0, gradient };
  });
}

const totalLoss = (outcomes, predictions, weights, masked) =>
  taskLosses(outcomes, predictions, weights, masked).reduce((sum, { term }) => sum + term, 0);

/** Each seed's values less its own at weight 1; and their median over the seeds. */
function changes(weights, values) {
  const at = weights.indexOf(1);
  const seeds = values.map((row) => row.map((value) => value - row[at]));
  return { seeds, median: weights.map((_, i) => median(seeds.map((row) => row[i]))) };
}

// ---------------------------------------------------------------- pictures

/** The two curves of the cross-entropy, and where each task stands on them. */
function curves(tasks, labels) {
  const z = Array.from({ length: 57 }, (_, i) => (i - 28) / 4); // from logit 0.001 to logit 0.999, about
  const name = (y) => (y === 1 ? labels.happened_line : labels.not_line);
  const line = (y) => ({
    name: name(y), kind: "line", x: z, y: z.map((at) => crossEntropy(y, 1 / (1 + Math.exp(-at)))),
    color: "ink-soft", width: 1.75, dash: y === 0, label: { text: name(y), prefer: y === 1 ? 0.15 : 0.85 },
  });
  const masked = (counts) => (counts ? "" : ` (${labels.masked_out})`);
  const listed = tasks.map(({ task, loss, counts }) => `${labels[task]} ${number(loss)}${masked(counts)}`);
  return {
    title: labels.curve_title,
    alt: fill(labels.curve_alt, { listed: listed.join(", ") }),
    note: tasks.every(({ counts }) => counts) ? labels.curve_note : labels.curve_note_masked,
    x: { scale: "linear", domain: [-7, 7], ticks: TICKS.map(logit), texts: TICKS.map(percent), label: labels.curve_axis },
    y: { scale: "linear", domain: [0, 7], ticks: [0, 1, 2, 3, 4, 5, 6, 7], label: labels.nats, format: "number" },
    series: [
      line(1), line(0),
      ...tasks.map(({ task, p: x, loss, counts }) => ({
        name: labels[task], kind: "points", x: [logit(x)], y: [loss], color: task, marker: MARKERS[task], size: 6,
        hollow: !counts, label: { text: labels[task], prefer: 0 },
      })),
    ],
    readout: () => ({
      mode: "xy",
      stops: tasks.map(({ task, y, p: x, loss, counts }) => ({
        x: logit(x), y: loss, marks: [[logit(x), loss, task]],
        lines: [
          labels[task], `y = ${y}, p = ${percent(x)}`, `${labels.cross_entropy}: ${number(loss)}`,
          ...(counts ? [] : [labels.masked_out]),
        ],
      })),
    }),
    table: {
      caption: labels.curve_caption,
      columns: [labels.task, labels.label, labels.prediction, labels.cross_entropy, labels.counts],
      rows: tasks.map(({ task, y, p: x, loss, counts }) => [
        labels[task], String(y), percent(x), number(loss), counts ? labels.yes : labels.no,
      ]),
    },
  };
}

/** One bar per task, of what it pulls at its logit or adds to the total; what is masked is hatched, or absent. */
function bars(tasks, labels, key, texts) {
  const names = TASKS.map((task) => labels[task]);
  const shown = tasks.map((one) => ({ ...one, value: one[key], name: labels[one.task] }));
  const without = (one) => (key === "term" ? one.weight * one.loss : one.weight * (one.p - one.y));
  const text = ({ counts, value }) => (counts ? number(value) : labels.masked_out);
  const extent = shown.flatMap((one) => [one.value, one.counts ? 0 : without(one)]);
  const reach = Math.max(0.1, ...extent.map(Math.abs));
  // room for the number beyond each bar
  const low = key === "gradient" ? -reach * 1.3 : 0;
  const high = reach * 1.3;
  return {
    ...texts,
    x: { scale: "band", categories: names },
    y: { scale: "linear", domain: [low, high], label: texts.axis, format: "number" },
    // what is masked counts nothing: hatched, and as long as it would be without the mask
    series: shown.map((one) => {
      const y = one.counts ? one.value : without(one);
      return {
        name: one.name, kind: "bars", x: [one.name], y: [y], color: one.task,
        fill: one.counts ? "solid" : "hatched", faint: !one.counts,
        label: { text: text(one), side: y < 0 ? "below" : "above" },
      };
    }),
    readout: () => ({
      mode: "xy",
      stops: shown.map((one) => ({
        x: one.name, y: one.value, marks: [[one.name, one.value, one.task]], lines: [one.name, text(one)],
      })),
    }),
    table: {
      caption: texts.caption,
      columns: [labels.task, labels.label, labels.prediction, labels.weight, texts.column],
      rows: shown.map((one) => [
        one.name, String(one.y), percent(one.p), number(one.weight),
        one.counts ? number(one.value) : `0 (${labels.masked_out})`,
      ]),
    },
  };
}

/** Recorded trainings: how every task's AUC or log loss changes as one task's weight varies. */
function sweep(recorded, swept, measure, weight, labels) {
  const { weights, seeds, [measure]: values } = recorded.sweeps[swept];
  const found = Object.fromEntries(TASKS.map((task) => [task, changes(weights, values[task])]));
  const metric = (measured) => formatNumber(measured, "metric");
  const present = weight >= weights[0] && weight <= weights.at(-1);
  const middle = (task, i) => median(values[task].map((row) => row[i]));
  const texts = {
    measure: labels[measure], swept: labels[swept], seeds: seeds.length,
    low: number(weights[0]), high: number(weights.at(-1)),
    listed: TASKS.map((task) => `${labels[task]} ${metric(middle(task, weights.length - 1))}`).join(", "),
  };
  const value = (task, i) => `${metric(middle(task, i))} (${signed(found[task].median[i])})`;
  const signed = (change) => `${change > 0 ? "+" : ""}${formatNumber(Number(change.toFixed(4)), "plain")}`;
  const axis = fill(labels.sweep_weight, texts);
  return {
    ...textsOf(labels, "sweep", texts),
    x: { scale: "log", domain: [weights[0], weights.at(-1)], ticks: weights, label: axis, format: "number" },
    y: { scale: "linear", label: fill(labels.sweep_axis, texts), format: "number" },
    height: 300,
    series: [
      { name: "none", kind: "rule", y: 0, color: "ink-soft" },
      ...(present ? [{ name: "now", kind: "rule", x: weight, color: "ink-soft" }] : []),
      ...TASKS.flatMap((task) =>
        found[task].seeds.map((y, s) => ({
          name: `${labels[task]}, ${labels.seed} ${seeds[s]}`, kind: "line", x: weights, y, color: task, width: 1,
          faint: true,
        })),
      ),
      ...TASKS.map((task) => ({
        name: labels[task], kind: "line", x: weights, y: found[task].median, color: task, width: 2.5,
        marker: MARKERS[task], size: 4.5, label: { text: labels[task], prefer: 1 },
      })),
    ],
    readout: () => ({
      mode: "x",
      stops: weights.map((x, i) => ({
        x,
        lines: [`λ = ${number(x)}`, ...TASKS.map((task) => `${labels[task]}: ${value(task, i)}`)],
        marks: TASKS.map((task) => [x, found[task].median[i], task]),
      })),
    }),
    table: {
      caption: fill(labels.sweep_caption, texts),
      columns: [axis, ...TASKS.map((task) => labels[task])],
      rows: weights.map((x, i) => [number(x), ...TASKS.map((task) => value(task, i))]),
    },
  };
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const recorded = model.get("recorded");
  const settings = ["outcomes", "predictions", "loss_weights", "masked", "swept", "measure"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  const one = (trait, task) => ({
    trait, read: (values) => values[task], write: (value) => ({ ...model.get(trait), [task]: Number(value) }),
  });

  for (const task of TASKS) {
    explorer.addGroup({ label: labels[task], color: task });
    explorer.addToggle(`${task}_outcome`, { label: labels.happened, ...one("outcomes", task) });
    explorer.addSlider(`${task}_prediction`, {
      label: labels.prediction, stops: PREDICTIONS, text: percent, ...one("predictions", task),
    });
    explorer.addSlider(`${task}_weight`, {
      label: labels.weight, stops: WEIGHTS, text: number, ...one("loss_weights", task),
    });
  }
  explorer.addGroup();
  explorer.addToggle("masked", { label: labels.masked });
  if (recorded) {
    const swept = TASKS.filter((task) => task in recorded.sweeps);
    explorer.addChoice("swept", { label: labels.swept, values: swept });
    explorer.addChoice("measure", { label: labels.measure, values: ["auc", "log_loss"] });
  }
  explorer.addReset();

  const curveFigure = explorer.addFigure(labels.curve_title, true);
  const gradientFigure = explorer.addFigure(labels.gradient_title);
  const termFigure = explorer.addFigure(labels.terms_title);
  const sweepFigure = recorded ? explorer.addFigure(labels.sweep_name, true) : null;

  let drawnSweep = null;
  function draw(animate) {
    const [outcomes, predictions, weights, masked, swept, measure] = settings.map((key) => model.get(key));
    const tasks = taskLosses(outcomes, predictions, weights, masked);
    const total = totalLoss(outcomes, predictions, weights, masked);
    const rest = tasks.slice(1).reduce((sum, { weight, loss }) => sum + weight * loss, 0);
    const largest = tasks.reduce((best, task) => (task.term > best.term ? task : best));
    const texts = {
      total: number(total), left_out: number(rest), largest: labels[largest.task], largest_term: number(largest.term),
      largest_p: percent(largest.p), largest_y: largest.y, largest_weight: number(largest.weight),
    };
    const part = (of, key) => `${labels[of.task]} ${of.counts ? number(of[key]) : labels.masked_out}`;
    const listed = (key) => tasks.map((of) => part(of, key)).join(", ");
    curveFigure.update({ ...curves(tasks, labels), height: 280 }, animate);
    gradientFigure.update(
      bars(tasks, labels, "gradient", {
        title: labels.gradient_title, alt: fill(labels.gradient_alt, { listed: listed("gradient") }),
        note: labels.gradient_note, axis: labels.gradient_axis, caption: labels.gradient_caption, column: labels.gradient,
      }),
      animate,
    );
    termFigure.update(
      bars(tasks, labels, "term", {
        title: labels.terms_title, alt: fill(labels.terms_alt, { ...texts, listed: listed("term") }),
        noteValues: texts, note: tasks.every(({ counts }) => counts) ? labels.terms_note : labels.terms_note_masked,
        axis: labels.term_axis, caption: labels.terms_caption, column: labels.term,
      }),
      animate,
    );
    const shown = [swept, measure, weights[swept]].join();
    if (sweepFigure && shown !== drawnSweep) {
      sweepFigure.update(sweep(recorded, swept, measure, weights[swept], labels), animate);
      drawnSweep = shown;
    }
    const unclicked = masked ? labels.sentence_masked : labels.sentence_unmasked;
    const clicked = outcomes.click === 1 ? labels.sentence : unclicked;
    explorer.say(tasks.some(({ weight, counts }) => counts && weight > 0) ? clicked : labels.sentence_zero, texts);
  }
  explorer.start();
  return explorer.destroy;
}

export default { render, formulas: { crossEntropy, taskLosses, totalLoss, changes, median } };
