// The few statistics that several explorers need.

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

/** The x at which Φ(x) = u, by Newton's method, which comes from 0 without ever passing it. */
export function normalQuantile(u) {
  let [x, step] = [0, 1];
  for (let i = 0; i < 60 && Math.abs(step) > 1e-14; i += 1) {
    step = (normalCdf(x) - u) * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
    x -= step;
  }
  return x;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Positions, highest score first; equal scores keep the order in which they came. */
export const order = (scores) => scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);

/** The place of every item of a list of positions, from 1. */
export function placesOf(list) {
  const place = [];
  list.forEach((i, k) => { place[i] = k + 1; });
  return place;
}
