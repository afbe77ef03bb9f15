// Marks what a reader has come from the search page for; Escape takes the marks away.
"use strict";
(() => {
  const words = new URLSearchParams(location.search).get("found")?.split(" ").filter(Boolean);
  if (!words?.length || !globalThis.CSS?.highlights) return;
  const NAME = "ranking-found";
  const together = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
  const literal = (word) => word.replace(/[^\p{L}\p{N}]/gu, "\\$&");
  const patterns = words.map((word) =>
    together.test(word) ? literal(word) : `(?<![\\p{L}\\p{N}])${literal(word)}(?![\\p{L}\\p{N}])`);
  const sought = new RegExp(patterns.join("|"), "giu");

  function mark() {
    const article = document.querySelector(".bd-article");
    if (!article) return;
    const highlight = new Highlight();
    const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      if (text.parentElement.closest("script, style")) continue;
      for (const match of text.data.matchAll(sought)) {
        const range = new Range();
        range.setStart(text, match.index);
        range.setEnd(text, match.index + match[0].length);
        highlight.add(range);
      }
    }
    CSS.highlights.set(NAME, highlight);
    addEventListener("keydown", (event) => event.key === "Escape" && CSS.highlights.delete(NAME));
    history.replaceState(null, "", location.pathname + location.hash); // a link copied from here is a plain one
  }

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", mark);
  else mark();
})();
