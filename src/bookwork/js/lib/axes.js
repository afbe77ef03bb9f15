// Two axes: their layout, their grid, ticks and names.
import { svg } from "bookwork/dom";
import { formatNumber } from "bookwork/format";
import { TICKS, domainOf, linearTicks, logTicks, position } from "bookwork/scales";
import { FONT_SIZE, textWidth } from "bookwork/text";

/** Where everything of a picture with two axes stands: box, places, ticks and their texts. */
export function axesLayout(spec, series, width) {
  const { x, y } = spec;
  const matrix = x.scale === "band" && y.scale === "band";
  const horizontal = y.scale === "band" && !matrix;
  const domain = (axis, key) => {
    if (axis.scale === "band") return null;
    const foot = (s) => (s.kind === "bars" && axis.scale !== "log" ? [0] : []); // bars start at 0
    return domainOf(axis, series.flatMap((s) => (s.kind === "rule" ? [s[key]] : [...foot(s), ...s[key]])));
  };
  const domains = { x: domain(x, "x"), y: domain(y, "y") };
  const height = spec.height ?? Math.round(Math.min(340, Math.max(230, width * (matrix ? 1 : 0.78))));
  const ticksOf = (axis, ends, count) => {
    if (axis.scale === "band") return horizontal && axis === y ? [] : axis.categories;
    return axis.ticks ?? (axis.scale === "log" ? logTicks(...ends) : linearTicks(...ends, count));
  };
  const ticks = { x: ticksOf(x, domains.x, width < 300 ? 4 : TICKS), y: ticksOf(y, domains.y, TICKS) };
  const textsOf = (axis, values) => axis.texts ?? values.map((t) => formatNumber(t, axis.format));
  const texts = { x: textsOf(x, ticks.x), y: textsOf(y, ticks.y) };
  // of a crowded scale some texts can be left out; of a band's names none, so every other one stands lower
  const names = x.scale === "band" && !x.label && !matrix ? texts.x.map((t) => textWidth(t)) : []; // their widths
  const widest = Math.max(0, ...texts.y.map((t) => textWidth(t)));
  const lastHalf = texts.x.length ? textWidth(texts.x.at(-1)) / 2 : 0;
  const box = {
    left: horizontal ? 1 : widest + 10,
    right: width - Math.max(6, x.scale === "band" ? 6 : lastHalf + 1),
    top: y.label && !horizontal ? FONT_SIZE + 14 : 6,
    bottom: height - (x.label ? 42 : 24),
  };
  const room = (box.right - box.left) / names.length;
  const lower = names.some((wide, i) => i > 0 && (names[i - 1] + wide) / 2 + 6 > room) ? FONT_SIZE + 3 : 0;
  box.bottom -= lower;
  if (matrix) box.right = Math.min(box.right, box.left + box.bottom - box.top); // square cells
  const [length, band] = horizontal ? [box.bottom - box.top, y] : [box.right - box.left, x];
  const step = length / (band.categories?.length ?? 1);
  const row = y.scale === "band" ? position(y, null, box.top, box.bottom) : null;
  const rowOf = horizontal ? (category) => row(category) + 9 : row; // 9: its heading
  const place = {
    x: position(x, domains.x, box.left, box.right),
    y: rowOf ?? position(y, domains.y, box.bottom, box.top),
    horizontal,
    bar: horizontal ? Math.min(22, step * 0.4) : Math.min(48, step * 0.6),
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
  if (x.scale !== "band") grid.append(...ticks.x.map((tick) => upright(place.x(tick))));
  if (y.scale !== "band") grid.append(...ticks.y.map((tick) => level(place.y(tick))));
  const free = [-Infinity, -Infinity]; // where the last text of each line ended: a crowded one is left out
  ticks.x.forEach((tick, i) => {
    const half = textWidth(texts.x[i]) / 2;
    const centre = Math.max(half, place.x(tick));
    const line = lower ? i % 2 : 0;
    if (centre - half < free[line]) return;
    free[line] = centre + half + 6;
    const below = { x: centre, y: box.bottom + 17 + line * lower, "text-anchor": "middle" };
    axis.append(svg("text", below, texts.x[i]));
  });
  ticks.y.forEach((tick, i) => {
    const at = { x: box.left - 7, y: place.y(tick), "text-anchor": "end", "dominant-baseline": "central" };
    axis.append(svg("text", at, texts.y[i]));
  });
  // bars stand on 0, everything else on the lower edge
  const onBase = x.scale === "band" && y.scale !== "band";
  const edge = place.horizontal ? upright(place.x(place.base)) : level(onBase ? place.y(place.base) : box.bottom);
  edge.setAttribute("class", "rx-edge");
  if (!series.some((s) => s.flow)) axis.append(edge);
  if (x.label) {
    const label = x.scale === "band" ? x.label : `${x.label} →`;
    axis.append(svg("text", { x: box.right, y: height - 6, "text-anchor": "end", class: "rx-axis-label" }, label));
  }
  if (y.label && !place.horizontal) {
    axis.append(svg("text", { x: 0, y: FONT_SIZE - 1, class: "rx-axis-label" }, `↑ ${y.label}`));
  }
  if (place.horizontal) {
    y.categories.forEach((category) => {
      const top = place.y(category) - place.bar / 2 - 7;
      axis.append(svg("text", { x: box.left + 4, y: top, class: "rx-heading" }, category));
    });
  }
  return [grid, axis];
}
