// The data of a picture as tables: one for all series that share their places, and one for each heat map.
import { html } from "bookwork/dom";

const LONGEST = 200; // rows shown of one table; its caption says how many there are in all

/** A number with four digits. */
function cell(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1e4) return value.toFixed(0).replace(/^-/, "−");
  return String(Number(value.toPrecision(4))).replace(/^-/, "−");
}

/** The names at places of an axis whose ticks are called by words: rows of points, say. */
const namesOf = ({ ticks, texts }) =>
  new Map(ticks && texts?.every((text) => /^\p{L}/u.test(text)) ? ticks.map((at, i) => [at, texts[i]]) : []);

/** How the values along an axis are written: by name, or in per cent, as its ticks are. */
function writer(axis) {
  const named = namesOf(axis);
  const percent = (value) => (axis.format === "percent" && typeof value === "number" ? `${cell(value * 100)}%` : value);
  return (value) => named.get(value) ?? percent(value);
}

function table(caption, columns, rows, more) {
  const cut = rows.length > LONGEST ? more.replace("{shown}", LONGEST).replace("{all}", rows.length) : "";
  const said = [caption, cut && `(${cut})`].filter(Boolean).join(" ");
  const head = html("tr", {}, ...columns.map((name) => html("th", { scope: "col" }, name)));
  const row = ([first, ...rest]) =>
    html("tr", {}, html("th", { scope: "row" }, cell(first)), ...rest.map((value) => html("td", {}, cell(value))));
  const body = html("tbody", {}, ...rows.slice(0, LONGEST).map(row));
  return html("table", {}, ...(said ? [html("caption", {}, said)] : []), html("thead", {}, head), body);
}

/** What one series adds to the table of its places: [heading, values]. */
function columnsOf(series, across, write) {
  const { name, kind, errors, bounds, from, more = [] } = series;
  if (kind === "band") return [[bounds?.[0] ?? `${name}, from`, from.map(write)], [bounds?.[1] ?? name, series[across].map(write)]];
  const measured = series[across];
  const spread = Object.values(errors ?? {}).flatMap(([low, high]) => {
    const lopsided = (v, i) => v !== null && Math.abs(high[i] + low[i] - 2 * v) > 1e-5 * Math.abs(v) + 1e-12;
    return !measured.some(lopsided)
      ? [[`${name}, ±`, measured.map((v, i) => (v === null ? null : (high[i] - low[i]) / 2)).map(write)]]
      : [[`${name}, from`, low.map(write)], [`${name}, to`, high.map(write)]];
  });
  return [[name, measured.map(write)], ...spread, ...more.map(([what, values]) => [`${name}, ${what}`, values])];
}

function matrix({ name, x, y, z }, axes, more) {
  const columns = [...new Set(x)];
  const at = (across, down) => z[x.findIndex((v, i) => v === across && y[i] === down)];
  const rows = [...new Set(y)].map((down) => [down, ...columns.map((across) => at(across, down))]);
  return table(name, [`${axes.y.label || "y"} \\ ${axes.x.label || "x"}`, ...columns], rows, more);
}

/** All tables of a picture; more says how many rows of how many are shown. */
export function tablesOf(picture, more) {
  const hasNames = (axis) => axis.scale === "band" || namesOf(axis).size > 0;
  const [along, across] = hasNames(picture.y) && !hasNames(picture.x) ? ["y", "x"] : ["x", "y"];
  const [writeAlong, writeAcross] = [writer(picture[along]), writer(picture[across])];
  const named = namesOf(picture[along]);
  const isRule = (series) => named.size > 0 && !series[along].some((at) => named.has(at)); // drawn beside the rows
  const groups = new Map();
  const cells = picture.series.filter(({ kind }) => kind === "cells");
  for (const series of picture.series.filter((each) => each.kind !== "cells" && !isRule(each))) {
    const key = JSON.stringify(series[along]);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(series);
  }
  const heading = picture[along].label || (named.size ? "name" : along);
  const made = [...groups.values()].map((together) => {
    const columns = together.flatMap((series) => columnsOf(series, across, writeAcross));
    const caption = groups.size > 1 && columns.length === 1 ? columns[0][0] : "";
    const rows = together[0][along].map((at, i) => [writeAlong(at), ...columns.map(([, values]) => values[i])]);
    return table(caption, [heading, ...columns.map(([name]) => name)], rows, more);
  });
  return [...made, ...cells.map((series) => matrix(series, picture, more))];
}
