// Cards of terms and claims: what they mean, on hover, on keyboard focus and on a first tap.
"use strict";
(() => {
  const LINKS = "a.ranking-term, a.ranking-id";
  const WAIT = 350; // milliseconds that a pointer rests before a card opens
  const GRACE = 250; // and that it may take on its way to the card
  const GAP = 6;

  addEventListener("DOMContentLoaded", () => {
    const texts = document.querySelector("template.ranking-cards")?.content;
    if (!texts || !HTMLElement.prototype.showPopover) return; // the links lead to the entries all the same

    const card = Object.assign(document.createElement("div"), { id: "ranking-card", className: "ranking-card" });
    card.popover = "manual";
    let shown = null; // the link whose card is open
    let timer = 0;
    let touched = null; // what was open, and how the pointer came, when it went down

    function hide() {
      clearTimeout(timer);
      if (!shown) return;
      shown.removeAttribute("aria-describedby");
      shown = null;
      card.hidePopover();
    }

    function place(link) {
      const line = [...link.getClientRects()].at(-1);
      const { width, height } = card.getBoundingClientRect();
      const room = document.documentElement.clientWidth;
      const below = line.bottom + GAP + height <= innerHeight || line.top < height + GAP;
      card.style.left = `${scrollX + Math.max(GAP, Math.min(line.left, room - width - GAP))}px`;
      card.style.top = `${scrollY + (below ? line.bottom + GAP : line.top - GAP - height)}px`;
    }

    function show(link) {
      clearTimeout(timer);
      if (shown === link) return;
      const text = texts.querySelector(`[data-for="${CSS.escape(decodeURIComponent(link.hash.slice(1)))}"]`);
      hide();
      if (!text) return;
      card.replaceChildren(text.cloneNode(true));
      if (!card.isConnected) (document.querySelector("main") ?? document.body).append(card);
      card.showPopover();
      place(link);
      link.setAttribute("aria-describedby", card.id);
      shown = link;
    }

    const later = (act, wait) => {
      clearTimeout(timer);
      timer = setTimeout(act, wait);
    };
    const linkOf = (event) => event.target.closest?.(LINKS);

    addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch") return;
      const link = linkOf(event);
      if (link) later(() => show(link), WAIT);
      else if (card.contains(event.target)) clearTimeout(timer);
      else if (shown || timer) later(hide, GRACE);
    });
    addEventListener("focusin", (event) => {
      const link = linkOf(event);
      if (link?.matches(":focus-visible")) show(link);
      else if (shown && !card.contains(event.target) && !touched) hide();
    });
    addEventListener("pointerdown", (event) => {
      touched = event.pointerType === "touch" ? { open: shown } : null;
      if (shown && linkOf(event) !== shown && !card.contains(event.target)) hide();
    });
    addEventListener("click", (event) => {
      const link = linkOf(event);
      if (link && touched && touched.open !== link) {
        event.preventDefault(); // the first tap shows, the second one follows
        show(link);
      } else if (!event.defaultPrevented) {
        hide();
      }
      touched = null;
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
    addEventListener("resize", hide);
    addEventListener("pagehide", hide);
  });
})();
