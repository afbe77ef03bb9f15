// What the places along an axis are called: a reader is told "collect", not the 1 at which its row is drawn.

/** Whether a text only writes the number at its place: "0.5", "1,000", "50%". */
const isNumber = (text, at) => Number(text.replace("−", "-").replaceAll(",", "").replace(/%$/, "e-2")) === at;

/** The names of an axis's bands or ticks, by their places. */
function namesOf({ scale, categories, ticks, texts = [] }) {
  const places = (scale === "band" ? categories : ticks) ?? [];
  const named = places.map((at, i) => [at, (texts[i] ?? "").replaceAll("-\n", "-").replaceAll("\n", " ")]);
  return new Map(named.filter(([at, text]) => text !== "" && !isNumber(text, at)));
}

/** Whether an axis is a list of names: bands, or ticks that are called by words. */
export const isList = ({ scale, ticks, texts }) =>
  scale === "band" || Boolean(ticks?.length && texts?.every((text) => /^\p{L}/u.test(text)));

/**
 * For each of the values along an axis its name, undefined where it has none. Those of a series on a scale, between
 * whose named ticks some of its values lie, are all numbers.
 */
export function namesAlong(axis, values) {
  const names = namesOf(axis);
  const all = isList(axis) || values.every((value) => value === null || names.has(value));
  return values.map((value) => (all ? names.get(value) : undefined));
}
