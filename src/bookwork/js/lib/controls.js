// Controls: sliders, choices, toggles, and groups of them.
import { html, uniqueId } from "bookwork/dom";
import { colourStyle } from "bookwork/marks";
import { nearest } from "bookwork/scales";
import { FONT_SIZE, textWidth } from "bookwork/text";

const LEAST = 240; // px that a slider is wide, at least
const THUMB = 20;
const FEW = 3; // options of a choice that take one line, and may stay in sight on a phone
const SMALL = 12 / FONT_SIZE; // texts of a scale

/** The stops of a slider to name on its scale: all where their texts fit beside each other, else the ends. */
export function stopsToName(stops, text) {
  const last = stops.length - 1;
  const widths = stops.map((stop) => SMALL * textWidth(text(stop)));
  const left = (i) => { // the ends keep inside the slider's width
    if (i === 0) return 0;
    return i === last ? LEAST - widths[i] : THUMB / 2 + (i / last) * (LEAST - THUMB) - widths[i] / 2;
  };
  const fit = stops.every((_, i) => i === 0 || left(i - 1) + widths[i - 1] + 3 <= left(i));
  return fit ? stops : [...new Set([stops[0], stops[last]])];
}

/**
 * A labelled slider over a list of stops, with its value as text.
 * ticks: stops marked on the scale; named: those with their text below.
 */
export function createSlider(parent, { label, hint, stops, text, ticks = [], named = [], group, onInput }) {
  const id = uniqueId("slider");
  const output = html("output", { for: id, class: "rx-value", "aria-live": "off" }); // the slider itself speaks
  const hintId = `${id}-hint`;
  const input = html("input", {
    type: "range", id, min: 0, max: stops.length - 1, step: 1, "aria-describedby": hint ? hintId : undefined,
  });
  const at = (value) => stops.indexOf(value) / Math.max(1, stops.length - 1);
  const scale = html("div", { class: "rx-scale", "aria-hidden": "true" });
  scale.hidden = ticks.length + named.length === 0;
  for (const value of ticks) scale.append(html("i", { style: `--at: ${at(value)}` }));
  for (const value of named) {
    const end = { 0: "rx-first", 1: "rx-last" }[at(value)]; // the ends keep inside the slider's width
    scale.append(html("span", { style: `--at: ${at(value)}`, class: end }, text(value)));
  }
  const row = html("div", { class: "rx-control-head" }, html("label", { for: id, "data-group": group }, label), output);
  const control = html("div", { class: "rx-control" }, row, input, scale);
  if (hint) row.firstChild.append(html("span", { class: "rx-hint", id: hintId }, hint));
  parent.append(control);

  function set(value) {
    const index = nearest(stops, value);
    if (Number(input.value) !== index) input.value = index;
    output.textContent = text(value);
    input.setAttribute("aria-valuetext", text(value));
    input.style.setProperty("--at", index / Math.max(1, stops.length - 1));
  }
  input.addEventListener("input", () => onInput(stops[Number(input.value)]));
  return { set, element: control };
}

/** A choice of one among a few: radio buttons side by side. options: [{ value, text }]. */
export function createChoice(parent, { label, options, onInput }) {
  const name = uniqueId("choice");
  const inputs = options.map(({ value }, i) => html("input", { type: "radio", name, id: `${name}-${i}`, value }));
  const row = html("div", { class: "rx-options" });
  options.forEach(({ text }, i) => row.append(html("label", { for: inputs[i].id }, inputs[i], html("span", {}, text))));
  const size = options.length > FEW ? "rx-control rx-choice rx-many" : "rx-control rx-choice";
  const element = html("fieldset", { class: size }, html("legend", {}, label), row);
  parent.append(element);
  inputs.forEach((input, i) => input.addEventListener("change", () => {
    input.parentElement.scrollIntoView({ block: "nearest", inline: "nearest" }); // where it is a line to swipe through
    onInput(options[i].value);
  }));
  return { element, set: (value) => inputs.forEach((input, i) => { input.checked = options[i].value === value; }) };
}

/** Something on or off: a checkbox with its label. */
export function createToggle(parent, { label, group, onInput }) {
  const id = uniqueId("toggle");
  const input = html("input", { type: "checkbox", id });
  parent.append(html("label", { for: id, class: "rx-toggle", "data-group": group }, input, html("span", {}, label)));
  input.addEventListener("change", () => onInput(input.checked));
  return { set: (value) => { input.checked = value; } };
}

/** A button that starts something long, with a bar and a line of text that say how far it is. */
export function createTask(parent, { label, onPress }) {
  const button = html("button", { type: "button", class: "rx-button" }, label);
  const bar = html("progress", { max: 1, value: 0, "aria-label": label, hidden: "" });
  const status = html("output", { class: "rx-status", "aria-live": "polite" });
  parent.append(html("div", { class: "rx-task" }, button, bar, status));
  button.addEventListener("click", onPress);
  return {
    /** share: of the work that is done, null where none is under way. */
    set(share, text) {
      button.disabled = share !== null;
      bar.hidden = share === null;
      bar.value = share ?? 0;
      if (status.textContent !== text) status.textContent = text;
    },
  };
}

/** A frame with a heading around controls that belong together; a folded one opens on its heading. */
export function createGroup(parent, { label, color, folded = false, wide = false, narrow = false }) {
  const style = color && colourStyle(color);
  const classes = `rx-group${wide ? " rx-wide" : ""}${narrow ? " rx-narrow" : ""}`;
  const inner = html("div", { class: "rx-group-controls", "data-label": color && label });
  const title = html("span", { class: color ? "rx-coloured" : undefined, style }, label);
  parent.append(
    folded
      ? html("details", { class: "rx-group rx-data", "aria-label": label }, html("summary", {}, title), inner)
      : html("fieldset", { class: classes }, html("legend", {}, title), inner),
  );
  return inner;
}
