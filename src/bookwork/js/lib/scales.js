// From values to pixels: domains, ticks, positions.

/** 0, 1, ... up to length - 1. */
export const range = (length) => Array.from({ length }, (_, i) => i);

/** The values that occur, rising. */
export const sortedSet = (values) => [...new Set(values)].sort((a, b) => a - b);

/** Index of the value that is the wanted one, or nearest to it along a scale (such as Math.log). */
export function nearest(values, wanted, scale = (v) => v) {
  if (values.includes(wanted)) return values.indexOf(wanted); // also of values that are no numbers
  const gap = (value) => Math.abs(scale(value) - scale(wanted));
  return values.reduce((best, value, i) => (gap(value) < gap(values[best]) ? i : best), 0);
}

/** How many ticks an axis aims at. */
export const TICKS = 5;

/** A round step that fits about count times between low and high. */
function tickStep(low, high, count) {
  const rough = (high - low) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  return magnitude * [1, 2, 2.5, 5, 10].find((m) => m * magnitude >= rough * 0.999);
}

/** Round numbers from low to high, about count of them, or one every step. */
export function linearTicks(low, high, count = TICKS, step = tickStep(low, high, count)) {
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten from low to high; with 2 and 5 between them where there are few. */
export function logTicks(low, high) {
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
export function domainOf(axis, values) {
  if (axis.loose) { // room above and below on a logarithmic scale
    const [low, high] = domainOf({ ...axis, loose: false }, values);
    const room = (high / low) ** 0.04;
    return [low / room, high * room];
  }
  if (axis.domain) return axis.domain;
  const finite = (axis.extent ?? values).filter((v) => typeof v === "number" && (axis.scale !== "log" || v > 0));
  if (finite.length === 0) return axis.scale === "log" ? [0.1, 1] : [0, 1];
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (axis.scale === "log") return low === high ? [low / 2, high * 2] : [low, high];
  if (axis.tight && low < high) return [low, high];
  if (axis.ticks && low < high) return [low - 0.08 * (high - low), high + 0.08 * (high - low)]; // not on the edge
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  // out to round numbers; a wider domain may have wider steps, hence again
  for (let i = 0; i < 3; i += 1) {
    const step = tickStep(low, high, TICKS);
    [low, high] = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  }
  return [low, high];
}

/** From the values of an axis to pixels; a reversed one falls. */
export function position(axis, domain, begin, end) {
  const [from, to] = axis.reversed ? [end, begin] : [begin, end];
  if (axis.scale === "band") {
    const width = (to - from) / axis.categories.length;
    return (category) => from + width * (axis.categories.indexOf(category) + 0.5);
  }
  const map = axis.scale === "log" ? Math.log10 : (v) => v;
  const [low, high] = domain.map(map);
  return (value) => from + ((map(value) - low) / (high - low)) * (to - from);
}
