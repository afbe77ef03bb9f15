// Recorded trainings over a grid of loss weights (chapter 2): what every target gains or loses when the weight of one
// varies, as a heat map of means over worlds. Texts and recordings come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, number, percent } from "bookwork/format";
import { readPoints, tableOf, textsOf } from "bookwork/picture";

const TASKS = ["click", "like", "collect", "share"];
const ALL = "all";
const [GAIN, LOSS] = ["accent", "watch_time"]; // blue and orange, which colour-blind readers tell apart
const FULLEST = 0.6; // of a colour behind a number that is to be read
const ROW = 27; // px
const EQUAL = "equal"; // the row with every weight 1

// ---------------------------------------------------------------- what holds of a cell

/** Whether the 95% interval of a change leaves out 0. */
const sure = ({ mean, margin }) => Math.abs(mean) > margin;

/** How full the colour of a change is, by the largest of all: as its root, so that small ones are seen. */
const fullness = (mean, largest) => (largest > 0 ? FULLEST * Math.sqrt(Math.min(1, Math.abs(mean) / largest)) : 0);

/** A share as points, with its sign: "+12", "−3", "0". */
function points(share) {
  const whole = Math.round(100 * share) || 0; // no −0
  return `${whole > 0 ? "+" : ""}${formatNumber(whole, "integer")}`;
}

const margins = ({ mean, margin }) => `${points(mean)} ± ${formatNumber(100 * margin, "short")}`;

/** The changes of a recording as cells, row by row. */
const cellsOf = (changes) => changes.flatMap(({ task, weight, mean, margin }) =>
  TASKS.map((target) => ({ key: `${task} ${weight}`, task, weight, target, mean: mean[target], margin: margin[target] })),
);

/** How many of the cells are gains and losses on which the worlds agree, and how many may be none. */
function countsOf(cells) {
  const agreed = cells.filter(sure);
  const gains = agreed.filter(({ mean }) => mean > 0).length;
  return { gains, losses: agreed.length - gains, open: cells.length - agreed.length };
}

// ---------------------------------------------------------------- the picture

function heatMapOf({ changes, cells, equal, largest, agreed, texts }, labels) {
  const rows = [EQUAL, ...changes.map(({ task, weight }) => `${task} ${weight}`)];
  const named = ({ task, weight }) => fill(labels.one_setting, { task: labels[task], weight: number(weight) });
  const names = [labels.equal, ...changes.map(named)];
  const columns = TASKS.map((task) => labels[task]);
  const faded = agreed ? cells.filter((cell) => !sure(cell)) : [];
  const kept = agreed ? cells.filter(sure) : cells;
  const drawn = (name, own, color, style) => ({
    name, kind: "cells", color, x: own.map(({ target }) => labels[target]), y: own.map(({ key }) => key),
    v: own.map(({ mean }) => fullness(mean, largest)), texts: own.map(({ mean }) => points(mean)), ...style,
  });
  const first = TASKS.map((target) => ({ target, key: EQUAL, mean: equal.mean[target], margin: equal.margin[target] }));
  const empty = (own) => ({ v: own.map(() => 0) });
  const listed = TASKS.map((task) => `${labels[task]} ${percent(equal.mean[task])}`).join(", ");
  const told = (cell) => `${margins(cell)}${sure(cell) ? "" : ` (${labels.open})`}`;
  const levelOf = ({ mean, margin }) => `${percent(mean)} ± ${percent(margin)}`;
  const lines = (cell) => cell.key === EQUAL
    ? [`${labels[cell.target]}, ${labels.equal}`, `${labels.gap}: ${levelOf(cell)}`]
    : [`${labels[cell.target]}, ${named(cell)}`, `${labels.change}: ${margins(cell)}`, ...(sure(cell) ? [] : [labels.open])];
  const cellIn = (key, target) => [...first, ...cells].find((cell) => cell.key === key && cell.target === target);
  return {
    ...textsOf(labels, "map", { ...texts, settings: changes.length, equal: listed }),
    note: agreed ? labels.map_note_agreed : labels.map_note,
    x: { scale: "band", categories: columns },
    y: { scale: "band", categories: rows, texts: names },
    oblong: true,
    height: rows.length * ROW + 30,
    series: [
      drawn("equal", first, "ink-soft", { ...empty(first), texts: first.map(({ mean }) => percent(mean)) }),
      drawn("gains", kept.filter(({ mean }) => mean >= 0), GAIN),
      drawn("losses", kept.filter(({ mean }) => mean < 0), LOSS),
      drawn("open", faded, "ink-soft", { ...empty(faded), faint: true }),
    ],
    readout: readPoints([...first, ...cells], (cell) => [labels[cell.target], cell.key, lines(cell), "ink"], {
      columns: TASKS.length, start: TASKS.length,
    }),
    table: tableOf(rows, [
      [labels.setting, (_, i) => names[i]],
      ...TASKS.map((target) => [labels[target], (key) => (key === EQUAL ? levelOf : told)(cellIn(key, target))]),
    ]),
  };
}

// ---------------------------------------------------------------- the explorer

const least = (cells) => cells.reduce((low, cell) => (cell.mean < low.mean ? cell : low));
const most = (cells) => cells.reduce((high, cell) => (cell.mean > high.mean ? cell : high));

/** What is said of all settings together. */
function sayAll(cells, texts, labels) {
  const losses = cells.filter((cell) => sure(cell) && cell.mean < 0);
  if (losses.length === 0) return [labels.sentence_no_loss, texts];
  const { target, task, weight, mean } = least(losses);
  const worst = { target: labels[target], task: labels[task], weight: number(weight), change: points(mean) };
  return [labels.sentence, { ...texts, ...worst }];
}

/** What is said of the settings of one task. */
function sayTask(cells, task, texts, labels) {
  const own = most(cells.filter(({ target }) => target === task));
  const values = { ...texts, task: labels[task], weight: number(own.weight), own: margins(own) };
  if (!sure(own) || own.mean < 0) return [labels.sentence_task_none, values];
  const paying = cells.filter((cell) => cell.weight === own.weight && sure(cell) && cell.mean < 0);
  if (paying.length === 0) return [labels.sentence_task_free, values];
  const listed = paying.map(({ target, mean }) => `${labels[target]} ${points(mean)}`).join(", ");
  return [labels.sentence_task, { ...values, listed }];
}

function render({ model, el }) {
  const labels = model.get("labels");
  const { worlds, equal, changes: all } = model.get("recorded");
  const settings = ["swept", "agreed"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  const varied = TASKS.filter((task) => all.some((change) => change.task === task));
  explorer.addChoice("swept", { values: [ALL, ...varied] });
  explorer.addToggle("agreed");
  explorer.addReset();
  explorer.addPicture(labels.map_name, heatMapOf, { wide: true });
  // of every setting, so that a colour means the same in all pictures
  const largest = Math.max(...cellsOf(all).map(({ mean }) => Math.abs(mean)));

  function draw(animate) {
    const [swept, agreed] = settings.map((key) => model.get(key));
    const changes = all.filter(({ task }) => swept === ALL || task === swept);
    const cells = cellsOf(changes);
    const texts = { worlds, count: cells.length, ...countsOf(cells) };
    explorer.show({ changes, cells, equal, largest, agreed, texts }, animate);
    explorer.say(...(swept === ALL ? sayAll(cells, texts, labels) : sayTask(cells, swept, texts, labels)));
  }
  return explorer.start();
}

export default {
  render,
  heights: { "recorded": [972, 931, 817, 742, 718, 678] },
  formulas: { cellsOf, countsOf, points, sure },
};
