// A picture: it draws what it is told, moves from one drawing to the next, and follows the width of the page.
import { axesLayout, drawAxes } from "bookwork/axes";
import { html, svg, uniqueId } from "bookwork/dom";
import { drawLabels } from "bookwork/labels";
import { drawSeries } from "bookwork/marks";
import { TRANSITION, seriesBetween, still } from "bookwork/motion";
import { createPanel } from "bookwork/panel";
import { plain } from "bookwork/picture";
import { createReadout } from "bookwork/readout";
import { measureIn } from "bookwork/text";
import { drawTriangle, triangleLayout } from "bookwork/triangle";

const PAD = 8; // px around the box, for marks on its edge

/**
 * A chart with its title, note and data table.
 *
 * update(spec, animate) draws: { title, alt, note?, noteValues?, caption?, x, y, series, height?, readout?, table? }
 *   axis    { label, scale?: "linear" | "log" | "band", domain?, categories?, format? }
 *           texts? are shown instead of a band's categories; two bands make a matrix, its rows from the top
 *   series  { name, kind: "line" | "points" | "bars" | "rule" | "arrow" | "cells" | "texts", x, y, color, width?,
 *             dash?, marker?, size?, hollow?, faint?, fill?: "solid" | "hatched",
 *             label?: { text?, prefer?, side?: "above" | "below" } }; bookwork/picture makes most
 *           bars may float (from?), be joined (flow?) and outlined?; cells have v, from 0 to 1; texts have text;
 *           overlaid? points are seen through, so that many on one place look darker
 *   corners three names, in place of x and y: a triangle, whose points inTriangle places
 *   readout () => { mode: "x" | "xy", stops: [{ x, y?, lines, marks: [[x, y, color]] }], start?, columns? }
 *   table   { columns, rows, caption? }, the first cell of a row being its heading
 */
export function createFigure(parent, labels, title, wide) {
  const gauge = html("div", { class: "rx-gauge" }); // only its width changes, so that watching it cannot loop
  const picture = svg("svg", { role: "img", tabindex: "0", class: "rx-picture" });
  const tip = html("div", { class: "rx-tip", hidden: "" });
  const plot = html("div", { class: "rx-plot" }, gauge, picture, tip);
  const { setTexts } = createPanel(parent, labels, title, wide, plot);

  const clipId = uniqueId("clip");
  const hatchId = uniqueId("hatch");
  const labelPlaces = new Map();
  let spec = null; // what was asked for
  let shown = null; // the series as drawn now, perhaps on their way
  let layout = null; // places of the last drawing
  let width = 0;
  let frameRequest = 0;
  const readout = createReadout(picture, tip, () => ({ spec, layout, width }));

  function draw() {
    if (!spec || width === 0) return;
    layout = spec.corners ? triangleLayout(width) : axesLayout(spec, shown, width);
    const { box, place, height } = layout;
    picture.setAttribute("width", width);
    picture.setAttribute("height", height);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const size = { width: box.right - box.left + 2 * PAD, height: box.bottom - box.top + 2 * PAD };
    const clip = svg("clipPath", { id: clipId }, svg("rect", { x: box.left - PAD, y: box.top - PAD, ...size }));
    const tile = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    const stripe = svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "rx-hatch" });
    const hatch = svg("pattern", { id: hatchId, ...tile }, stripe);
    const [grid, axis] = spec.corners ? drawTriangle(layout, spec.corners, width) : drawAxes(spec, layout);
    const marks = svg("g", { "clip-path": `url(#${clipId})` });
    for (const series of shown) marks.append(drawSeries(series, place, box, hatchId));
    const names = drawLabels(shown, layout, labelPlaces);
    picture.replaceChildren(svg("defs", {}, clip, hatch), grid, axis, marks, names);
    readout.draw();
  }

  function measure() {
    const now = Math.floor(gauge.clientWidth);
    if (now === width) return;
    width = now;
    measureIn(getComputedStyle(picture).fontFamily);
    labelPlaces.clear();
    draw();
  }
  const observer = new ResizeObserver(measure);
  observer.observe(gauge);
  addEventListener("rx-measure", measure); // before a page is printed

  function update(next, animate) {
    cancelAnimationFrame(frameRequest);
    const from = shown;
    spec = next;
    readout.renew();
    picture.setAttribute("aria-label", `${next.alt} ${labels.readout}`);
    setTexts({ ...next, table: next.table ?? plain(next).table });
    const moves = animate && from !== null && !still();
    const begin = moves ? performance.now() : -Infinity; // long over
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / TRANSITION));
      shown = t === 1 ? next.series : seriesBetween(from, next.series, 1 - (1 - t) ** 3);
      draw();
      if (t < 1) frameRequest = requestAnimationFrame(step);
    };
    if (moves) frameRequest = requestAnimationFrame(step);
    else step(0);
  }

  function destroy() {
    cancelAnimationFrame(frameRequest);
    observer.disconnect();
    removeEventListener("rx-measure", measure);
  }

  return { update, destroy };
}
