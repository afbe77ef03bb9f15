// The data of a picture as tables: one for all series that share their places, and one for each heat map.
import { html } from "bookwork/dom";
import { isList, namesAlong } from "bookwork/names";

const LONGEST = 200; // rows shown of one table; its caption says how many there are in all

/** A number with four digits. */
function cell(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1e4) return value.toFixed(0).replace(/^-/, "−");
  return String(Number(value.toPrecision(4))).replace(/^-/, "−");
}

/** How the values along an axis are written: by name, or in per cent, as its ticks are. */
function written(axis, values) {
  const names = namesAlong(axis, values);
  const percent = (value) => (axis.format === "percent" && typeof value === "number" ? `${cell(value * 100)}%` : value);
  return values.map((value, i) => names[i] ?? percent(value));
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
  if (kind === "band") return [[bounds?.[0] ?? `${name}, from`, write(from)], [bounds?.[1] ?? name, write(series[across])]];
  const measured = series[across];
  const spread = Object.values(errors ?? {}).flatMap(([low, high]) => {
    const lopsided = (v, i) => v !== null && Math.abs(high[i] + low[i] - 2 * v) > 1e-5 * Math.abs(v) + 1e-12;
    return !measured.some(lopsided)
      ? [[`${name}, ±`, write(measured.map((v, i) => (v === null ? null : (high[i] - low[i]) / 2)))]]
      : [[`${name}, from`, write(low)], [`${name}, to`, write(high)]];
  });
  return [[name, write(measured)], ...spread, ...more.map(([what, values]) => [`${name}, ${what}`, values])];
}

function matrix({ name, x, y, z }, axes, more) {
  const columns = [...new Set(x)];
  const at = (across, down) => z[x.findIndex((v, i) => v === across && y[i] === down)];
  const rows = [...new Set(y)].map((down) => [down, ...columns.map((across) => at(across, down))]);
  return table(name, [`${axes.y.label || "y"} \\ ${axes.x.label || "x"}`, ...columns], rows, more);
}

/** The series in groups of equal keys. */
function grouped(all, keyOf) {
  const groups = new Map();
  for (const series of all) {
    const key = JSON.stringify(keyOf(series));
    groups.set(key, [...(groups.get(key) ?? []), series]);
  }
  return [...groups.values()];
}

/** Of series whose points stand for values of their own: a table for all that have the same, a row for each point. */
function ownTables(all, more) {
  const groups = grouped(all, ({ own }) => own.map(([what]) => what));
  return groups.map((together) => {
    const rows = together.flatMap(({ x, own }) => x.map((_, i) => own.map(([, values]) => values[i])));
    return table("", together[0].own.map(([what]) => what), rows, more);
  });
}

/** All tables of a picture; more says how many rows of how many are shown. */
export function tablesOf(picture, more) {
  const [along, across] = isList(picture.y) && !isList(picture.x) ? ["y", "x"] : ["x", "y"];
  const listed = isList(picture[along]) && picture[along].scale !== "band";
  const isRule = (series) => listed && !series[along].some((at) => picture[along].ticks.includes(at)); // beside the rows
  const shown = picture.series.filter(({ x, decoration }) => x.length > 0 && !decoration);
  const [cells, own] = [shown.filter(({ kind }) => kind === "cells"), shown.filter((series) => series.own)];
  const placed = shown.filter((series) => series.kind !== "cells" && !series.own && !isRule(series));
  const groups = grouped(placed, (series) => series[along]);
  const heading = picture[along].label || (isList(picture[along]) ? "name" : along);
  const made = groups.map((together) => {
    const columns = together.flatMap((series) => columnsOf(series, across, (values) => written(picture[across], values)));
    const caption = groups.length > 1 && columns.length === 1 ? columns[0][0] : "";
    const headings = written(picture[along], together[0][along]);
    const rows = headings.map((at, i) => [at, ...columns.map(([, values]) => values[i])]);
    return table(caption, [heading, ...columns.map(([name]) => name)], rows, more);
  });
  return [...made, ...ownTables(own, more), ...cells.map((series) => matrix(series, picture, more))];
}
