// Reading values off a picture, by pointer or by arrow keys.
import { html, svg } from "bookwork/dom";
import { colourStyle } from "bookwork/marks";
import { plain } from "bookwork/picture";
import { textWidth } from "bookwork/text";

const JUMPS = { Home: -Infinity, End: Infinity, PageUp: -10, PageDown: 10 };
const REACH = 60; // px from a pointer to the stop that it reads

/**
 * The readout of a picture, with its text in `tip`. drawn() gives { spec, layout, width } of what is drawn now; the
 * layout is null before there is anything. renew() after a new spec, draw() after a new drawing.
 */
export function createReadout(picture, tip, drawn) {
  let readout = null; // made when a pointer or a key first asks for it
  let cursor = null; // index of the stop read out

  function draw() {
    picture.querySelector(".rx-cursor")?.remove();
    const stop = cursor === null ? null : readout.stops[cursor];
    tip.hidden = !stop;
    if (!stop) return;
    const { layout, width } = drawn();
    const { box, place } = layout;
    const group = svg("g", { class: "rx-cursor" });
    const x = place.x(stop.x);
    if (readout.mode === "x") group.append(svg("line", { x1: x, x2: x, y1: box.top, y2: box.bottom }));
    for (const [mx, my, color] of stop.marks) {
      group.append(svg("circle", { cx: place.x(mx), cy: place.y(my), r: 5, style: colourStyle(color) }));
    }
    picture.append(group);
    const [first, ...rest] = stop.lines;
    tip.replaceChildren(html("strong", {}, first), ...rest.map((line) => html("span", {}, line)));
    const tipWidth = Math.max(textWidth(first, 600), ...rest.map((line) => textWidth(line))) + 22;
    const tipHeight = 14 + 18 * stop.lines.length;
    const y = stop.marks.length ? place.y(stop.marks[0][1]) : box.top;
    const left = x + 14 + tipWidth <= width ? x + 14 : x - 14 - tipWidth;
    tip.style.left = `${Math.min(Math.max(0, left), Math.max(0, width - tipWidth))}px`;
    tip.style.top = `${Math.min(Math.max(0, y - tipHeight - 10), layout.height - tipHeight)}px`;
  }

  function nearest(event) {
    const frame = picture.getBoundingClientRect();
    const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
    const { place } = drawn().layout;
    const distances = readout.stops.map((stop) => {
      const dx = place.x(stop.x) - px;
      return readout.mode === "x" ? Math.abs(dx) : Math.hypot(dx, place.y(stop.y) - py);
    });
    const best = distances.reduce((least, d, i) => (d < distances[least] ? i : least), 0);
    return readout.mode === "x" || distances[best] < REACH ? best : null;
  }

  function point(index, live) {
    tip.setAttribute("aria-live", live);
    cursor = index;
    draw();
  }

  function make() {
    const { spec } = drawn();
    readout ??= (spec.readout ?? plain(spec).readout)();
  }

  function usable() {
    if (drawn().layout === null) return false;
    make();
    return readout.stops.length > 0;
  }

  const leave = () => drawn().layout && point(null, "off");
  picture.addEventListener("pointermove", (event) => usable() && point(nearest(event), "off"));
  picture.addEventListener("pointerdown", (event) => usable() && point(nearest(event), "off"));
  picture.addEventListener("pointerleave", leave);
  picture.addEventListener("blur", leave);
  picture.addEventListener("focus", () => {
    if (usable() && picture.matches(":focus-visible")) point(readout.start ?? 0, "polite");
  });
  picture.addEventListener("keydown", (event) => {
    if (!usable()) return;
    const row = readout.columns ?? -1; // of a matrix, row by row from the top
    const step = { ArrowLeft: -1, ArrowDown: row, ArrowRight: 1, ArrowUp: -row, ...JUMPS }[event.key];
    if (event.key === "Escape") point(null, "off");
    if (step === undefined) return;
    event.preventDefault();
    const last = readout.stops.length - 1;
    point(Math.min(last, Math.max(0, (cursor ?? readout.start ?? 0) + step)), "polite");
  });

  function renew() {
    readout = null;
    if (cursor === null) return;
    make();
    if (cursor >= readout.stops.length) cursor = null;
  }
  return { draw, renew };
}
