// A picture: it draws what it is told, moves from one drawing to the next, and follows the width of the page.
import { axesLayout, drawAxes } from "bookwork/axes";
import { html, svg, uniqueId } from "bookwork/dom";
import { drawEnds } from "bookwork/ends";
import { drawLabels } from "bookwork/labels";
import { drawSeries } from "bookwork/marks";
import { TRANSITION, seriesBetween, still } from "bookwork/motion";
import { createPanel } from "bookwork/panel";
import { plain } from "bookwork/picture";
import { createReadout } from "bookwork/readout";
import { drawSlope, slopeLayout } from "bookwork/slope";
import { measureIn } from "bookwork/text";
import { drawTriangle, triangleLayout } from "bookwork/triangle";
import { followWidth } from "bookwork/width";

const PAD = 8; // px around the box, for marks on its edge

/**
 * A chart alone: the element that holds it, and what draws into it.
 *
 * update(spec, animate) draws: { title, alt, note?, noteValues?, caption?, x, y, series, height?, readout?, table? }
 *   axis    { label, scale?: "linear" | "log" | "band", domain?, categories?, format? }
 *           texts? are shown instead of a band's categories; two bands make a matrix, its rows from the top
 *           reversed? falls; ticks?, with their texts?, or one every step?; a band that is named? shows all its names
 *   series  { name, kind: "line" | "points" | "bars" | "band" | "rule" | "arrow" | "cells" | "texts", x, y, color,
 *             width?, dash?, marker?, size?, hollow?, faint?, opacity?, fill?: "solid" | "hatched",
 *             errors?: { x?: [lows, highs], y? }, label?: { text?, prefer?, side?: "above" | "below" } };
 *             bookwork/picture makes most
 *           a decoration? is only drawn: neither read out nor in a table
 *           a band fills what lies between from and y; a name is written at each point, at its side written?
 *           bars may float (from?), be joined (flow?) and outlined?; texts have text;
 *           cells have v, from 0 to 1, and perhaps texts; they are square but in a picture that is oblong?
 *           overlaid? points are seen through, so that many on one place look darker
 *   corners three names, in place of x and y: a triangle, whose points inTriangle places
 *   lists   two columns of names, in place of x and y, as slopeLayout has them; a line below the first cut?
 *   ends?   labels stand in a column at the right, not beside their lines
 *   readout () => { mode: "x" | "xy", stops: [{ x, y?, lines, marks: [[x, y, color]] }], start?, columns? }
 *   table   { columns, rows, caption? }, the first cell of a row being its heading
 */
export function createPlot(howToRead) {
  const gauge = html("div", { class: "rx-gauge" }); // only its width changes, so that watching it cannot loop
  const picture = svg("svg", { role: "img", tabindex: "0", class: "rx-picture" });
  const tip = html("div", { class: "rx-tip", hidden: "" });
  const plot = html("div", { class: "rx-plot" }, gauge, picture, tip);

  const clipId = uniqueId("clip");
  const hatchId = uniqueId("hatch");
  const labelPlaces = new Map();
  let spec = null; // what was asked for
  let shown = null; // the series as drawn now, perhaps on their way
  let layout = null; // places of the last drawing
  let width = 0;
  let frameRequest = 0;
  const readout = createReadout(picture, tip, () => ({ spec, layout, width }));

  function layoutOf() {
    if (spec.lists) return slopeLayout(spec.lists, width);
    return spec.corners ? triangleLayout(width) : axesLayout(spec, shown, width);
  }

  /** What lies below the series. */
  function ground() {
    if (spec.lists) return drawSlope(layout, spec.lists, spec.cut, width);
    return spec.corners ? drawTriangle(layout, spec.corners, width) : drawAxes(spec, layout);
  }

  function draw() {
    if (!spec || width === 0) return;
    layout = layoutOf();
    const { box, place, height } = layout;
    picture.setAttribute("width", width);
    picture.setAttribute("height", height);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const size = { width: box.right - box.left + 2 * PAD, height: box.bottom - box.top + 2 * PAD };
    const clip = svg("clipPath", { id: clipId }, svg("rect", { x: box.left - PAD, y: box.top - PAD, ...size }));
    const [grid, axis] = ground();
    const marks = svg("g", { "clip-path": `url(#${clipId})` });
    const isBand = ({ kind }) => kind === "band"; // below all else, or it would tint it
    const order = [...shown.filter(isBand), ...shown.filter((series) => !isBand(series))];
    for (const series of order) marks.append(drawSeries(series, place, box, hatchId));
    const names = drawLabels(spec.ends ? shown.map(({ label, ...rest }) => rest) : shown, layout, labelPlaces);
    const column = spec.ends ? [drawEnds(shown, layout, hatchId)] : [];
    picture.replaceChildren(svg("defs", {}, clip), grid, axis, marks, names, ...column);
    readout.draw();
  }

  const leave = followWidth(gauge, (now) => {
    width = now;
    measureIn(getComputedStyle(picture).fontFamily);
    labelPlaces.clear();
    draw();
  });

  function update(next, animate) {
    cancelAnimationFrame(frameRequest);
    const from = shown;
    spec = next;
    readout.renew();
    picture.setAttribute("aria-label", `${next.alt} ${howToRead}`);
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
    leave();
  }

  return { element: plot, hatchId, update, destroy };
}

/** A chart with its title, note and data table. */
export function createFigure(parent, labels, title, wide) {
  const plot = createPlot(labels.readout);
  const { setTexts } = createPanel(parent, labels, title, wide, plot.element);
  function update(next, animate) {
    setTexts({ ...next, table: next.table ?? plain(next).table });
    plot.update(next, animate);
  }
  return { update, destroy: plot.destroy };
}
