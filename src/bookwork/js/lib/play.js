// A button that walks a setting through its stops.
import { html } from "bookwork/dom";

const BEAT = 600; // ms from stop to stop

/**
 * A button that moves through ascending stops and ends on the last; labels needs play and pause. Any key or press
 * within `root` pauses it. get() and set(stop) are those of the setting; onPlay(playing) hears of it.
 */
export function createPlay(parent, { root, labels, stops, get, set, onPlay }) {
  const button = html("button", { type: "button", class: "rx-button rx-play" }, labels.play);
  let timer = null;
  function keep(next) {
    timer = next;
    onPlay(timer !== null);
    button.textContent = timer === null ? labels.play : labels.pause;
  }
  function pause() {
    clearInterval(timer);
    if (timer !== null) keep(null);
  }
  function advance() {
    const next = stops.find((stop) => stop > get());
    if (next === undefined || next === stops.at(-1)) pause();
    if (next !== undefined) set(next);
  }
  button.addEventListener("click", () => {
    if (timer !== null) return pause();
    keep(setInterval(advance, BEAT));
    if (get() >= stops.at(-1)) set(stops[0]);
    else advance();
  });
  root.addEventListener("pointerdown", ({ target }) => target !== button && pause(), true);
  root.addEventListener("input", pause, true); // what moves a control may be neither hand nor key
  const presses = ({ target, key }) => target === button && (key === "Enter" || key === " ");
  root.addEventListener("keydown", (event) => presses(event) || pause(), true);
  parent.append(html("div", { class: "rx-buttons" }, button));
  return { pause };
}
