// The frame of an explorer: controls, pictures, a sentence. Explorers hand over plain data; texts come from their
// state, so that they can be translated.
import { createChoice, createGroup, createSlider, createTask, createToggle } from "bookwork/controls";
import { fillInto, html } from "bookwork/dom";
import { createFigure } from "bookwork/figure";
import { createPanel } from "bookwork/panel";
import { createPlay } from "bookwork/play";

const HANDLED_KEYS = new Set([
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Enter", " ", "Escape",
]);

/**
 * The frame of an explorer around `model`.
 *
 * labels needs title, reset, table and readout (how to read values off a picture by keyboard). settings names the
 * keys of the state that controls move; draw(animate) is called whenever one of them changes, without animation
 * while a slider is moved.
 */
export function createExplorer({ model, el, labels, settings, draw }) {
  const controls = html("div", { class: "rx-controls" });
  const buttons = html("div", { class: "rx-buttons" });
  const panels = html("div", { class: "rx-panels" });
  const sentence = html("output", { class: "rx-sentence", "aria-live": "polite" });
  const root = html("div", { class: "rx", role: "group", "aria-label": labels.title }, controls, panels, sentence);
  el.replaceChildren(root);
  // JupyterLab would take the arrow keys for itself
  root.addEventListener("keydown", (event) => {
    if (HANDLED_KEYS.has(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });

  // On a phone the control that was touched last stays in sight above the pictures that it moves.
  let touched = null;
  function touch({ target }) {
    const control = target?.closest?.(".rx-control, .rx-toggle");
    if (!control || control === touched || !controls.contains(control)) return;
    touched?.classList.remove("rx-touched");
    touched = control;
    touched.classList.add("rx-touched");
  }
  // Not when a pointer goes down: a control that moves then would not be under it when it goes up.
  for (const event of ["click", "input"]) root.addEventListener(event, touch, true);
  root.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && touch(event), true);

  const figures = [];
  const pictures = [];
  const plays = [];
  const moved = new Map();
  let place = controls; // of the next control
  let byHand = false;

  function change(values, hand) {
    byHand = hand;
    for (const [key, value] of Object.entries(values)) model.set(key, value);
    model.save_changes();
    byHand = false;
  }

  /** A control for a trait, or for one part of it; its texts are labels of its key, if no others are given. */
  function addControl(create, key, { trait = key, part, as = (v) => v, ...options }, hand) {
    const texts = { label: labels[key], hint: labels[`${key}_hint`] };
    const read = (value) => (part === undefined ? value : value[part]);
    const write = (value) => (part === undefined ? as(value) : { ...model.get(trait), [part]: as(value) });
    const onInput = (value) => change({ [trait]: write(value) }, hand);
    const group = place.dataset.label; // said again where a control stands without its group
    moved.set(key, { read, trait, ...create(place, { ...texts, group, ...options, onInput }) });
  }

  const explorer = {
    addSlider: (key, options) => addControl(createSlider, key, options, true),
    /** Of values, by default named in labels. */
    addChoice(key, { values, text = (value) => labels[value], ...options }) {
      const named = values.map((value) => ({ value, text: text(value) }));
      addControl(createChoice, key, { ...options, options: named }, false);
    },
    addToggle: (key, options = {}) => addControl(createToggle, key, options, false),
    /** The controls added from here on stand in a frame of their own, which is returned; without options, in none. */
    addGroup(options) {
      place = options ? createGroup(controls, options) : controls;
      return options && place.parentElement;
    },
    /** Whether the slider or choice of that key is to be seen. */
    showControl(key, visible) {
      const { element } = moved.get(key);
      element.hidden = !visible;
      for (const input of element.querySelectorAll("input")) input.disabled = !visible;
    },
    /** A button that plays a trait through its stops. What is said aloud waits until it stands still. */
    addPlay(key, stops) {
      const get = () => model.get(key);
      const set = (stop) => change({ [key]: stop }, false);
      const onPlay = (playing) => sentence.setAttribute("aria-live", playing ? "off" : "polite");
      plays.push(createPlay(place, { root, labels, stops, get, set, onPlay }));
    },
    addTask: (options) => createTask(place, options),
    /** A button that changes several settings at once: values() gives them. */
    addButton(text, values, name = "rx-button") {
      const button = html("button", { type: "button", class: name }, text);
      button.addEventListener("click", () => change(values(), false));
      if (!buttons.isConnected) controls.append(buttons);
      buttons.append(button);
    },
    addReset: () => explorer.addButton(labels.reset, () => model.get("start"), "rx-button rx-reset"),
    /** A panel whose content, a list of elements, the explorer draws itself. */
    addPanel: (title, content, wide = false) => createPanel(panels, labels, title, wide, ...content),
    addFigure(title, wide = false) {
      figures.push(createFigure(panels, labels, title, wide));
      return figures.at(-1);
    },
    /** A figure that show draws: picture(now, labels), anew where the text that key(now) gives is another. */
    addPicture(title, picture, { wide = false, key } = {}) {
      const figure = explorer.addFigure(title, wide);
      let last = null;
      pictures.push((now, animate) => {
        if (key && key(now) === last) return;
        last = key?.(now);
        figure.update(picture(now, labels), animate);
      });
    },
    /** The same for several, by the name of their texts. */
    addPictures(named) {
      for (const [name, picture] of Object.entries(named)) explorer.addPicture(labels[`${name}_title`], picture);
    },
    /** Draws all of these pictures of what holds now. */
    show(now, animate) {
      for (const picture of pictures) picture(now, animate);
    },
    say: (template, values = {}) => fillInto(sentence, template, values),
    /** Draws, and from then on whenever a setting changes; returns what ends it. */
    start() {
      touch({ target: controls.querySelector(".rx-control") });
      redraw();
      for (const key of settings) model.on(`change:${key}`, redraw);
      return () => {
        for (const play of plays) play.pause();
        for (const key of settings) model.off(`change:${key}`, redraw);
        for (const figure of figures) figure.destroy();
      };
    },
  };

  let drawn = false;
  function redraw() {
    for (const { read, trait, set } of moved.values()) set(read(model.get(trait)));
    draw(drawn && !byHand);
    drawn = true;
  }
  return explorer;
}
