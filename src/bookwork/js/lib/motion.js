// Transitions, for jumps only: what a hand drags moves with the hand.

/** ms */
export const TRANSITION = 150;

/** Whether the reader wants nothing to move. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function between(from, to, t) {
  if (Array.isArray(to)) {
    if (!Array.isArray(from) || from.length !== to.length) return to;
    return to.map((value, i) => between(from[i], value, t));
  }
  return typeof to === "number" && typeof from === "number" ? from + (to - from) * t : to;
}

/** The series part of the way from one picture to the next; what has no counterpart jumps. */
export function seriesBetween(from, to, t) {
  return to.map((series, i) => {
    const old = from[i];
    if (!old || old.name !== series.name || old.kind !== series.kind) return series;
    const numbers = ["x", "y", "size", "from", "v"].filter((key) => key in series);
    return { ...series, ...Object.fromEntries(numbers.map((key) => [key, between(old[key], series[key], t)])) };
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
