// Shows the slides once formulas and figures, which need to be measured, have their size.
"use strict";
(() => {
  function show() {
    document.documentElement.classList.remove("measuring");
    globalThis.Reveal.initialize({
      // Never scaled: sliders and figures need to know where the pointer is. Text grows with the window.
      width: "100%", height: "100%", margin: 0, minScale: 1, maxScale: 1,
      center: false, hash: true, slideNumber: "c/t", transition: "none", plugins: [globalThis.RevealNotes],
    });
  }

  globalThis.MathJax = {
    tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]] },
    svg: { mtextInheritFont: true },
    options: { enableMenu: false },
    startup: { pageReady: () => globalThis.MathJax.startup.defaultPageReady().then(show) },
  };
})();
