// The funnel as a picture: one request, a dot for each item. It is whole from the start. When it is first seen it moves
// once, what a stage leaves flying out of what it was given, and then stands still. All work is done in small steps: the
// page comes first.
import { fill, html, svg } from "bookwork/dom";
import { integer } from "bookwork/format";
import { still } from "bookwork/motion";
import { range } from "bookwork/scales";
import { followWidth } from "bookwork/width";
import { BLOCKS, narrowingOf, sideOf } from "ranking_course/narrowing";

const FLIGHT = 900; // ms from block to block
const STAGGER = 0.4; // of a flight, between its first dot and its last
const ROWS = 50; // of the catalogue painted in one step
const GREY = 0x837d77; // blue, green, red: reads on white and on black

const STYLES = {
  cut: "stroke: var(--ranking-ink-soft); opacity: 0.45",
  on: "stroke: var(--ranking-accent)",
  ring: "stroke: var(--ranking-ink)",
  shown: "stroke: var(--ranking-like)",
};

const path = (name) => svg("path", { style: `fill: none; stroke-linecap: round; ${STYLES[name]}` });

/** Dots as one path: lines of no length with round ends. */
function drawDots(element, points, size) {
  element.setAttribute("stroke-width", size.toFixed(2));
  element.setAttribute("d", points.map(([x, y]) => `M${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}h0`).join(""));
}

/** Paints some rows of the catalogue, a pixel for each item; topics that lie side by side differ in depth. */
function paint(canvas, topics, from) {
  const { width } = canvas;
  const rows = Math.min(ROWS, canvas.height - from);
  const image = new ImageData(width, rows);
  const pixels = new Uint32Array(image.data.buffer);
  let mixed = from + 1;
  let topic = 0;
  let end = topics[0];
  for (let at = 0; at < width * rows; at += 1) {
    const item = from * width + at;
    while (item >= end && topic < topics.length) end += topics[(topic += 1)] ?? 0;
    if (topic === topics.length) break;
    mixed = Math.imul(mixed ^ (mixed >>> 15), 2246822519) + item; // a grain without order
    pixels[at] = (((topic % 2 ? 50 : 110) + 42 * ((mixed >>> 8) & 3)) << 24) | GREY;
  }
  canvas.getContext("2d").putImageData(image, 0, from);
}

/** Does something when the page has nothing else to do, its sliders first; returns what calls it off. */
function soon(step) {
  if (!globalThis.requestIdleCallback) {
    const timer = setTimeout(step);
    return () => clearTimeout(timer);
  }
  const asked = requestIdleCallback(step, { timeout: 200 });
  return () => cancelIdleCallback(asked);
}

/** Where the dots of a flight are at a time from 0 to 1. */
function onTheWay({ from, to }, time) {
  return from.map(([x, y], i) => {
    const own = time * (1 + STAGGER) - (STAGGER * i) / from.length;
    const t = Math.min(1, Math.max(0, own));
    const eased = t * t * (3 - 2 * t);
    return [x + (to[i][0] - x) * eased, y + (to[i][1] - y) * eased];
  });
}

/** The picture for one width: its elements, and what fills them. */
function draw(picture, canvas, texts, request, width) {
  const { layout, parts, flights } = narrowingOf(request, width);
  const [{ x, w }] = layout.blocks;
  Object.assign(canvas.style, { left: `${x}px`, width: `${w}px`, height: `${w}px` });
  picture.setAttribute("width", width);
  picture.setAttribute("height", layout.height);
  const sides = layout.between.map((corners) =>
    svg("polygon", { points: corners.join(" "), style: "fill: var(--ranking-grid); opacity: 0.6" }),
  );
  const marks = parts.map(() => Object.fromEntries(Object.keys(STYLES).map((name) => [name, path(name)])));
  const flying = path("on");
  const names = layout.names.map(({ x: left, y, anchor }, i) =>
    svg("text", { x: left, y, "text-anchor": anchor },
      svg("tspan", { style: "font-size: 16px; font-weight: 600" }, texts[i].count),
      svg("tspan", { x: left, dy: 18, style: "fill: var(--ranking-ink-soft)" }, texts[i].name)),
  );
  const all = marks.flatMap((mark) => Object.values(mark));
  picture.replaceChildren(...sides, ...all, flying, svg("g", { class: "rx-labels" }, ...names));

  function showBlock(i) {
    const { size, cut, on, shown } = parts[i];
    drawDots(marks[i].cut, cut, size);
    drawDots(marks[i].on, on, size);
    drawDots(marks[i].ring, shown, size + 2.5);
    drawDots(marks[i].shown, shown, size + 0.5);
  }
  return {
    flights: flights.length,
    showBlock,
    fly(i, time) {
      const { sizes: [before, after] } = flights[i];
      drawDots(flying, onTheWay(flights[i], time), before + (after - before) * time);
    },
    land: () => flying.removeAttribute("d"),
  };
}

function render({ model, el }) {
  const [labels, request] = [model.get("labels"), model.get("request")];
  const side = sideOf(request);
  const total = request.topics.reduce((sum, count) => sum + count, 0);
  const counts = BLOCKS.map((name) => integer(name in request.stages ? request.stages[name].length : total));
  const texts = BLOCKS.map((name, i) => ({ name: labels[name], count: counts[i] }));
  const alt = fill(labels.alt, Object.fromEntries(BLOCKS.map((name, i) => [name, counts[i]])));
  const canvas = html("canvas", { width: side, height: side, style: "position: absolute; top: 0" });
  const attributes = { class: "rx-picture", role: "img", "aria-label": alt, style: "position: relative" };
  const picture = svg("svg", attributes);
  const root = html("div", { class: "rx rx-bare" }, canvas, picture);
  el.replaceChildren(root);

  let drawing = null;
  let moved = still(); // whether it has moved, or never will
  const unpainted = range(Math.ceil(side / ROWS));
  let stop = () => {};
  const paintNext = () => paint(canvas, request.topics, ROWS * unpainted.shift());
  const done = () => {
    root.dataset.drawn = "true";
  };

  /** Takes steps with room for the page between them. */
  function inTurn([step, ...rest], after) {
    if (!step) return after();
    stop = soon(() => {
      step();
      inTurn(rest, after);
    });
  }
  const showBlocks = range(BLOCKS.length).map((i) => () => drawing.showBlock(i));
  const stand = (after) => inTurn([...showBlocks, ...unpainted.map(() => paintNext)], after);

  function move() {
    const began = performance.now();
    const frame = (now) => {
      const time = Math.max(0, now - began) / FLIGHT;
      if (time >= drawing.flights) {
        drawing.land();
        return done();
      }
      drawing.fly(Math.floor(time), time % 1);
      const asked = requestAnimationFrame(frame);
      stop = () => cancelAnimationFrame(asked);
    };
    frame(began);
  }

  const watch = new IntersectionObserver((entries) => {
    if (moved || !entries.some((entry) => entry.isIntersecting)) return;
    moved = true;
    move();
  });

  const leave = followWidth(root, (width) => {
    stop();
    watch.disconnect();
    drawing = draw(picture, canvas, texts, request, width);
    stand(() => (moved ? done() : watch.observe(root)));
  });

  /** Paper has no second moment. */
  function finish() {
    moved = true;
    stop();
    while (unpainted.length > 0) paintNext();
    drawing?.land();
    if (drawing) showBlocks.forEach((showBlock) => showBlock());
    done();
  }
  addEventListener("beforeprint", finish);

  return () => {
    stop();
    leave();
    watch.disconnect();
    removeEventListener("beforeprint", finish);
  };
}

export default {
  render,
  heights: { "": [510, 689, 208, 232, 268, 346] },
};
