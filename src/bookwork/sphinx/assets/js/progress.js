// How far one has read: a thin bar at the top, the minutes that are left beside it, and the section in the contents.
"use strict";
(() => {
  function start() {
    const article = document.querySelector(".bd-article");
    const strip = document.querySelector(".ranking-strip");
    if (!article) return;
    const bar = document.createElement("div");
    const left = document.createElement("span");
    for (const [part, name] of [[bar, "ranking-progress"], [left, "ranking-left"]]) {
      part.className = name;
      part.setAttribute("aria-hidden", "true"); // the strip tells the minutes, the browser how far one is
    }
    const minutes = Number(strip?.dataset.minutes ?? 0);
    let height = 0;
    let asked = false;

    function show() {
      asked = false;
      const end = height - innerHeight;
      const share = end > 0 ? Math.min(1, scrollY / end) : 1;
      bar.style.transform = `scaleX(${share.toFixed(4)})`;
      const rest = Math.ceil(minutes * (1 - share));
      const said = minutes && share > 0.01 && rest ? `${rest} min left` : "";
      if (left.textContent !== said) left.textContent = said;
    }
    function ask() {
      if (!asked) requestAnimationFrame(show);
      asked = true;
    }
    // An observer is told sizes when they are known: nothing here makes the browser lay the page out.
    new ResizeObserver(([entry]) => {
      height = entry.borderBoxSize[0].blockSize;
      const long = height > 2 * innerHeight;
      bar.hidden = left.hidden = !long;
      ask();
    }).observe(article);
    addEventListener("scroll", ask, { passive: true });
    document.body.append(bar);
    document.querySelector(".bd-header-article")?.append(left);

    // The theme marks a section in the contents when its heading comes by. A jump passes headings over, and on a
    // busy machine the theme is told of one that is gone again: what is marked goes by where one is, at each change.
    const contents = [...document.querySelectorAll("#pst-page-toc-nav a")];
    const entryOf = (section) => contents.find(({ hash }) => hash === `#${section.id}`);
    function mark() {
      let section = document.elementFromPoint(innerWidth / 2, 0.3 * innerHeight)?.closest("section[id]");
      while (section && !entryOf(section)) section = section.parentElement.closest("section[id]");
      const now = section && entryOf(section);
      for (const entry of contents) {
        entry.classList.toggle("active", entry === now);
        entry.toggleAttribute("aria-current", false);
        for (let item = entry.closest("li"); item; item = item.parentElement.closest("li")) item.classList.toggle("active", item.contains(now));
      }
      now?.setAttribute("aria-current", "true");
    }
    if (contents.length) {
      addEventListener("scrollend", mark);
      const nav = document.querySelector("#pst-page-toc-nav");
      new MutationObserver(mark).observe(nav, { subtree: true, attributeFilter: ["class"] });
    }

    // On a phone the chain is one line: it begins with a whole word, so that where one is is in sight.
    const chain = strip?.querySelector(".ranking-chain");
    if (!chain) return;
    new ResizeObserver(() => {
      const stages = [...chain.querySelectorAll("a, span")];
      const current = stages.findIndex((stage) => stage.matches("[aria-current]"));
      const end = chain.scrollWidth - chain.clientWidth;
      const before = stages.slice(0, current).filter((stage) => stage.offsetLeft <= end);
      chain.scrollLeft = before.length ? before.at(-1).offsetLeft : 0;
    }).observe(chain);
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
