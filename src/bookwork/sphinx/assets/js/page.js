// What every page needs beyond the theme's own scripts.
"use strict";
(() => {
  // Wide formulas and tables scroll inside their own box, which the Tab key must then reach.
  const BOXES = [".ranking-formula", ".pst-scrollable-table-container", ".cell_output .output.text_html"];

  function markScrollable() {
    for (const box of document.querySelectorAll(BOXES.join(", "))) {
      if (box.scrollWidth > box.clientWidth + 1) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  }

  // The theme's toggles of the contents are arrows without a name.
  addEventListener("DOMContentLoaded", () => {
    for (const toggle of document.querySelectorAll("nav details > summary")) {
      const chapter = toggle.closest("li")?.querySelector("a")?.textContent.trim();
      toggle.setAttribute("aria-label", `Pages below ${chapter}`);
    }
  });

  addEventListener("load", markScrollable);
  addEventListener("resize", markScrollable);
})();
