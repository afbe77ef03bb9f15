// Two axes: their layout, their grid, ticks and names.
import { svg } from "bookwork/dom";
import { endsRoom } from "bookwork/ends";
import { formatNumber } from "bookwork/format";
import { TICKS, domainOf, linearTicks, logTicks, position } from "bookwork/scales";
import { FONT_SIZE, textWidth } from "bookwork/text";

const LINE = 15; // px from one line of a name to the next
const linesWidth = (text) => Math.max(...text.split("\n").map((line) => textWidth(line)));

/** Where everything of a picture with two axes stands: box, places, ticks and their texts. */
export function axesLayout(spec, series, width) {
  const { x, y } = spec;
  const matrix = x.scale === "band" && y.scale === "band";
  const horizontal = y.scale === "band" && !matrix;
  const domain = (axis, key) => {
    if (axis.scale === "band") return null;
    const foot = (s) => (s.kind === "bars" && axis.scale !== "log" ? [0] : []); // bars start at 0
    const lower = (s) => (s.kind === "band" && key === "y" ? s.from : []);
    const whole = (s) => [...foot(s), ...lower(s), ...s[key], ...(s.errors?.[key] ?? []).flat()];
    return domainOf(axis, series.flatMap((s) => (s.kind === "rule" ? [s[key]] : whole(s))));
  };
  const domains = { x: domain(x, "x"), y: domain(y, "y") };
  const height = spec.height ?? Math.round(Math.min(340, Math.max(230, width * (matrix ? 1 : 0.78))));
  // ticks with their texts; given ones only where the axis goes
  const marksOf = (axis, ends, count) => {
    if (axis.hidden) return { ticks: [], texts: [] };
    const written = (values) => values.map((t) => formatNumber(t, axis.format));
    if (axis.scale === "band") {
      const names = horizontal && axis === y && !axis.named ? [] : axis.categories; // else they stand above their bars
      return { ticks: names, texts: axis.texts ?? written(names) };
    }
    if (!axis.ticks) {
      const ticks = axis.scale === "log" ? logTicks(...ends) : linearTicks(...ends, count, axis.step);
      return { ticks, texts: written(ticks) };
    }
    const slack = 1e-9 * Math.abs(ends[1] - ends[0]);
    const every = axis.ticks.map((tick, i) => ({ tick, text: axis.texts?.[i] ?? formatNumber(tick, axis.format) }));
    const seen = every.filter(({ tick }) => tick >= ends[0] - slack && tick <= ends[1] + slack);
    return { ticks: seen.map(({ tick }) => tick), texts: seen.map(({ text }) => text) };
  };
  const marks = { x: marksOf(x, domains.x, width < 300 ? 4 : TICKS), y: marksOf(y, domains.y, TICKS) };
  const [ticks, texts] = ["ticks", "texts"].map((key) => ({ x: marks.x[key], y: marks.y[key] }));
  // of a crowded scale some texts can be left out; of a band's names none, so every other one stands lower
  const names = x.scale === "band" && (x.named || !x.label) && !matrix ? texts.x.map(linesWidth) : []; // their widths
  const widest = Math.max(0, ...texts.y.map(linesWidth));
  const lastHalf = texts.x.length ? Math.max(linesWidth(texts.x[0]), linesWidth(texts.x.at(-1))) / 2 : 0;
  const more = (Math.max(1, ...texts.x.map((text) => text.split("\n").length)) - 1) * LINE;
  const box = {
    left: horizontal && !y.named ? 1 : widest + 10,
    right: width - Math.max(6, x.scale === "band" ? 6 : lastHalf + 1, spec.ends ? endsRoom(series) : 0),
    top: y.label && !y.hidden && !horizontal ? FONT_SIZE + 14 : 6,
    bottom: height - (x.label ? 42 : 24) - more,
  };
  const room = (box.right - box.left) / names.length;
  const lower = names.some((wide, i) => i > 0 && (names[i - 1] + wide) / 2 + 6 > room) ? FONT_SIZE + 3 : 0;
  box.bottom -= lower;
  if (matrix && !spec.oblong) box.right = Math.min(box.right, box.left + box.bottom - box.top); // square cells
  const [length, band] = horizontal ? [box.bottom - box.top, y] : [box.right - box.left, x];
  const step = length / (band.categories?.length ?? 1);
  const row = y.scale === "band" ? position(y, null, box.top, box.bottom) : null;
  const rowOf = horizontal && !y.named ? (category) => row(category) + 9 : row; // 9: its heading
  const place = {
    x: position(x, domains.x, box.left, box.right),
    y: rowOf ?? position(y, domains.y, box.bottom, box.top),
    horizontal,
    bar: horizontal ? Math.min(22, step * 0.4) : Math.min(48, step * 0.6),
    step,
    base: matrix ? 0 : Math.max(0, (horizontal ? domains.x : domains.y)[0]),
    cell: [step, (box.bottom - box.top) / (y.categories?.length ?? 1)],
  };
  return { box, place, ticks, texts, height, lower };
}

/** Grid and axes. */
export function drawAxes({ x, y, series }, { box, place, ticks, texts, height, lower }) {
  const grid = svg("g", { class: "rx-grid" });
  const axis = svg("g", { class: "rx-axis" });
  const upright = (at) => svg("line", { x1: at, x2: at, y1: box.top, y2: box.bottom });
  const level = (at) => svg("line", { x1: box.left, x2: box.right, y1: at, y2: at });
  if (x.scale !== "band" && !x.bare) grid.append(...ticks.x.map((tick) => upright(place.x(tick))));
  if (y.scale !== "band" && !y.bare) grid.append(...ticks.y.map((tick) => level(place.y(tick))));
  const free = [-Infinity, -Infinity]; // where the last text of each line ended: a crowded one is left out
  const rightwards = ticks.x.map((tick, i) => ({ tick, i })).sort((a, b) => place.x(a.tick) - place.x(b.tick));
  rightwards.forEach(({ tick, i: name }, i) => {
    const half = linesWidth(texts.x[name]) / 2;
    const centre = Math.max(half, place.x(tick));
    const line = lower ? i % 2 : 0;
    if (centre - half < free[line]) return;
    free[line] = centre + half + 6;
    texts.x[name].split("\n").forEach((text, row) => {
      const below = { x: centre, y: box.bottom + 17 + line * lower + row * LINE, "text-anchor": "middle" };
      axis.append(svg("text", below, text));
    });
  });
  let above = Infinity; // the same upwards
  const upwards = ticks.y.map((tick, i) => ({ tick, i })).sort((a, b) => place.y(b.tick) - place.y(a.tick));
  for (const { tick, i } of upwards) {
    const middle = place.y(tick);
    if (middle > above - FONT_SIZE) continue;
    above = middle;
    const lines = texts.y[i].split("\n");
    lines.forEach((text, row) => {
      const at = { x: box.left - 7, y: middle + (row - (lines.length - 1) / 2) * LINE };
      axis.append(svg("text", { ...at, "text-anchor": "end", "dominant-baseline": "central" }, text));
    });
  }
  // bars stand on 0, everything else on the lower edge
  const onBase = x.scale === "band" && y.scale !== "band";
  const edge = place.horizontal ? upright(place.x(place.base)) : level(onBase ? place.y(place.base) : box.bottom);
  edge.setAttribute("class", "rx-edge");
  if (!series.some((s) => s.flow)) axis.append(edge);
  if (x.label) {
    const label = x.scale === "band" ? x.label : `${x.label} →`;
    axis.append(svg("text", { x: box.right, y: height - 6, "text-anchor": "end", class: "rx-axis-label" }, label));
  }
  if (y.label && !y.hidden && !place.horizontal) {
    axis.append(svg("text", { x: 0, y: FONT_SIZE - 1, class: "rx-axis-label" }, `↑ ${y.label}`));
  }
  if (place.horizontal && !y.named) {
    y.categories.forEach((category) => {
      const top = place.y(category) - place.bar / 2 - 7;
      axis.append(svg("text", { x: box.left + 4, y: top, class: "rx-heading" }, category));
    });
  }
  return [grid, axis];
}
