// Direct labels: beside what they name, off everything else.
import { svg } from "bookwork/dom";
import { colourStyle, pixels } from "bookwork/marks";
import { range } from "bookwork/scales";
import { drawSwatch } from "bookwork/swatch";
import { FONT_SIZE, textWidth } from "bookwork/text";

/** Points at most 6 px apart along a line, to keep labels off it. */
function alongLine(points) {
  return points.flatMap((point, i) => {
    const next = points[i + 1];
    if (!point || !next) return point ? [point] : [];
    const way = point.map((from, axis) => next[axis] - from);
    const steps = Math.max(1, Math.ceil(Math.hypot(...way) / 6));
    return range(steps).map((k) => point.map((from, axis) => from + (k / steps) * way[axis]));
  });
}

const [ACROSS, UP] = [{ left: -1, right: 1 }, { top: -1, bottom: 1 }];
const GAP = 7; // px between a line and its label
const SAMPLE = 22; // px of a line before its name
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
  for (const { key, text, anchors, prefer, side: liked, clear, at, sample = 0 } of wanted) {
    const width = (sample && sample + 4) + textWidth(text, 600);
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
        if (at && (sx !== at[0] || sy !== at[1])) cost += 5;
        for (const other of placed) {
          const beside = left > other.right + 4 || right < other.left - 4;
          if (!beside && top <= other.bottom + 2 && bottom >= other.top - 2) cost += 1000;
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

/** Direct labels of the series that have one; before remembers the places. */
export function drawLabels(series, { box, place }, before) {
  const solid = ({ kind, faint, quiet }) => !faint && !quiet && ["line", "points", "arrow"].includes(kind);
  const lines = series.filter(solid);
  const along = (s) => (s.kind === "points" ? pixels(s, place).filter(Boolean) : alongLine(pixels(s, place)));
  const obstacles = lines.flatMap(along);
  const inside = ([x, y]) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  const wanted = series
    .filter((s) => s.label)
    .map((s) => {
      const all = along(s).filter(inside);
      const every = Math.max(1, Math.floor(all.length / 14));
      const anchors = all.filter((_, i) => i % every === 0);
      const { text = s.name, prefer = 1, side } = s.label;
      // the mark's own size; a bold line's own width
      const clear = s.kind === "points" ? (s.size ?? 4) * 0.7 : (s.width ?? 2) / 2;
      const sample = s.kind === "line" ? SAMPLE : 0;
      return { key: s.name, text, color: s.color, anchors, prefer, side, clear, sample, series: s };
    });
  for (const s of series.filter(({ written }) => written)) {
    const wordsAt = (i) => (Array.isArray(s.written) ? s.written[i] : s.written).split(" ");
    pixels(s, place).forEach((point, i) => {
      if (!point || !s.texts[i]) return;
      const clear = (s.size?.[i] ?? s.size ?? 4) * 0.7 - 3;
      const at = [ACROSS, UP].map((sides) => wordsAt(i).map((word) => sides[word]).find(Boolean) ?? 0);
      wanted.push({ key: `${s.name} ${i}`, text: s.texts[i], color: s.color, anchors: [point], prefer: 0, clear, at });
    });
  }
  const group = svg("g", { class: "rx-labels" });
  for (const found of placeLabels(wanted, obstacles, box, before)) {
    const { color, sample, series: named } = wanted.find((w) => w.key === found.key);
    const y = (found.top + found.bottom) / 2;
    const at = { x: found.right - textWidth(found.text, 600), y, "dominant-baseline": "central" };
    if (sample) group.append(drawSwatch(named, found.left, y, "", sample));
    group.append(svg("text", { ...at, class: "rx-label", style: colourStyle(color) }, found.text));
  }
  return group;
}
