// The weighted cross-entropy of one impression (chapter 2), task by task, with its gradient and the click mask.
// Texts come from the state.
import { createExplorer } from "bookwork/explorer";
import { number, percent } from "bookwork/format";
import { bar, line, point, readPoints, tableOf, textsOf } from "bookwork/picture";
import { range } from "bookwork/scales";

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

// ---------------------------------------------------------------- pictures

/** The columns with which every table of the tasks begins. */
const taskColumns = (labels) => [
  [labels.task, ({ task }) => labels[task]], [labels.label, ({ y }) => y], [labels.prediction, ({ p }) => percent(p)],
];

/** Every task with one of its numbers; what is masked says so. */
const listedBy = (tasks, key, labels) =>
  tasks.map((of) => `${labels[of.task]} ${of.counts ? number(of[key]) : labels.masked_out}`).join(", ");

/** The two curves of the cross-entropy, and where each task stands on them. */
function curves({ tasks, target }, labels) {
  const z = range(57).map((i) => (i - 28) / 4); // from logit 0.001 to logit 0.999, about
  const curve = (name, y, style) =>
    line(name, z, z.map((at) => crossEntropy(y, 1 / (1 + Math.exp(-at)))), "ink-soft", { width: 1.75, ...style });
  const masked = (counts) => (counts ? "" : ` (${labels.masked_out})`);
  const listed = tasks.map(({ task, loss, counts }) => `${labels[task]} ${number(loss)}${masked(counts)}`).join(", ");
  return {
    ...textsOf(labels, "curve", { listed }),
    note: tasks.every(({ counts }) => counts) ? labels.curve_note : labels.curve_note_masked,
    x: { domain: [-7, 7], ticks: TICKS.map(logit), texts: TICKS.map(percent), label: labels.curve_axis },
    y: { domain: [0, 7], ticks: range(8), label: labels.nats },
    height: 280,
    series: [
      curve(labels.happened_line, 1, { label: { prefer: 0.15 } }),
      curve(labels.not_line, 0, { dash: true, label: { prefer: 0.85 } }),
      ...tasks.map(({ task, p, loss, counts }) => {
        const style = { marker: MARKERS[task], size: task === target ? 8 : 5.5, hollow: !counts, label: { prefer: 0 } };
        return point(labels[task], logit(p), loss, task, style);
      }),
    ],
    readout: readPoints(tasks, ({ task, y, p, loss, counts }) => {
      const lines = [labels[task], `y = ${y}, p = ${percent(p)}`, `${labels.cross_entropy}: ${number(loss)}`];
      return [logit(p), loss, counts ? lines : [...lines, labels.masked_out], task];
    }),
    table: tableOf(tasks, [
      ...taskColumns(labels), [labels.cross_entropy, ({ loss }) => number(loss)],
      [labels.counts, ({ counts }) => (counts ? labels.yes : labels.no)],
    ]),
  };
}

/**
 * One bar per task, of what it pulls at its logit or adds to the total. What is masked counts nothing: hatched, and as
 * long as it would be without the mask.
 */
function bars(tasks, labels, key, { axis, column, ...texts }) {
  const text = ({ counts, [key]: value }) => (counts ? number(value) : labels.masked_out);
  const whole = ({ y, p, weight, loss }) => (key === "term" ? weight * loss : weight * (p - y));
  const reach = Math.max(0.1, ...tasks.map((one) => Math.abs(whole(one))));
  return {
    ...texts,
    x: { scale: "band", categories: TASKS.map((task) => labels[task]) },
    // room for the number beyond each bar
    y: { domain: [key === "gradient" ? -reach * 1.45 : 0, reach * 1.3], label: axis },
    series: tasks.map((one) => {
      const label = { text: text(one), side: whole(one) < 0 ? "below" : "above" };
      const style = { fill: one.counts ? "solid" : "hatched", faint: !one.counts, label };
      return bar(labels[one.task], labels[one.task], whole(one), one.task, style);
    }),
    readout: readPoints(tasks, (one) => [labels[one.task], one[key], [labels[one.task], text(one)], one.task]),
    table: tableOf(tasks, [
      ...taskColumns(labels), [labels.weight, ({ weight }) => number(weight)],
      [column, (one) => (one.counts ? text(one) : `0 (${labels.masked_out})`)],
    ]),
  };
}

const gradients = ({ tasks }, labels) =>
  bars(tasks, labels, "gradient", {
    ...textsOf(labels, "gradient", { listed: listedBy(tasks, "gradient", labels) }),
    axis: labels.gradient_axis, column: labels.gradient,
  });

const terms = ({ tasks, texts }, labels) =>
  bars(tasks, labels, "term", {
    ...textsOf(labels, "terms", { ...texts, listed: listedBy(tasks, "term", labels) }),
    note: tasks.every(({ counts }) => counts) ? labels.terms_note : labels.terms_note_masked,
    axis: labels.term_axis, column: labels.term,
  });

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, settings, labels) {
  const [outcomes, predictions, weights, masked, target] = settings.map((key) => model.get(key));
  const tasks = taskLosses(outcomes, predictions, weights, masked);
  const rest = tasks.slice(1).reduce((sum, { weight, loss }) => sum + weight * loss, 0);
  const largest = tasks.reduce((best, task) => (task.term > best.term ? task : best));
  const texts = {
    total: number(totalLoss(outcomes, predictions, weights, masked)), left_out: number(rest),
    largest: labels[largest.task], largest_term: number(largest.term), largest_p: percent(largest.p),
    largest_y: largest.y, largest_weight: number(largest.weight),
  };
  return { tasks, clicked: outcomes.click === 1, masked, target, texts };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const settings = ["outcomes", "predictions", "loss_weights", "masked", "target"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addChoice("target", { values: TASKS });
  const sliders = [["prediction", "predictions", PREDICTIONS, percent], ["weight", "loss_weights", WEIGHTS, number]];
  const groups = TASKS.map((part) => { // one of them is seen
    const group = explorer.addGroup({ label: labels[part], color: part, wide: true });
    if (part !== "click") explorer.addToggle(`${part}_click`, { label: labels.clicked, trait: "outcomes", part: "click", as: Number });
    explorer.addToggle(`${part}_outcome`, { label: labels.happened, trait: "outcomes", part, as: Number });
    for (const [key, trait, stops, text] of sliders) {
      explorer.addSlider(`${part}_${key}`, { label: labels[key], trait, part, stops, text });
    }
    return group;
  });
  explorer.addGroup();
  explorer.addToggle("masked");
  explorer.addReset();
  explorer.addPicture(labels.curve_title, curves, { wide: true });
  explorer.addPictures({ gradient: gradients, terms });

  function draw(animate) {
    const now = present(model, settings, labels);
    groups.forEach((group, i) => { group.hidden = TASKS[i] !== now.target; });
    explorer.show(now, animate);
    const unclicked = now.masked ? labels.sentence_masked : labels.sentence_unmasked;
    const some = now.tasks.some(({ weight, counts }) => counts && weight > 0);
    const sentence = now.clicked ? labels.sentence : unclicked;
    explorer.say(some ? sentence : labels.sentence_zero, now.texts);
  }
  return explorer.start();
}

export default {
  render,
  heights: { "": [1750, 1877, 1659, 1079, 1059, 1110] },
  formulas: { crossEntropy, taskLosses, totalLoss },
};
