// Series as SVG: lines, points, bars, bands, rules, arrows, cells, texts.
import { svg } from "bookwork/dom";
import { range } from "bookwork/scales";
import { textWidth } from "bookwork/text";

const LEAST = 3; // px of a bar of nothing whose value is written
const EDGE = 6; // px from the box to the edge of the picture, at least

const MARKERS = {
  circle: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`,
  square: (x, y, r) => `M${x - r * 0.9},${y - r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  diamond: (x, y, r) => `M${x},${y - r * 1.25}L${x + r * 1.25},${y}L${x},${y + r * 1.25}L${x - r * 1.25},${y}z`,
  triangle: (x, y, r) => `M${x},${y - r * 1.2}L${x + r * 1.1},${y + r * 0.8}H${x - r * 1.1}z`,
  cross: (x, y, r) => `M${x - r},${y}h${2 * r}M${x},${y - r}v${2 * r}`,
  x: (x, y, r) => `M${x - r * 0.8},${y - r * 0.8}l${r * 1.6},${r * 1.6}m0,${-r * 1.6}l${-r * 1.6},${r * 1.6}`,
  star(x, y, r) {
    const corner = (i) => [i % 2 ? r * 0.5 : r * 1.25, (i * Math.PI) / 5];
    const at = ([far, turn]) => `${(x + far * Math.sin(turn)).toFixed(2)},${(y - far * Math.cos(turn)).toFixed(2)}`;
    return `M${range(10).map((i) => at(corner(i))).join("L")}z`;
  },
};

// px of line and gap, for a line of 2 px; no two look alike
const DASHES = {
  dash: [6, 4], dot: [2, 3], dashdot: [8, 3, 2, 3], longdash: [12, 5], longdashdot: [14, 4, 2, 4],
};

/** The dashes of a series, as SVG has them: by name, or true for the usual one. */
export function dashOf({ dash, width = 2 }) {
  const parts = DASHES[dash === true ? "dash" : dash];
  return parts?.map((part) => part * Math.max(1, width / 2.5)).join(" ");
}

/** The style that gives an element a colour: one by its name in the palette, or any other as CSS has it. */
export function colourStyle(colour = "ink") {
  const named = /^[a-z][\w-]*$/.test(colour); // of a name that no palette has it is what CSS means by it
  return `--c: ${named ? `var(--ranking-${colour.replaceAll("_", "-")}, ${colour})` : colour}`;
}

/** Whether there is a value. */
export const known = (value) => value !== null && value !== undefined;

/** Pixel positions of a series; null where a value is missing. */
export function pixels(series, place) {
  return series.x.map((x, i) => (known(x) && known(series.y[i]) ? [place.x(x), place.y(series.y[i])] : null));
}

/** A path through points, with a gap at null. */
export function linePath(points) {
  let path = "";
  let pen = "M";
  for (const point of points) {
    if (point) path += `${pen}${point[0].toFixed(2)},${point[1].toFixed(2)}`;
    pen = point ? "L" : "M";
  }
  return path;
}

function markerPath(points, marker, sizes) {
  const draw = MARKERS[marker];
  const size = (i) => (Array.isArray(sizes) ? sizes[i] : sizes);
  return points.map((p, i) => (p && size(i) > 0 ? draw(p[0], p[1], size(i)) : "")).join("");
}

function arrowPath([x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 12) return "";
  const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
  const [tipX, tipY] = [x1 - ux * 7, y1 - uy * 7]; // stops short of the dot that it points to
  const wing = (side) => `${tipX - ux * 6 - uy * 4 * side},${tipY - uy * 6 + ux * 4 * side}`;
  return `M${x0 + ux * 6},${y0 + uy * 6}L${tipX},${tipY}M${wing(1)}L${tipX},${tipY}L${wing(-1)}`;
}

/** One marker. */
export const drawMarker = (marker, point, radius, hollow) =>
  svg("path", { d: markerPath([point], marker, radius), class: lookOf(marker, hollow) });

function lookOf(marker, hollow) {
  if (marker === "cross" || marker === "x") return "rx-stroke rx-thin";
  return hollow ? "rx-mark rx-hollow" : "rx-mark";
}

const hatchName = (hatchId, colour = "ink") => `${hatchId}-${colour.replace(/\W/g, "-")}`;

/** What fills a part with stripes of a colour, once a series of that picture has drawn them. */
export const hatchFill = (hatchId, colour) => `url(#${hatchName(hatchId, colour)})`;

function hatchPattern(hatchId, colour) {
  const tile = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  const stripe = svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "rx-hatch", style: colourStyle(colour) });
  return svg("pattern", { id: hatchName(hatchId, colour), ...tile }, stripe);
}

/** Error bars: a line from end to end with a short one across each. */
function errorPath({ errors, x, y }, place) {
  const cap = 4;
  const across = ([low, high]) => x.map((_, i) => {
    if (!known(low[i]) || !known(high[i]) || !known(y[i])) return "";
    const [from, to, at] = [place.x(low[i]), place.x(high[i]), place.y(y[i])];
    return `M${from},${at - cap}v${2 * cap}M${from},${at}H${to}M${to},${at - cap}v${2 * cap}`;
  });
  const up = ([low, high]) => y.map((_, i) => {
    if (!known(low[i]) || !known(high[i]) || !known(x[i])) return "";
    const [from, to, at] = [place.y(low[i]), place.y(high[i]), place.x(x[i])];
    return `M${at - cap},${from}h${2 * cap}M${at},${from}V${to}M${at - cap},${to}h${2 * cap}`;
  });
  return [...(errors.x ? across(errors.x) : []), ...(errors.y ? up(errors.y) : [])].join("");
}

/** The area between the two lines of a band. */
function bandPath({ x, y, from }, place) {
  const whole = range(x.length).filter((i) => known(x[i]) && known(y[i]) && known(from[i]));
  const upper = whole.map((i) => [place.x(x[i]), place.y(y[i])]);
  const lower = whole.map((i) => [place.x(x[i]), place.y(from[i])]).toReversed();
  return whole.length ? `${linePath([...upper, ...lower])}z` : "";
}

/** One series as SVG elements. */
export function drawSeries(series, place, box, hatchId) {
  const style = colourStyle(series.color);
  const classes = ["series", series.kind, series.faint && "faint", series.outlined && "outlined"].filter(Boolean);
  const named = { class: classes.map((name) => `rx-${name}`).join(" "), style, "data-name": series.name };
  const group = svg("g", { ...named, opacity: series.opacity });
  if (series.errors) group.append(svg("path", { d: errorPath(series, place), class: "rx-stroke rx-thin" }));
  if (series.kind === "band") {
    group.append(svg("path", { d: bandPath(series, place), class: "rx-area" }));
    return group;
  }
  if (series.kind === "bars") return drawBars(group, series, place, hatchId);
  if (series.kind === "cells") return drawCells(group, series, place);
  if (series.kind === "texts") return drawTexts(group, series, place, box);
  if (series.kind === "rule") {
    const [x, y] = [known(series.x) ? place.x(series.x) : null, place.y(series.y)];
    const [x1, y1, x2, y2] = x === null ? [box.left, y, box.right, y] : [x, box.top, x, box.bottom];
    group.append(svg("line", { x1, y1, x2, y2, class: "rx-rule" }));
    return group;
  }
  const points = pixels(series, place);
  if (series.kind === "arrow") {
    group.append(svg("path", { d: arrowPath(points[0], points[1]), class: "rx-stroke", "stroke-width": 1.5 }));
    return group;
  }
  if (series.kind === "line") {
    const stroke = { "stroke-width": series.width ?? 2, "stroke-dasharray": dashOf(series) };
    group.append(svg("path", { d: linePath(points), class: "rx-stroke", ...stroke }));
  }
  const marker = series.marker ?? (series.kind === "points" ? "circle" : undefined);
  if (!marker) return group;
  const look = series.overlaid ? "rx-mark rx-overlaid" : lookOf(marker, series.hollow);
  for (const one of series.overlaid ? points.map((point) => [point]) : [points]) {
    group.append(svg("path", { d: markerPath(one, marker, series.size ?? 4), class: look, opacity: series.seen }));
  }
  return group;
}

function drawBars(group, series, place, hatchId) {
  const { slot = 0, slots = 1 } = series; // several share the place of each name
  const wide = slots === 1 ? place.bar : Math.min(place.step * 0.8, 48 * slots) / slots;
  const [half, aside] = [wide / 2, (slot - (slots - 1) / 2) * wide];
  if (series.fill === "hatched") group.append(hatchPattern(hatchId, series.color));
  if (series.flow) group.append(svg("path", { d: flowPath(series, place), class: "rx-flow" }));
  series.x.forEach((x, i) => {
    const y = series.y[i];
    if (!known(x) || !known(y)) return;
    const from = series.from?.[i] ?? place.base;
    const [base, value] = place.horizontal ? [place.x(from), place.x(x)] : [place.y(from), place.y(y)];
    const long = Math.abs(value - base);
    const length = Math.max(long, series.texts && !series.from ? LEAST : 0);
    const start = Math.min(base, value) - (length - long) / 2;
    const bar = place.horizontal
      ? { x: start, y: place.y(y) + aside - half, width: length, height: wide }
      : { x: place.x(x) + aside - half, y: start, width: wide, height: length };
    const hatched = series.fill === "hatched";
    const style = series.colors && colourStyle(series.colors[i]);
    group.append(svg("rect", { ...bar, style, class: hatched ? "rx-bar rx-hollow" : "rx-bar" }));
    if (hatched) group.append(svg("rect", { ...bar, fill: hatchFill(hatchId, series.color) }));
    if (!series.texts) return;
    const above = place.horizontal
      ? { x: start + length + 5, y: place.y(y) + aside, "dominant-baseline": "central" }
      : { x: place.x(x) + aside, y: y < 0 ? start + length + 14 : start - 5, "text-anchor": "middle" };
    group.append(svg("text", above, series.texts[i]));
  });
  return group;
}

/** Between horizontal bars: from the whole length of one to that of the next below it. */
function flowPath({ x, from, y }, place) {
  const half = place.bar / 2;
  const ends = (i) => [place.x(from[i]), place.x(x[i]), place.y(y[i])];
  return y.slice(1).map((_, i) => {
    const [left, right, middle] = ends(i);
    const [nextLeft, nextRight, nextMiddle] = ends(i + 1);
    const [top, bottom] = [middle + half, nextMiddle - half];
    return `M${left},${top}H${right}L${nextRight},${bottom}H${nextLeft}z`;
  }).join("");
}

/** A heat map: series.v, from 0 to 1, is how full the colour of each cell is; its texts stand in the cells. */
function drawCells(group, series, place) {
  const [width, height] = place.cell;
  series.x.forEach((x, i) => {
    const middle = { x: place.x(x), y: place.y(series.y[i]) };
    const at = { x: middle.x - width / 2, y: middle.y - height / 2, width, height };
    group.append(svg("rect", { ...at, class: "rx-cell", "fill-opacity": series.v[i].toFixed(3) }));
    if (!series.texts) return;
    const written = { ...middle, "text-anchor": "middle", "dominant-baseline": "central", class: "rx-cell-text" };
    group.append(svg("text", written, series.texts[i]));
  });
  return group;
}

/** Short texts, each just above its place, and none beyond the picture's edge. */
function drawTexts(group, series, place, box) {
  series.x.forEach((x, i) => {
    const last = box.right + EDGE - textWidth(series.text[i], 600) / 2;
    const at = { x: Math.min(place.x(x), last), y: place.y(series.y[i]) - 5 };
    group.append(svg("text", { ...at, "text-anchor": "middle", class: "rx-label" }, series.text[i]));
  });
  return group;
}
