// A small sample of a series: a piece of its line, its marker, its bar.
import { html, svg } from "bookwork/dom";
import { colourStyle, dashOf, drawMarker, hatchFill } from "bookwork/marks";

/** px, the length of a sample: long enough to tell one dash from another. */
export const SWATCH = 26;
const THICKEST = 4;

/** A sample that begins at x, has its middle at the height y, and is that long. */
export function drawSwatch(series, x, y, hatchId, length = SWATCH) {
  const { kind, color, width = 2, marker, size = 4, hollow } = series;
  const group = svg("g", { class: "rx-swatch", style: colourStyle(color) });
  const middle = x + length / 2;
  if (kind === "bars" || kind === "band") {
    const box = { x: middle - 8, y: y - 6, width: 16, height: 12 };
    const hatched = series.fill === "hatched";
    const look = kind === "band" ? "rx-area" : hatched ? "rx-bar rx-hollow" : "rx-bar";
    group.append(svg("rect", { ...box, class: look }));
    if (hatched) group.append(svg("rect", { ...box, fill: hatchFill(hatchId, color) }));
    return group;
  }
  if (kind === "line") {
    const thick = Math.min(width, THICKEST);
    const stroke = { "stroke-width": thick, "stroke-dasharray": dashOf(series) };
    group.append(svg("path", { d: `M${x},${y}h${length}`, class: "rx-stroke", ...stroke }));
  }
  const shown = marker ?? (kind === "points" ? "circle" : undefined);
  const radius = Array.isArray(size) ? 4.5 : Math.min(size, 5.5);
  if (shown) group.append(drawMarker(shown, [middle, y], radius, hollow));
  return group;
}

/** A list of samples with their names. */
export function createLegend(series, hatchId) {
  const item = (s) => {
    const sample = svg("svg", { width: SWATCH, height: 14, viewBox: `0 0 ${SWATCH} 14`, "aria-hidden": "true" });
    sample.append(drawSwatch(s, 0, 7, hatchId));
    return html("li", {}, sample, html("span", {}, s.label?.text ?? s.name));
  };
  return html("ul", { class: "rx-legend" }, ...series.map(item));
}
