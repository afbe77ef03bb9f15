// What the theme's own script takes from Bootstrap and from Sphinx's scripts, which pages do not load.
"use strict";
(() => {
  if (typeof DOCUMENTATION_OPTIONS === "undefined") globalThis.DOCUMENTATION_OPTIONS = { search_as_you_type: false };

  // The theme measures every box of the page when it is loaded and whenever anything in it changes, which takes long:
  // page.js does that bit by bit.
  const listen = globalThis.addEventListener;
  globalThis.addEventListener = function (type, ...rest) {
    const ofTheme = document.currentScript?.src.includes("/pydata-sphinx-theme.js");
    if (type !== "load" || !ofTheme) listen.call(this ?? globalThis, type, ...rest);
  };

  // The browser's own frame takes the colour of the page.
  const { documentElement: root } = document;
  const colour = document.querySelector("meta[name=theme-color]");
  const tint = () => { if (colour) colour.content = getComputedStyle(root).getPropertyValue("--ranking-paper").trim(); };
  new MutationObserver(tint).observe(root, { attributeFilter: ["data-theme"] });
  addEventListener("load", () => requestAnimationFrame(() => setTimeout(tint))); // the styles are computed by then

  // Its tooltips are titles here.
  for (const button of document.querySelectorAll("[data-bs-title]:not([title])")) button.title = button.dataset.bsTitle;

  // It scrolls the list of pages to where one is; here the list is scrolled inside its bar.
  const bar = document.getElementById("pst-primary-sidebar");
  const list = bar?.querySelector(".sidebar-primary-item:has(> .bd-links)");
  if (list) Object.defineProperty(bar, "scrollTop", {
    get: () => list.scrollTop,
    set: (position) => { list.scrollTop = position; },
  });

  // Its drawers give the focus back to the button that opened them.
  for (const side of ["primary", "secondary"]) {
    const toggle = document.querySelector(`.${side}-toggle`);
    document.getElementById(`pst-${side}-sidebar-modal`)?.addEventListener("close", () => toggle?.focus());
  }

  // Its button that leads back to the top is there while one scrolls up.
  const up = document.getElementById("pst-back-to-top");
  let last = 0; // not scrollY: to ask for it lays out the page
  addEventListener("scroll", () => {
    up?.style.setProperty("display", scrollY < last && scrollY > innerHeight ? "block" : "none");
    last = scrollY;
  }, { passive: true });
  up?.addEventListener("click", () => scrollTo(0, 0));

  // Its menus open below their button, and are walked through by arrows.
  for (const button of document.querySelectorAll("[data-bs-toggle=dropdown]")) {
    const menu = button.parentElement.querySelector(".dropdown-menu");
    const items = [...menu.querySelectorAll(".dropdown-item")];

    const show = (open) => {
      menu.classList.toggle("show", open);
      button.setAttribute("aria-expanded", open);
    };
    const isOpen = () => menu.classList.contains("show");

    button.addEventListener("click", () => show(!isOpen()));
    addEventListener("click", (event) => button.parentElement.contains(event.target) || show(false));
    menu.addEventListener("click", () => show(false));
    button.parentElement.addEventListener("focusout", ({ relatedTarget: next }) => {
      if (next && !button.parentElement.contains(next)) show(false);
    });
    button.parentElement.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape" && isOpen()) {
        show(false);
        button.focus();
      } else if (step) {
        show(true);
        const at = items.indexOf(document.activeElement);
        items[at < 0 && step < 0 ? items.length - 1 : (at + step + items.length) % items.length].focus();
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
  }
})();
