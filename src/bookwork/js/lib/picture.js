// Pictures as data, in few words: series, readouts, tables, and the texts around them.
import { fill } from "bookwork/dom";
import { formatNumber } from "bookwork/format";
import { known } from "bookwork/marks";
import { isList, namesAlong } from "bookwork/names";

/** A series of that kind; style is whatever else createFigure knows of it. */
const series = (kind) => (name, x, y, color, style) => ({ name, kind, x, y, color, ...style });
export const line = series("line");
export const points = series("points");
export const bars = series("bars");
/** A series of one point, or of one bar. */
export const point = (name, x, y, color, style) => points(name, [x], [y], color, style);
export const bar = (name, x, y, color, style) => bars(name, [x], [y], color, style);
/** A straight line from the first to the last x, or to the last y. */
export const level = (name, x, y, color, style) => line(name, x, [y, y], color, style);
export const upright = (name, x, y, color, style) => line(name, [x, x], y, color, style);
/** A line across the whole picture at one { x } or { y }. */
export const rule = (name, at, color = "ink-soft") => ({ name, kind: "rule", color, ...at });

/**
 * What surrounds a picture, out of the labels NAME_title, NAME_alt, NAME_note and NAME_caption (of its table; by
 * default its title), with values filled in.
 */
export function textsOf(labels, name, values = {}) {
  const title = fill(labels[`${name}_title`], values);
  const caption = fill(labels[`${name}_caption`] ?? title, values);
  return { title, alt: fill(labels[`${name}_alt`], values), note: labels[`${name}_note`], noteValues: values, caption };
}

/** A table of columns [heading, cell(item, i)], a row per item; its caption is that of the picture. */
export const tableOf = (items, columns) => ({
  columns: columns.map(([heading]) => heading),
  rows: items.map((item, i) => columns.map(([, cell]) => cell(item, i))),
});

/** The same columns as lines of a readout: heading and value. */
export const linesOf = (columns, item, i) => columns.map(([heading, cell]) => `${heading}: ${cell(item, i)}`);

/**
 * A readout with one stop per item at its own place: stop(item, i) gives x, y, lines and the mark's colour, if there is
 * one, and the y of another mark at the same x.
 */
export const readPoints = (items, stop, options) => () => ({
  mode: "xy",
  stops: items.map((item, i) => {
    const [x, y, lines, color, ...others] = stop(item, i);
    return { x, y, lines, marks: color ? [y, ...others].map((at) => [x, at, color]) : [] };
  }),
  ...options,
});

/** A heat map of { x, y, value }, row by row from the top; empty at 0, full at 1. lines(cell) are read out. */
export function heatMap(name, color, cells, columns, lines) {
  const v = cells.map(({ value }) => Math.min(1, Math.max(0, value)));
  return {
    series: [series("cells")(name, cells.map(({ x }) => x), cells.map(({ y }) => y), color, { v })],
    readout: readPoints(cells, (cell) => [cell.x, cell.y, lines(cell), "ink"], { columns }),
  };
}

/** A readout along the x axis: stop(x, i) gives lines and marks [y, color], or [y, color, x] where one stands aside. */
export const readAlong = (xs, stop, start = 0) => () => ({
  mode: "x",
  start,
  stops: xs.map((x, i) => {
    const [lines, ...marks] = stop(x, i);
    return { x, lines, marks: marks.map(([y, color, aside = x]) => [aside, y, color]) };
  }),
});

/** The values along an axis as text: by name where they have one, else as numbers. */
function textsAlong(axis, values) {
  const names = namesAlong(axis, values);
  return values.map((value, i) => names[i] ?? formatNumber(value, axis.format));
}

/** What is read out of a place along an axis: nothing of one beside the rows that are called by words. */
export function saidOf(axis, value, text = textsAlong(axis, [value])[0]) {
  if (isList(axis) && axis.scale !== "band" && !axis.ticks.includes(value)) return [];
  return [axis.label ? `${axis.label}: ${text}` : text];
}

/** What a picture shows that brings none of its own: a table of every point, and a stop at each that is not faint. */
export function plain({ x: across, y: up, seriesLabel, series: all }) {
  const items = all
    .filter(({ kind, x, decoration }) => Array.isArray(x) && kind !== "arrow" && !decoration)
    .flatMap(({ name, color = "ink", faint, quiet, kind, said, own = [], errors, colors, x, y }) => {
      const [xs, ys] = [textsAlong(across, x), textsAlong(up, y)];
      const silent = faint || quiet || kind === "band";
      return x.map((at, i) => {
        const range = Object.values(errors ?? {}).map(([low, high]) => [low[i], high[i]])[0];
        const values = own.map(([what, each]) => `${what}: ${formatNumber(each[i])}`);
        const lines = said?.[i].split("\n") ?? (values.length ? values : undefined);
        const texts = [xs[i], ys[i]];
        return { name, color: colors?.[i] ?? color, faint: silent, x: at, y: y[i], texts, lines, range };
      });
    });
  const columns = [
    [seriesLabel, ({ name }) => name], [across.label, ({ texts }) => texts[0]], [up.label, ({ texts }) => texts[1]],
  ];
  const seen = items.filter(({ faint, x, y }) => !faint && known(x) && known(y));
  const measured = up.scale === "band" ? across : up;
  const ends = ({ range }) => (range ? [range.map((end) => formatNumber(end, measured.format)).join(" – ")] : []);
  const places = ({ x, y, texts }) => [...saidOf(across, x, texts[0]), ...saidOf(up, y, texts[1])];
  const lines = (one) => one.lines ?? [...places(one), ...ends(one)];
  const stop = (one) => [one.x, one.y, [one.name, ...lines(one)], one.color];
  return { table: tableOf(items, columns), readout: readPoints(seen, stop) };
}
