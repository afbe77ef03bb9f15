// Direct labels in a column at the right: each at the height of its line's end, with a piece of that line.
import { svg } from "bookwork/dom";
import { colourStyle, pixels } from "bookwork/marks";
import { SWATCH, drawSwatch } from "bookwork/swatch";
import { textWidth } from "bookwork/text";

const GAP = 8; // px between a piece of line and its name
const APART = 17; // px from one label to the next
const LEAN = { top: -APART / 2, middle: 0, bottom: APART / 2 };

const nameOf = ({ name, label }) => label.text ?? name;

/** px that the column takes. */
export const endsRoom = (series) =>
  Math.max(0, ...series.filter((s) => s.label).map((s) => textWidth(nameOf(s), 600) + SWATCH + 3 * GAP + 2));

/** Places, each at least APART from the next, as near as may be to those wanted, between low and high. */
function spread(wanted, low, high) {
  const at = wanted.map((y) => Math.min(Math.max(y, low), high));
  for (let round = 0; round < 60; round += 1) {
    for (let i = 1; i < at.length; i += 1) {
      const missing = APART - (at[i] - at[i - 1]);
      if (missing <= 0) continue;
      at[i - 1] -= missing / 2;
      at[i] += missing / 2;
    }
    at[0] = Math.max(at[0], low);
    if (at.at(-1) > high) at[at.length - 1] = high;
  }
  return at;
}

/** The labels of all series that have one. */
export function drawEnds(series, { box, place }, hatchId) {
  const group = svg("g", { class: "rx-labels" });
  const ends = series.filter((s) => s.label).map((s) => {
    const last = pixels(s, place).filter(Boolean).reduce((a, b) => (b[0] >= a[0] ? b : a), [-Infinity, box.top]);
    return { s, y: last[1] + LEAN[s.label.at ?? "middle"] };
  }).sort((a, b) => a.y - b.y);
  if (ends.length === 0) return group;
  spread(ends.map(({ y }) => y), box.top + 4, box.bottom - 4).forEach((y, i) => {
    const { s } = ends[i];
    const left = box.right + 2 * GAP; // far enough that it does not seem to go on
    const at = { x: left + SWATCH + GAP, y, "dominant-baseline": "central" };
    group.append(drawSwatch(s, left, y, hatchId));
    group.append(svg("text", { ...at, class: "rx-label", style: colourStyle(s.color) }, nameOf(s)));
  });
  return group;
}
