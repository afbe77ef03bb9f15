// What every page needs beyond the theme's own scripts.
"use strict";
(() => {
  // Boxes that scroll in themselves, which the Tab key must then reach.
  const BOXES = ".ranking-formula, .pst-scrollable-table-container, .cell_output > .output, .bd-article pre";

  function mark(box) {
    if (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }

  // To ask for a width makes the browser lay out what is far away: a few boxes at a time, when it has nothing to do.
  const idle = globalThis.requestIdleCallback ?? ((call) => setTimeout(call, 50, { timeRemaining: () => 0 }));
  function markInTurn(boxes) {
    idle((deadline) => {
      do mark(boxes.shift()); while (boxes.length && deadline.timeRemaining() > 8);
      if (boxes.length) markInTurn(boxes);
    });
  }

  // From then on an observer tells of each that changes its size while it is near.
  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));

  function watch(place) {
    const boxes = [...place.querySelectorAll(BOXES)];
    for (const box of boxes) sizes.observe(box);
    if (boxes.length) markInTurn(boxes);
  }

  // The theme's toggles of the contents are arrows without a name.
  addEventListener("DOMContentLoaded", () => {
    for (const toggle of document.querySelectorAll("nav details > summary")) {
      const chapter = toggle.closest("li")?.querySelector("a")?.textContent.trim();
      toggle.setAttribute("aria-label", `Pages below ${chapter}`);
    }
  });

  addEventListener("load", () => watch(document));
  addEventListener("ranking:unfolded", (event) => watch(event.target));
})();
