// Numbers as text.

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

const fixed = (kind) => (value) => value.toFixed(Number(/\.(\d+)f$/.exec(kind)?.[1] ?? 0));

/** A number as text: percent, number (3 digits), short (2 digits), rate (2 decimals, or 3 digits), metric (3 decimals),
 * integer or plain; ".1f" for so many decimals. */
export function formatNumber(value, kind = "number") {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? (FORMATS[kind] ?? fixed(kind))(value).replace(/^-/, "−") : String(value);
}

export const percent = (value) => formatNumber(value, "percent");
export const integer = (value) => formatNumber(value, "integer");
/** With three digits. */
export const number = (value) => formatNumber(value, "number");
/** With two decimals. */
export const two = (value) => (value === null ? "–" : value.toFixed(2).replace(/^-/, "−"));
