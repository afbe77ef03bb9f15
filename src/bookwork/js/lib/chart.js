// What all explorers draw with: controls, one kind of chart in SVG, a data table behind it, and the frame around
// them. Explorers hand over plain data; texts come from their state, so that they can be translated.

const SVG = "http://www.w3.org/2000/svg";
const TRANSITION = 150; // ms, for jumps only: what a hand drags moves with the hand
const BEAT = 600; // ms from stop to stop while an explorer plays
const FONT_SIZE = 13; // px, the same at every width
const HANDLED_KEYS = new Set([
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Enter", " ", "Escape",
]);

let serial = 0;
const uniqueId = (prefix) => `rx-${prefix}-${(serial += 1)}-${Math.random().toString(36).slice(2, 7)}`;

// ---------------------------------------------------------------- elements

function assign(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children); // strings become text nodes: data is never read as markup
  return element;
}

/** An element with attributes and children; a string among the children becomes text. */
export const html = (tag, attributes = {}, ...children) => assign(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  assign(document.createElementNS(SVG, tag), attributes, children);

/** Text with {name} filled in from values. */
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The same into an element, with the values set off in bold. */
function fillInto(element, template, values) {
  const parts = template.split(/\{(\w+)\}/); // text, name, text, name, ...
  const nodes = parts.map((part, i) => {
    if (i % 2 === 0) return part;
    return part in values ? html("strong", {}, String(values[part])) : `{${part}}`;
  });
  element.replaceChildren(...nodes);
}

// ---------------------------------------------------------------- numbers as text

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

const FORMATS = {
  percent(value) {
    const percent = value * 100;
    const size = Math.abs(percent);
    if (size === 0 || size === 100) return `${percent}%`;
    if (size < 1) return `${trimmed(percent.toPrecision(2))}%`;
    if (size < 9.95 || (size > 99 && size < 100)) return `${trimmed(percent.toFixed(1))}%`;
    return `${percent.toFixed(0)}%`;
  },
  number(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e6 || size < 1e-4) return value.toExponential(1).replace("e+", "e");
    return size >= 1000 ? FORMATS.integer(value) : trimmed(value.toPrecision(3));
  },
  rate(value) {
    return Math.abs(value * 100 - Math.round(value * 100)) < 1e-9 ? value.toFixed(2) : trimmed(value.toPrecision(3));
  },
  metric: (value) => value.toFixed(3),
  short: (value) => (value === 0 ? "0" : Number(value.toPrecision(2)).toString()),
  integer: (value) => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ","),
  plain: (value) => String(value),
};

/** A number as text: percent, number (3 digits), short (2 digits), rate (2 decimals, or 3 digits), metric (3 decimals),
 * integer or plain. */
export function formatNumber(value, kind = "number") {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? FORMATS[kind](value).replace(/^-/, "−") : String(value);
}

// ---------------------------------------------------------------- the normal distribution

/** Φ(x), to about 1e-16: the power series of Marsaglia (Journal of Statistical Software 11, 2004). */
export function normalCdf(x) {
  if (Math.abs(x) > 8.5) return x > 0 ? 1 : 0;
  let [term, sum] = [x, x];
  for (let n = 3; Math.abs(term) > 1e-17 * Math.abs(sum); n += 2) {
    term *= (x * x) / n;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-(x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

// ---------------------------------------------------------------- axes

const TICKS = 5;

/** A round step that fits about count times between low and high. */
function tickStep(low, high, count) {
  const rough = (high - low) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  return magnitude * [1, 2, 2.5, 5, 10].find((m) => m * magnitude >= rough * 0.999);
}

/** Round numbers from low to high, about count of them. */
function linearTicks(low, high, count = TICKS) {
  const step = tickStep(low, high, count);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten from low to high; with 2 and 5 between them where there are few. */
function logTicks(low, high) {
  const between = Math.log10(high / low) <= 2.01 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let e = Math.floor(Math.log10(low) + 1e-9); 10 ** e <= high * (1 + 1e-9); e += 1) {
    for (const m of between) {
      const tick = Number((m * 10 ** e).toPrecision(12));
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}

/** The domain of an axis: as given, or around the values. */
function domainOf(axis, values) {
  if (axis.domain) return axis.domain;
  const finite = (axis.extent ?? values).filter((v) => typeof v === "number" && (axis.scale !== "log" || v > 0));
  if (finite.length === 0) return axis.scale === "log" ? [0.1, 1] : [0, 1];
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (axis.scale === "log") return low === high ? [low / 2, high * 2] : [low, high];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  // out to round numbers; a wider domain may have wider steps, hence again
  for (let i = 0; i < 3; i += 1) {
    const step = tickStep(low, high, TICKS);
    [low, high] = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  }
  return [low, high];
}

function position(axis, domain, from, to) {
  if (axis.scale === "band") {
    const width = (to - from) / axis.categories.length;
    return (category) => from + width * (axis.categories.indexOf(category) + 0.5);
  }
  const map = axis.scale === "log" ? Math.log10 : (v) => v;
  const [low, high] = domain.map(map);
  return (value) => from + ((map(value) - low) / (high - low)) * (to - from);
}

// ---------------------------------------------------------------- triangles

const ALTITUDE = Math.sqrt(3) / 2;

/** Three shares that sum to 1, per point, as places in a triangle of side 1: all of the third is its top. */
export function inTriangle(shares) {
  return { x: shares.map(([, b, c]) => b + c / 2), y: shares.map(([, , c]) => c * ALTITUDE) };
}

/** Places of a triangle with even sides, which leaves room for the names of its corners. */
function triangleLayout(width) {
  const room = FONT_SIZE + 14;
  const side = Math.min(width - 16, 340);
  const left = (width - side) / 2;
  const box = { left, right: left + side, top: room, bottom: room + side * ALTITUDE };
  const linear = { scale: "linear" };
  const place = {
    x: position(linear, [0, 1], box.left, box.right), y: position(linear, [0, ALTITUDE], box.bottom, box.top), bar: 0, base: 0,
  };
  return { box, place, height: box.bottom + room };
}

/** Lines of equal share at every quarter, the sides, and a name at each corner. */
function drawTriangle({ box, place }, corners, width) {
  const at = (shares) => {
    const { x: [x], y: [y] } = inTriangle([shares]);
    return [place.x(x), place.y(y)];
  };
  const turn = ([a, b, c], k) => [[a, b, c], [c, a, b], [b, c, a]][k];
  const grid = svg("g", { class: "rx-grid" });
  for (const share of [0.25, 0.5, 0.75]) {
    for (const k of [0, 1, 2]) {
      const [x1, y1, x2, y2] = [...at(turn([share, 1 - share, 0], k)), ...at(turn([share, 0, 1 - share], k))];
      grid.append(svg("line", { x1, y1, x2, y2 }));
    }
  }
  const ends = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map(at);
  const axis = svg("g", { class: "rx-axis" }, svg("path", { d: `${linePath(ends)}z`, class: "rx-side" }));
  ends.forEach(([x, y], k) => {
    const half = textWidth(corners[k]) / 2;
    const name = { x: Math.min(width - half, Math.max(half, x)), y: k === 2 ? y - 13 : y + 22, "text-anchor": "middle" };
    axis.append(svg("text", name, corners[k]));
  });
  return [grid, axis];
}

// ---------------------------------------------------------------- marks

const MARKERS = {
  circle: (x, y, r) => `M${x - r},${y}a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0`,
  square: (x, y, r) => `M${x - r * 0.9},${y - r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  diamond: (x, y, r) => `M${x},${y - r * 1.25}L${x + r * 1.25},${y}L${x},${y + r * 1.25}L${x - r * 1.25},${y}z`,
  triangle: (x, y, r) => `M${x},${y - r * 1.2}L${x + r * 1.1},${y + r * 0.8}H${x - r * 1.1}z`,
};

const colourStyle = (colour = "ink") => `--c: var(--ranking-${colour})`;
const known = (value) => value !== null && value !== undefined;

/** Pixel positions of a series; null where a value is missing. */
function pixels(series, place) {
  return series.x.map((x, i) => (known(x) && known(series.y[i]) ? [place.x(x), place.y(series.y[i])] : null));
}

function linePath(points) {
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
function drawSeries(series, place, box, hatchId) {
  const style = colourStyle(series.color);
  const classes = `rx-series rx-${series.kind}${series.faint ? " rx-faint" : ""}${series.outlined ? " rx-outlined" : ""}`;
  const group = svg("g", { class: classes, style, "data-name": series.name });
  if (series.kind === "bars") return drawBars(group, series, place, hatchId);
  if (series.kind === "cells") return drawCells(group, series, place);
  if (series.kind === "texts") return drawTexts(group, series, place);
  if (series.kind === "rule") {
    const ends = known(series.x)
      ? [place.x(series.x), box.top, place.x(series.x), box.bottom]
      : [box.left, place.y(series.y), box.right, place.y(series.y)];
    const [x1, y1, x2, y2] = ends;
    group.append(svg("line", { x1, y1, x2, y2, class: "rx-rule" }));
    return group;
  }
  const points = pixels(series, place);
  if (series.kind === "arrow") {
    group.append(svg("path", { d: arrowPath(points[0], points[1]), class: "rx-stroke", "stroke-width": 1.5 }));
    return group;
  }
  if (series.kind === "line") {
    group.append(
      svg("path", {
        d: linePath(points),
        class: "rx-stroke",
        "stroke-width": series.width ?? 2,
        "stroke-dasharray": series.dash ? "6 4" : undefined,
      }),
    );
  }
  const marker = series.marker ?? (series.kind === "points" ? "circle" : undefined);
  if (marker && series.overlaid) {
    for (const point of points) {
      group.append(svg("path", { d: markerPath([point], marker, series.size ?? 4), class: "rx-mark rx-overlaid" }));
    }
  } else if (marker) {
    const d = markerPath(points, marker, series.size ?? 4);
    group.append(svg("path", { d, class: series.hollow ? "rx-mark rx-hollow" : "rx-mark" }));
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

/** Short texts, each just above its place. */
function drawTexts(group, series, place) {
  series.x.forEach((x, i) => {
    const at = { x: place.x(x), y: place.y(series.y[i]) - 5, "text-anchor": "middle", class: "rx-label" };
    group.append(svg("text", at, series.text[i]));
  });
  return group;
}

// ---------------------------------------------------------------- direct labels

let ruler = null;
let rulerFont = "";
const widths = new Map();

/** Width of a text in px, measured without laying out the page. */
function textWidth(text, weight = 400) {
  const key = `${weight} ${text}`;
  if (!widths.has(key)) {
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = `${weight} ${FONT_SIZE}px ${rulerFont || "sans-serif"}`;
    widths.set(key, ruler.measureText(text).width);
  }
  return widths.get(key);
}

/** Points at most 6 px apart along a line, to keep labels off it. */
function alongLine(points) {
  const found = [];
  points.forEach((point, i) => {
    if (!point) return;
    const next = points[i + 1];
    const steps = next ? Math.max(1, Math.ceil(Math.hypot(next[0] - point[0], next[1] - point[1]) / 6)) : 1;
    for (let k = 0; k < steps; k += 1) {
      const t = k / steps;
      found.push(next ? [point[0] + t * (next[0] - point[0]), point[1] + t * (next[1] - point[1])] : point);
    }
  });
  return found;
}

const GAP = 7; // px between a line and its label
const SIDES = [
  [1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1], // right, left, above, below, corners
];

/**
 * Places for direct labels: near their own line, off all lines, off each other, inside the box.
 * A label stays where it was unless another place is clearly better, so that it does not flicker while dragging.
 */
function placeLabels(wanted, obstacles, box, before) {
  const placed = [];
  const height = FONT_SIZE + 3;
  for (const { key, text, anchors, prefer, side: liked, clear } of wanted) {
    const width = textWidth(text, 600);
    let best = null;
    anchors.forEach((anchor, i) => {
      SIDES.forEach(([sx, sy], side) => {
        const gap = clear + (sx !== 0 && sy !== 0 ? GAP * 0.6 : GAP);
        const left = anchor[0] + sx * (gap + width / 2) - width / 2;
        const top = anchor[1] + sy * (gap + height / 2) - height / 2;
        const [right, bottom] = [left + width, top + height];
        if (left < box.left + 2 || right > box.right || top < box.top || bottom > box.bottom - 2) return;
        const hits = (x, y) => x > left - 3 && x < right + 3 && y > top - 2 && y < bottom + 2;
        let cost = 25 * Math.abs(i / Math.max(1, anchors.length - 1) - prefer) + side * 0.1;
        if (liked && sy !== (liked === "above" ? -1 : 1)) cost += 15;
        for (const other of placed) {
          const apart = left > other.right + 4 || right < other.left - 4 || top > other.bottom + 2 || bottom < other.top - 2;
          if (!apart) cost += 1000;
        }
        if (before.get(key) === `${i} ${side}`) cost -= 8;
        for (const [x, y] of obstacles) {
          if (best !== null && cost >= best.cost) return;
          if (hits(x, y)) cost += 12;
        }
        if (best === null || cost < best.cost) best = { key, text, cost, left, right, top, bottom, at: `${i} ${side}` };
      });
    });
    if (best && best.cost < 500) placed.push(best);
  }
  before.clear();
  for (const { key, at } of placed) before.set(key, at);
  return placed;
}

// ---------------------------------------------------------------- transitions

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function between(from, to, t) {
  if (Array.isArray(to)) {
    if (!Array.isArray(from) || from.length !== to.length) return to;
    return to.map((value, i) => between(from[i], value, t));
  }
  return typeof to === "number" && typeof from === "number" ? from + (to - from) * t : to;
}

/** The series part of the way from one picture to the next; what has no counterpart jumps. */
function seriesBetween(from, to, t) {
  return to.map((series, i) => {
    const old = from[i];
    if (!old || old.name !== series.name || old.kind !== series.kind) return series;
    const moving = {};
    for (const key of ["x", "y", "size", "from", "v"]) if (key in series) moving[key] = between(old[key], series[key], t);
    return { ...series, ...moving };
  });
}

/** Puts the rows of a list into a new order; they move there from where they are seen now. */
export function reorder(list, rows) {
  if (rows.every((row, i) => list.children[i] === row)) return;
  const moving = list.children.length > 0 && !still();
  const before = moving && rows.map((row) => row.getBoundingClientRect().top);
  list.replaceChildren(...rows);
  if (!moving) return;
  for (const row of rows) row.getAnimations().forEach((animation) => animation.cancel());
  rows.map((row, i) => before[i] - row.getBoundingClientRect().top).forEach((distance, i) => {
    const way = [{ transform: `translateY(${distance}px)` }, { transform: "none" }];
    if (distance !== 0) rows[i].animate(way, { duration: TRANSITION, easing: "ease-out" });
  });
}

// ---------------------------------------------------------------- data table

function dataTable(parent, label, title) {
  const head = html("thead");
  const body = html("tbody");
  const caption = html("caption");
  const table = html("table", {}, caption, head, body);
  // the box scrolls sideways on a phone, so it must be reachable by keyboard
  const box = html("div", { class: "rx-scroll", tabindex: "0", role: "group", "aria-label": `${label}: ${title}` }, table);
  const summary = html("summary", {}, label, html("span", { class: "rx-hidden" }, `: ${title}`));
  parent.append(html("details", { class: "rx-data" }, summary, box));
  return (content) => {
    caption.textContent = content.caption;
    head.replaceChildren(html("tr", {}, ...content.columns.map((text) => html("th", { scope: "col" }, text))));
    body.replaceChildren(
      ...content.rows.map(([first, ...rest]) =>
        html("tr", {}, html("th", { scope: "row" }, first), ...rest.map((text) => html("td", {}, text))),
      ),
    );
  };
}

/** The table of a picture that brings none: one row per value, series by series. */
function tableOf(spec) {
  const x = (value) => formatNumber(value, spec.x.format);
  const y = (value) => formatNumber(value, spec.y.format);
  const rows = spec.series
    .filter((series) => Array.isArray(series.x) && series.kind !== "arrow")
    .flatMap((series) => series.x.map((value, i) => [series.name, x(value), y(series.y[i])]));
  return { caption: spec.title, columns: [spec.seriesLabel, spec.x.label, spec.y.label], rows };
}

/**
 * A place for something to look at, with its title above it, its note and its data table below.
 *
 * setTexts({ title, note?, noteValues?, table }), the table as a chart has it.
 */
function createPanel(parent, labels, title, ...content) {
  const headingId = uniqueId("title");
  const heading = html("div", { class: "rx-title", id: headingId }, title);
  const note = html("p", { class: "rx-note" });
  // no <figure>: hosts style those, and the built page puts the whole explorer into one
  const attributes = { class: "rx-figure", role: "group", "aria-labelledby": headingId };
  const element = html("div", attributes, heading, ...content, note);
  parent.append(element);
  const setTable = dataTable(element, labels.table, title);
  function setTexts({ title: name, note: text, noteValues = {}, table }) {
    heading.textContent = name;
    fillInto(note, text ?? "", noteValues);
    note.hidden = !text;
    setTable(table);
  }
  return { element, setTexts };
}

// ---------------------------------------------------------------- the chart

/** Stops of the readout of a picture that brings none: every point that is not faint. */
function readoutOf(spec) {
  const stops = spec.series
    .filter((series) => Array.isArray(series.x) && !series.faint && series.kind !== "arrow")
    .flatMap((series) =>
      series.x.flatMap((x, i) => {
        const y = series.y[i];
        if (!known(x) || !known(y)) return [];
        const [xText, yText] = [formatNumber(x, spec.x.format), formatNumber(y, spec.y.format)];
        const values = [`${spec.x.label}: ${xText}`, `${spec.y.label}: ${yText}`];
        return [{ x, y, lines: [series.name, ...values], marks: [[x, y, series.color]] }];
      }),
    );
  return { mode: "xy", stops };
}

/**
 * A chart with its title, note and data table.
 *
 * update(spec, animate) draws: { title, alt, note?, noteValues?, x, y, series, height?, readout?, table? }
 *   axis    { label, scale: "linear" | "log" | "band", domain?, categories?, format }
 *           texts? are shown instead of a band's categories; two bands make a matrix, its rows from the top
 *   series  { name, kind: "line" | "points" | "bars" | "rule" | "arrow" | "cells" | "texts", x, y, color, width?, dash?,
 *             marker?, size?, hollow?, faint?, fill?: "solid" | "hatched", label?: { text, prefer?, side?: "above" | "below" } }
 *           bars may float (from?), be joined (flow?) and outlined?; cells have v, from 0 to 1; texts have text;
 *           overlaid? points are seen through, so that many on one place look darker
 *   corners three names, in place of x and y: a triangle, whose points inTriangle places
 *   readout () => { mode: "x" | "xy", stops: [{ x, y?, lines, marks: [[x, y, color]] }], start?, columns? }
 *   table   { caption, columns, rows }, the first cell of a row being its heading
 */
function createFigure(parent, labels, title) {
  const gauge = html("div", { class: "rx-gauge" }); // only its width changes, so that watching it cannot loop
  const picture = svg("svg", { role: "img", tabindex: "0", class: "rx-picture" });
  const tip = html("div", { class: "rx-tip", hidden: "" });
  const plot = html("div", { class: "rx-plot" }, gauge, picture, tip);
  const { element, setTexts } = createPanel(parent, labels, title, plot);

  const clipId = uniqueId("clip");
  const hatchId = uniqueId("hatch");
  const labelPlaces = new Map();
  let spec = null; // what was asked for
  let shown = null; // the series as drawn now, perhaps on their way
  let readout = null; // made when a pointer or a key first asks for it
  let layout = null; // places of the last drawing
  let cursor = null; // index of the stop read out
  let width = 0;
  let frameRequest = 0;

  function axesLayout(series) {
    if (spec.corners) return triangleLayout(width);
    const { x, y } = spec;
    const matrix = x.scale === "band" && y.scale === "band";
    const horizontal = y.scale === "band" && !matrix;
    const values = (key) =>
      series.flatMap((s) => {
        if (s.kind === "rule") return [s[key]];
        return s.kind === "bars" && spec[key].scale === "linear" ? [0, ...s[key]] : s[key]; // bars start at 0
      });
    const domains = {
      x: x.scale === "band" ? null : domainOf(x, values("x")),
      y: y.scale === "band" ? null : domainOf(y, values("y")),
    };
    const height = spec.height ?? Math.round(Math.min(340, Math.max(230, width * (matrix ? 1 : 0.78))));
    const ticksOf = (axis, domain, count) => {
      if (axis.scale === "band") return horizontal && axis === y ? [] : axis.categories;
      return axis.ticks ?? (axis.scale === "log" ? logTicks(...domain) : linearTicks(...domain, count));
    };
    const ticks = { x: ticksOf(x, domains.x, width < 300 ? 4 : TICKS), y: ticksOf(y, domains.y, TICKS) };
    const texts = {
      x: x.texts ?? ticks.x.map((t) => formatNumber(t, x.format)),
      y: y.texts ?? ticks.y.map((t) => formatNumber(t, y.format)),
    };
    // of a crowded scale some texts can be left out; of a band's names none, so every other one stands lower
    const names = x.scale === "band" && !x.label && !matrix ? texts.x.map((t) => textWidth(t)) : [];
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

  function drawAxes({ box, place, ticks, texts, height, lower }) {
    const { x, y, series } = spec;
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
      const y = box.bottom + 17 + line * lower;
      axis.append(svg("text", { x: centre, y, "text-anchor": "middle" }, texts.x[i]));
    });
    ticks.y.forEach((tick, i) => {
      const at = { x: box.left - 7, y: place.y(tick), "text-anchor": "end", "dominant-baseline": "central" };
      axis.append(svg("text", at, texts.y[i]));
    });
    // bars stand on 0, everything else on the lower edge
    const onBase = x.scale === "band" && y.scale !== "band";
    const foot = () => level(onBase ? place.y(place.base) : box.bottom);
    const edge = place.horizontal ? upright(place.x(place.base)) : foot();
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

  function drawLabels(series, { box, place }) {
    const lines = series.filter((s) => !s.faint && (s.kind === "line" || s.kind === "points" || s.kind === "arrow"));
    const along = (s) => (s.kind === "points" ? pixels(s, place).filter(Boolean) : alongLine(pixels(s, place)));
    const obstacles = lines.flatMap(along);
    const inside = ([x, y]) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
    const wanted = series
      .filter((s) => s.label)
      .map((s) => {
        const all = along(s).filter(inside);
        const every = Math.max(1, Math.floor(all.length / 14));
        const anchors = all.filter((_, i) => i % every === 0);
        const { text, prefer = 1, side } = s.label;
        // the mark's own size; a bold line's own width
        const clear = s.kind === "points" ? (s.size ?? 4) * 0.7 : (s.width ?? 2) / 2;
        return { key: s.name, text, color: s.color, anchors, prefer, side, clear };
      });
    const group = svg("g", { class: "rx-labels" });
    for (const found of placeLabels(wanted, obstacles, box, labelPlaces)) {
      const { color } = wanted.find((w) => w.key === found.key);
      const at = { x: found.left, y: (found.top + found.bottom) / 2, "dominant-baseline": "central" };
      group.append(svg("text", { ...at, class: "rx-label", style: colourStyle(color) }, found.text));
    }
    return group;
  }

  function draw() {
    if (!spec || width === 0) return;
    layout = axesLayout(shown);
    const { box, place, height } = layout;
    picture.setAttribute("width", width);
    picture.setAttribute("height", height);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const pad = 8;
    const clip = svg("clipPath", { id: clipId }, svg("rect", {
      x: box.left - pad, y: box.top - pad, width: box.right - box.left + 2 * pad, height: box.bottom - box.top + 2 * pad,
    }));
    const hatch = svg(
      "pattern",
      { id: hatchId, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "rx-hatch" }),
    );
    const [grid, axis] = spec.corners ? drawTriangle(layout, spec.corners, width) : drawAxes(layout);
    const marks = svg("g", { "clip-path": `url(#${clipId})` });
    for (const series of shown) marks.append(drawSeries(series, place, box, hatchId));
    picture.replaceChildren(svg("defs", {}, clip, hatch), grid, axis, marks, drawLabels(shown, layout));
    drawCursor();
  }

  // ---- readout, by pointer or by arrow keys

  function drawCursor() {
    picture.querySelector(".rx-cursor")?.remove();
    const stop = cursor === null ? null : readout.stops[cursor];
    tip.hidden = !stop;
    if (!stop) return;
    const { box, place } = layout;
    const group = svg("g", { class: "rx-cursor" });
    const x = place.x(stop.x);
    if (readout.mode === "x") group.append(svg("line", { x1: x, x2: x, y1: box.top, y2: box.bottom }));
    for (const [mx, my, color] of stop.marks) {
      group.append(svg("circle", { cx: place.x(mx), cy: place.y(my), r: 5, style: colourStyle(color) }));
    }
    picture.append(group);
    const [first, ...rest] = stop.lines;
    tip.replaceChildren(html("strong", {}, first), ...rest.map((line) => html("span", {}, line)));
    const tipWidth = Math.max(textWidth(first, 600), ...rest.map((line) => textWidth(line))) + 22;
    const tipHeight = 14 + 18 * stop.lines.length;
    const y = stop.marks.length ? place.y(stop.marks[0][1]) : box.top;
    const left = x + 14 + tipWidth <= width ? x + 14 : x - 14 - tipWidth;
    tip.style.left = `${Math.min(Math.max(0, left), Math.max(0, width - tipWidth))}px`;
    tip.style.top = `${Math.min(Math.max(0, y - tipHeight - 10), layout.height - tipHeight)}px`;
  }

  function nearest(event) {
    const frame = picture.getBoundingClientRect();
    const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
    const { place } = layout;
    const distance = (stop) => {
      const dx = place.x(stop.x) - px;
      return readout.mode === "x" ? Math.abs(dx) : Math.hypot(dx, place.y(stop.y) - py);
    };
    let best = null;
    readout.stops.forEach((stop, i) => {
      const d = distance(stop);
      if (best === null || d < best.d) best = { i, d };
    });
    return best && (readout.mode === "x" || best.d < 60) ? best.i : null;
  }

  function point(index, live) {
    tip.setAttribute("aria-live", live);
    cursor = index;
    drawCursor();
  }

  function makeReadout() {
    readout ??= spec.readout?.() ?? readoutOf(spec);
  }

  function usable() {
    if (layout === null) return false;
    makeReadout();
    return readout.stops.length > 0;
  }

  picture.addEventListener("pointermove", (event) => usable() && point(nearest(event), "off"));
  picture.addEventListener("pointerdown", (event) => usable() && point(nearest(event), "off"));
  picture.addEventListener("pointerleave", () => layout && point(null, "off"));
  picture.addEventListener("blur", () => layout && point(null, "off"));
  picture.addEventListener("focus", () => {
    if (usable() && picture.matches(":focus-visible")) point(readout.start ?? 0, "polite");
  });
  picture.addEventListener("keydown", (event) => {
    if (!usable()) return;
    const last = readout.stops.length - 1;
    const jump = { Home: -Infinity, End: Infinity, PageUp: -10, PageDown: 10 };
    const { columns } = readout; // of a matrix, row by row from the top
    const step = { ArrowLeft: -1, ArrowDown: columns ?? -1, ArrowRight: 1, ArrowUp: -(columns ?? -1), ...jump }[event.key];
    if (event.key === "Escape") point(null, "off");
    if (step === undefined) return;
    event.preventDefault();
    point(Math.min(last, Math.max(0, (cursor ?? readout.start ?? 0) + step)), "polite");
  });

  // ---- life

  const observer = new ResizeObserver(() => {
    const now = Math.floor(gauge.clientWidth);
    if (now === width) return;
    width = now;
    rulerFont = getComputedStyle(picture).fontFamily;
    labelPlaces.clear();
    draw();
  });
  observer.observe(gauge);

  function update(next, animate) {
    cancelAnimationFrame(frameRequest);
    const from = shown;
    spec = next;
    readout = null;
    if (cursor !== null) {
      makeReadout();
      if (cursor >= readout.stops.length) cursor = null;
    }
    picture.setAttribute("aria-label", `${next.alt} ${labels.readout}`);
    setTexts({ ...next, table: next.table ?? tableOf(next) });
    if (!animate || from === null || still()) {
      shown = next.series;
      draw();
      return;
    }
    const begin = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / TRANSITION));
      shown = t === 1 ? next.series : seriesBetween(from, next.series, 1 - (1 - t) ** 3);
      draw();
      if (t < 1) frameRequest = requestAnimationFrame(step);
    };
    frameRequest = requestAnimationFrame(step);
  }

  function destroy() {
    cancelAnimationFrame(frameRequest);
    observer.disconnect();
  }

  return { element, update, destroy };
}

// ---------------------------------------------------------------- controls

/**
 * A labelled slider over a list of stops, with its value as text.
 * ticks: stops marked on the scale; named: those with their text below.
 */
function createSlider(parent, { label, hint, stops, text, ticks = [], named = [], onInput }) {
  const id = uniqueId("slider");
  const output = html("output", { for: id, class: "rx-value", "aria-live": "off" }); // the slider itself speaks
  const hintId = `${id}-hint`;
  const input = html("input", {
    type: "range", id, min: 0, max: stops.length - 1, step: 1, "aria-describedby": hint ? hintId : undefined,
  });
  const at = (value) => stops.indexOf(value) / Math.max(1, stops.length - 1);
  const scale = html("div", { class: "rx-scale", "aria-hidden": "true" });
  scale.hidden = ticks.length + named.length === 0;
  for (const value of ticks) scale.append(html("i", { style: `--at: ${at(value)}` }));
  for (const value of named) {
    const end = { 0: "rx-first", 1: "rx-last" }[at(value)]; // the ends keep inside the slider's width
    scale.append(html("span", { style: `--at: ${at(value)}`, class: end }, text(value)));
  }
  const row = html("div", { class: "rx-control-head" }, html("label", { for: id }, label), output);
  const control = html("div", { class: "rx-control" }, row, input, scale);
  if (hint) row.firstChild.append(html("span", { class: "rx-hint", id: hintId }, hint));
  parent.append(control);

  function set(value) {
    let index = stops.indexOf(value);
    if (index < 0) {
      const gap = (i) => Math.abs(stops[i] - value);
      index = stops.reduce((best, _, i) => (gap(i) < gap(best) ? i : best), 0);
    }
    if (Number(input.value) !== index) input.value = index;
    output.textContent = text(value);
    input.setAttribute("aria-valuetext", text(value));
    input.style.setProperty("--at", index / Math.max(1, stops.length - 1));
  }
  input.addEventListener("input", () => onInput(stops[Number(input.value)]));
  return { set, element: control };
}

/** A choice of one among a few: radio buttons side by side. options: [{ value, text }]. */
function createChoice(parent, { label, options, onInput }) {
  const name = uniqueId("choice");
  const inputs = options.map(({ value }, i) => html("input", { type: "radio", name, id: `${name}-${i}`, value }));
  const buttons = options.map(({ text }, i) => html("label", { for: `${name}-${i}` }, inputs[i], html("span", {}, text)));
  const row = html("div", { class: "rx-options" }, ...buttons);
  parent.append(html("fieldset", { class: "rx-control rx-choice" }, html("legend", {}, label), row));
  inputs.forEach((input, i) => input.addEventListener("change", () => onInput(options[i].value)));
  return {
    set(value) {
      inputs.forEach((input, i) => { input.checked = options[i].value === value; });
    },
  };
}

/** Something on or off: a checkbox with its label. */
function createToggle(parent, { label, onInput }) {
  const id = uniqueId("toggle");
  const input = html("input", { type: "checkbox", id });
  parent.append(html("label", { for: id, class: "rx-toggle" }, input, html("span", {}, label)));
  input.addEventListener("change", () => onInput(input.checked));
  return {
    set(value) {
      input.checked = value;
    },
  };
}

/** A button that starts something long, with a bar and a line of text that say how far it is. */
function createTask(parent, { label, onPress }) {
  const button = html("button", { type: "button", class: "rx-button" }, label);
  const bar = html("progress", { max: 1, value: 0, "aria-label": label, hidden: "" });
  const status = html("output", { class: "rx-status", "aria-live": "polite" });
  parent.append(html("div", { class: "rx-task" }, button, bar, status));
  button.addEventListener("click", onPress);
  return {
    /** share: of the work that is done, null where none is under way. */
    set(share, text) {
      button.disabled = share !== null;
      bar.hidden = share === null;
      bar.value = share ?? 0;
      if (status.textContent !== text) status.textContent = text;
    },
  };
}

/** A frame with a heading around controls that belong together; a folded one opens on its heading. */
function createGroup(parent, { label, color, folded = false, wide = false, narrow = false }) {
  const style = color && colourStyle(color);
  const classes = `rx-group${wide ? " rx-wide" : ""}${narrow ? " rx-narrow" : ""}`;
  const inner = html("div", { class: "rx-group-controls" });
  const title = html("span", { class: color ? "rx-coloured" : undefined, style }, label);
  parent.append(
    folded
      ? html("details", { class: "rx-group rx-data" }, html("summary", {}, title), inner)
      : html("fieldset", { class: classes }, html("legend", {}, title), inner),
  );
  return inner;
}

// ---------------------------------------------------------------- the frame

/**
 * The frame of an explorer around `model`: controls, pictures, a sentence.
 *
 * labels needs title, reset, table and readout (how to read values off a picture by keyboard). settings names the
 * keys of the state that controls move; draw(animate) is called whenever one of them changes, without animation
 * while a slider is moved.
 */
export function createExplorer({ model, el, labels, settings, draw }) {
  const controls = html("div", { class: "rx-controls" });
  const panels = html("div", { class: "rx-panels" });
  const sentence = html("output", { class: "rx-sentence", "aria-live": "polite" });
  const root = html("div", { class: "rx", role: "group", "aria-label": labels.title }, controls, panels, sentence);
  el.replaceChildren(root);
  // JupyterLab would take the arrow keys for itself
  root.addEventListener("keydown", (event) => {
    if (HANDLED_KEYS.has(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });

  const figures = [];
  const moved = new Map();
  let place = controls; // of the next control
  let playTimer = null;
  let pause = () => {};
  let byHand = false;

  function change(values, hand) {
    byHand = hand;
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    model.save_changes();
    byHand = false;
  }

  /** A control for a trait, or for what read takes out of it and write puts into it. */
  function addControl(create, key, options, hand) {
    const { trait = key, read = (v) => v, write = (v) => v } = options;
    const onInput = (value) => change({ [trait]: write(value) }, hand);
    moved.set(key, { read, trait, ...create(place, { ...options, onInput }) });
  }

  const explorer = {
    addSlider: (key, options) => addControl(createSlider, key, options, true),
    addChoice: (key, options) => addControl(createChoice, key, options, false),
    addToggle: (key, options) => addControl(createToggle, key, options, false),
    /** The controls added from here on stand in a frame of their own, which is returned; without options, in none. */
    addGroup(options) {
      place = options ? createGroup(controls, options) : controls;
      return options && place.parentElement;
    },
    /** Whether the slider of that key is to be seen. */
    showSlider(key, visible) {
      moved.get(key).element.hidden = !visible;
    },
    /**
     * A button that walks a trait through its ascending stops and ends on the last; labels needs play and pause. Any key
     * or press within the explorer pauses it. What is said aloud waits until it stands still.
     */
    addPlay(key, stops) {
      const button = html("button", { type: "button", class: "rx-button rx-play" }, labels.play);
      const advance = () => {
        const next = stops.find((stop) => stop > model.get(key));
        if (next === undefined || next === stops.at(-1)) pause();
        if (next !== undefined) change({ [key]: next }, false);
      };
      const playing = (timer) => {
        playTimer = timer;
        sentence.setAttribute("aria-live", timer === null ? "polite" : "off");
        button.textContent = timer === null ? labels.play : labels.pause;
      };
      pause = () => {
        clearInterval(playTimer);
        if (playTimer !== null) playing(null);
      };
      button.addEventListener("click", () => {
        if (playTimer !== null) return pause();
        playing(setInterval(advance, BEAT));
        if (model.get(key) >= stops.at(-1)) change({ [key]: stops[0] }, false);
        else advance();
      });
      root.addEventListener("pointerdown", ({ target }) => target !== button && pause(), true);
      root.addEventListener("input", () => pause(), true); // what moves a control may be neither hand nor key
      root.addEventListener("keydown", (event) => {
        const presses = event.target === button && (event.key === "Enter" || event.key === " ");
        if (!presses) pause();
      }, true);
      place.append(button);
    },
    addTask: (options) => createTask(place, options),
    /** A button that changes several settings at once: values() gives them. */
    addButton(text, values, name = "rx-button") {
      const button = html("button", { type: "button", class: name }, text);
      button.addEventListener("click", () => change(values(), false));
      controls.append(button);
    },
    addReset: () => explorer.addButton(labels.reset, () => model.get("start"), "rx-button rx-reset"),
    /** A panel whose content, a list of elements, the explorer draws itself. */
    addPanel(title, content, wide = false) {
      const panel = createPanel(panels, labels, title, ...content);
      if (wide) panel.element.classList.add("rx-wide");
      return panel;
    },
    addFigure(title, wide = false) {
      const figure = createFigure(panels, labels, title);
      if (wide) figure.element.classList.add("rx-wide");
      figures.push(figure);
      return figure;
    },
    say: (template, values = {}) => fillInto(sentence, template, values),
    start() {
      redraw();
      for (const key of settings) model.on(`change:${key}`, redraw);
    },
    destroy() {
      pause();
      for (const key of settings) model.off(`change:${key}`, redraw);
      for (const figure of figures) figure.destroy();
    },
  };

  let drawn = false;
  function redraw() {
    for (const { read, trait, set } of moved.values()) set(read(model.get(trait)));
    draw(drawn && !byHand);
    drawn = true;
  }
  return explorer;
}
