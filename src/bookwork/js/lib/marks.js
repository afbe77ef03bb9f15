// Series as SVG: lines, points, bars, rules, arrows, cells, texts.
import { svg } from "bookwork/dom";
import { textWidth } from "bookwork/text";

const EDGE = 6; // px from the box to the edge of the picture, at least

const MARKERS = {
  circle: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`,
  square: (x, y, r) => `M${x - r * 0.9},${y - r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  diamond: (x, y, r) => `M${x},${y - r * 1.25}L${x + r * 1.25},${y}L${x},${y + r * 1.25}L${x - r * 1.25},${y}z`,
  triangle: (x, y, r) => `M${x},${y - r * 1.2}L${x + r * 1.1},${y + r * 0.8}H${x - r * 1.1}z`,
};

/** The style that gives an element the colour of that name in the palette. */
export const colourStyle = (colour = "ink") => `--c: var(--ranking-${colour.replaceAll("_", "-")})`;
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

/** One series as SVG elements. */
export function drawSeries(series, place, box, hatchId) {
  const style = colourStyle(series.color);
  const classes = ["series", series.kind, series.faint && "faint", series.outlined && "outlined"].filter(Boolean);
  const group = svg("g", { class: classes.map((name) => `rx-${name}`).join(" "), style, "data-name": series.name });
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
    const stroke = { "stroke-width": series.width ?? 2, "stroke-dasharray": series.dash ? "6 4" : undefined };
    group.append(svg("path", { d: linePath(points), class: "rx-stroke", ...stroke }));
  }
  const marker = series.marker ?? (series.kind === "points" ? "circle" : undefined);
  if (!marker) return group;
  const look = series.overlaid ? "rx-mark rx-overlaid" : `rx-mark${series.hollow ? " rx-hollow" : ""}`;
  for (const one of series.overlaid ? points.map((point) => [point]) : [points]) {
    group.append(svg("path", { d: markerPath(one, marker, series.size ?? 4), class: look }));
  }
  return group;
}

function drawBars(group, series, place, hatchId) {
  const half = place.bar / 2;
  if (series.flow) group.append(svg("path", { d: flowPath(series, place), class: "rx-flow" }));
  series.x.forEach((x, i) => {
    const y = series.y[i];
    if (!known(x) || !known(y)) return;
    const from = series.from?.[i] ?? place.base;
    const [base, value] = place.horizontal ? [place.x(from), place.x(x)] : [place.y(from), place.y(y)];
    const [start, length] = [Math.min(base, value), Math.abs(value - base)];
    const bar = place.horizontal
      ? { x: start, y: place.y(y) - half, width: length, height: place.bar }
      : { x: place.x(x) - half, y: start, width: place.bar, height: length };
    const hatched = series.fill === "hatched";
    group.append(svg("rect", { ...bar, class: hatched ? "rx-bar rx-hollow" : "rx-bar" }));
    if (hatched) group.append(svg("rect", { ...bar, fill: `url(#${hatchId})` }));
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

/** A heat map: series.v, from 0 to 1, is how full the colour of each cell is. */
function drawCells(group, series, place) {
  const [width, height] = place.cell;
  series.x.forEach((x, i) => {
    const at = { x: place.x(x) - width / 2, y: place.y(series.y[i]) - height / 2, width, height };
    group.append(svg("rect", { ...at, class: "rx-cell", "fill-opacity": series.v[i].toFixed(3) }));
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
