// Three shares that sum to 1 as a place in a triangle.
import { svg } from "bookwork/dom";
import { linePath } from "bookwork/marks";
import { position } from "bookwork/scales";
import { FONT_SIZE, textWidth } from "bookwork/text";

const ALTITUDE = Math.sqrt(3) / 2;

/** Three shares that sum to 1, per point, as places in a triangle of side 1: all of the third is its top. */
export function inTriangle(shares) {
  return { x: shares.map(([, b, c]) => b + c / 2), y: shares.map(([, , c]) => c * ALTITUDE) };
}

/** Places of a triangle with even sides, which leaves room for the names of its corners. */
export function triangleLayout(width) {
  const room = FONT_SIZE + 14;
  const side = Math.min(width - 16, 340);
  const left = (width - side) / 2;
  const box = { left, right: left + side, top: room, bottom: room + side * ALTITUDE };
  const [x, y] = [position({}, [0, 1], box.left, box.right), position({}, [0, ALTITUDE], box.bottom, box.top)];
  return { box, place: { x, y, bar: 0, base: 0 }, height: box.bottom + room };
}

/** Lines of equal share at every quarter, the sides, and a name at each corner. */
export function drawTriangle({ place }, corners, width) {
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
    const beside = { x: Math.min(width - half, Math.max(half, x)), y: k === 2 ? y - 13 : y + 22 };
    axis.append(svg("text", { ...beside, "text-anchor": "middle" }, corners[k]));
  });
  return [grid, axis];
}
