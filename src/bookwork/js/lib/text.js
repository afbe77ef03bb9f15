// How wide texts of a picture are.

/** px, the same at every width of the page. */
export const FONT_SIZE = 13;

let ruler = null;
let rulerFont = "";
const widths = new Map();

/** Measure in this font from now on. */
export function measureIn(fontFamily) {
  if (fontFamily !== rulerFont) widths.clear();
  rulerFont = fontFamily;
}

/** Width of a text in px, measured without laying out the page. */
export function textWidth(text, weight = 400) {
  const key = `${weight} ${text}`;
  if (!widths.has(key)) {
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = `${weight} ${FONT_SIZE}px ${rulerFont || "sans-serif"}`;
    widths.set(key, ruler.measureText(text).width);
  }
  return widths.get(key);
}
