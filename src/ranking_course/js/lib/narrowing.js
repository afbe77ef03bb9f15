// Where everything of a picture of the funnel lies: a block for the catalogue and for what each stage leaves, and in it
// a place for each item.
import { range } from "bookwork/scales";

/** The blocks, from the catalogue to what is shown. */
export const BLOCKS = ["catalogue", "retrieval", "pre_ranking", "ranking", "re_ranking"];

const NARROW = 480; // px, below which the funnel stands upright

// Width and height of each block, and the gap between two, as parts of the picture's width.
const LYING = { sizes: [[0.3, 0.3], [0.19, 0.225], [0.115, 0.155], [0.115, 0.155], [0.096, 0.115]], gap: 0.0455 };
const UPRIGHT = { sizes: [[0.58, 0.58], [0.5, 0.28], [0.36, 0.17], [0.36, 0.17], [0.3, 0.09]], gap: 0.05 };

/** Where the blocks lie in a picture of that width, where their names stand, and how high it is. */
function layoutOf(width) {
  const upright = width < NARROW;
  const { sizes, gap } = upright ? UPRIGHT : LYING;
  const axis = 0.5 * width * sizes[0][upright ? 0 : 1];
  let at = 0;
  const blocks = sizes.map(([across, down]) => {
    const [w, h] = [across * width, down * width];
    const block = upright ? { x: axis - w / 2, y: at, w, h } : { x: at, y: axis - h / 2, w, h };
    at += (upright ? h : w) + gap * width;
    return block;
  });
  const names = blocks.map(({ x, y, w, h }) => {
    if (upright) return { x: Math.max(x + w, 1.6 * axis) + 14, y: y + h / 2 - 2, anchor: "start" };
    return { x: x + w / 2, y: 2 * axis + 22, anchor: "middle" };
  });
  const between = blocks.slice(1).map((b, i) => {
    const a = blocks[i];
    return upright
      ? [[a.x, a.y + a.h], [a.x + a.w, a.y + a.h], [b.x + b.w, b.y], [b.x, b.y]]
      : [[a.x + a.w, a.y], [b.x, b.y], [b.x, b.y + b.h], [a.x + a.w, a.y + a.h]];
  });
  return { blocks, names, between, height: upright ? Math.max(at - gap * width, names.at(-1).y + 26) : 2 * axis + 46 };
}

/** Centres of n dots that fill a block row by row, and how far apart they are. */
export function gridOf(n, { x, y, w, h }) {
  const columns = Math.max(1, Math.round(Math.sqrt((n * w) / h)));
  const [dx, dy] = [w / columns, h / Math.ceil(n / columns)];
  const place = (i) => [x + ((i % columns) + 0.5) * dx, y + (Math.floor(i / columns) + 0.5) * dy];
  return { points: range(n).map(place), apart: Math.min(dx, dy) };
}

/** Side of the square that has room for all items. */
export const sideOf = ({ topics }) => Math.ceil(Math.sqrt(topics.reduce((sum, count) => sum + count, 0)));

/**
 * A request as drawn at that width: its layout; of each block the size of a dot, and the points that end there (cut), go
 * on, and are shown in the end; of each stage from where to where its items go.
 */
export function narrowingOf(request, width) {
  const { stages } = request;
  const layout = layoutOf(width);
  const [catalogue, ...later] = layout.blocks;
  const pixel = catalogue.w / sideOf(request);
  const inSquare = (item) => {
    const row = Math.floor(item / sideOf(request));
    return [catalogue.x + (item - row * sideOf(request) + 0.5) * pixel, catalogue.y + (row + 0.5) * pixel];
  };
  const left = BLOCKS.slice(1).map((name) => stages[name]);
  const grids = later.map((block, i) => gridOf(left[i].length, block));
  const places = grids.map(({ points }, i) => new Map(left[i].map((item, at) => [item, points[at]])));
  const placed = [inSquare, ...places.map((map) => (item) => map.get(item))];
  const sizes = [Math.max(1.2, width / 600), ...grids.map(({ apart }) => 0.7 * apart)];
  const shown = new Set(stages.re_ranking);
  const parts = BLOCKS.map((_, i) => {
    const here = i === 0 ? left[0] : left[i - 1];
    const next = new Set(left[i] ?? here);
    const where = (keep) => here.filter(keep).map(placed[i]);
    return {
      size: sizes[i],
      cut: where((item) => !next.has(item)),
      on: where((item) => next.has(item) && !shown.has(item)),
      shown: where((item) => shown.has(item)),
    };
  });
  const flights = left.map((items, i) => ({
    from: items.map(placed[i]), to: grids[i].points, sizes: [sizes[i], sizes[i + 1]],
  }));
  return { layout, parts, flights };
}
