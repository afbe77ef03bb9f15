// One list in two orders: two columns of names, joined by lines from place to place.
import { svg } from "bookwork/dom";
import { colourStyle } from "bookwork/marks";
import { position } from "bookwork/scales";
import { FONT_SIZE, textWidth } from "bookwork/text";

const NARROW = 480; // px of a picture, below which its short texts are shown
const ROW = 38; // px from place to place: two lines of text
const LINE = 15; // px between these
const MARK = 10; // px from a column to the number of a place
const GAP = 7; // px from that to the name
const BETWEEN = 0.2; // of the width that is left to the lines, at least

const fitting = ({ text, short }, narrow) => (narrow ? short ?? text : text);

/** A text cut where it would be wider than there is room, which three dots tell. */
function cutTo(text, room, weight) {
  if (textWidth(text, weight) <= room) return text;
  let kept = text;
  while (kept && textWidth(`${kept}…`, weight) > room) kept = kept.slice(0, -1).trimEnd();
  return `${kept}…`;
}

/**
 * Places of two lists in a picture of that width: x 0 is the left one and x 1 the right, y the places from 1 at the top.
 *
 * lists   [left, right] of { head: { text, short? }, rows: [{ name, text, short?, color }] }, short ones for a phone
 */
export function slopeLayout(lists, width) {
  const narrow = width < NARROW;
  const count = lists[0].rows.length;
  const away = MARK + textWidth(String(count), 600) + GAP; // px from a column to the names
  const most = (width * (1 - BETWEEN)) / 2 - away;
  const widthOf = (row) => Math.max(textWidth(row.name, 600), textWidth(fitting(row, narrow)));
  const wide = lists.map(({ rows }) => Math.min(most, Math.max(...rows.map(widthOf)) + 1));
  const heads = lists.map(({ head }) => fitting(head, narrow).split("\n"));
  const [left, right] = wide.map((room) => room + away);
  const top = Math.max(...heads.map((lines) => lines.length)) * LINE + 8 + ROW / 2;
  const box = { left, right: width - right, top, bottom: top + (count - 1) * ROW };
  const place = {
    x: position({}, [0, 1], box.left, box.right), y: position({}, [1, count], box.top, box.bottom), bar: 0, base: 0,
  };
  return { box, place, height: box.bottom + ROW / 2 + 2, narrow, heads, wide, away };
}

/** Both columns with their heads, names and places; a line across below the first `cut` places. */
export function drawSlope({ box, place, heads, wide, narrow, away }, lists, cut, width) {
  const grid = svg("g", { class: "rx-grid" });
  const ground = svg("g", {}, grid);
  const names = svg("g", { class: "rx-axis rx-labels" });
  for (const x of [box.left, box.right]) grid.append(svg("line", { x1: x, x2: x, y1: box.top, y2: box.bottom }));
  if (cut < lists[0].rows.length) {
    const y = place.y(cut + 0.5);
    ground.append(svg("line", { x1: 0, x2: width, y1: y, y2: y, class: "rx-rule", style: colourStyle("ink-soft") }));
  }
  lists.forEach(({ rows }, side) => {
    const [outwards, anchor] = side === 0 ? [-1, "end"] : [1, "start"];
    const column = side === 0 ? box.left : box.right;
    heads[side].forEach((line, i) => {
      const at = { x: side === 0 ? 0 : width, y: FONT_SIZE + i * LINE, "text-anchor": side === 0 ? "start" : "end" };
      names.append(svg("text", i === 0 ? { ...at, class: "rx-heading" } : at, line));
    });
    rows.forEach((row, i) => {
      const y = place.y(i + 1);
      const written = (x, up, text, style) =>
        names.append(svg("text", { x, y: y + up, "text-anchor": anchor, "dominant-baseline": "central", ...style }, text));
      const label = { class: "rx-label", style: colourStyle(row.color) };
      written(column + outwards * MARK, 0, String(i + 1), { class: "rx-heading" });
      written(column + outwards * away, -LINE / 2, cutTo(row.name, wide[side], 600), label);
      written(column + outwards * away, LINE / 2, cutTo(fitting(row, narrow), wide[side], 400));
    });
  });
  return [ground, names];
}
