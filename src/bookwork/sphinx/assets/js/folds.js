// What a fold holds waits as text, without elements, until the fold opens (see sphinx/folds.py).
"use strict";
(() => {
  const HELD = "noscript.ranking-later";

  function unfold(place) {
    for (const held of place.querySelectorAll(HELD)) {
      const { parentElement } = held;
      const content = document.createElement("template");
      content.innerHTML = held.textContent;
      held.replaceWith(content.content);
      parentElement.dispatchEvent(new CustomEvent("ranking:unfolded", { bubbles: true }));
    }
  }

  // A link may lead to what is not there yet, or is folded away.
  function goTo(id) {
    const held = [...document.querySelectorAll(HELD)].find((one) => one.textContent.includes(`id="${id}"`));
    if (held) unfold(held.parentElement);
    const target = document.getElementById(id);
    const folds = [];
    for (let fold = target?.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) {
      folds.push(fold);
    }
    for (const fold of folds) fold.open = true;
    if (folds.length) target.scrollIntoView();
  }

  const followHash = () => location.hash && goTo(decodeURIComponent(location.hash.slice(1)));

  // A click on the label, or its key, comes before the fold opens; "toggle" tells of all other ways.
  addEventListener("click", (event) => {
    const label = event.target.closest?.("summary");
    if (label) unfold(label.parentElement);
  }, true);
  addEventListener("toggle", (event) => event.target.open && unfold(event.target), true);
  addEventListener("hashchange", followHash);
  addEventListener("keydown", (event) => {
    if (((event.ctrlKey || event.metaKey) && event.key === "f") || event.key === "F3") unfold(document);
  });

  // On paper derivations are open; code and data print as they were left.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".bd-article details:not([open], [class])")];
    for (const fold of opened) {
      unfold(fold);
      fold.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });

  for (const fold of document.querySelectorAll("details[open]")) unfold(fold);
  followHash();
})();
