// A copied selection holds the TeX of its formulas, as $…$ or $$…$$.
"use strict";
(() => {
  const FORMULA = ".math:has(annotation)";
  const formulaAround = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(FORMULA);

  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (selection.isCollapsed) return;
    const range = selection.getRangeAt(0).cloneRange();
    const [first, last] = [range.startContainer, range.endContainer].map(formulaAround);
    if (first) range.setStartBefore(first);
    if (last) range.setEndAfter(last);
    const copy = document.createElement("div");
    copy.append(range.cloneContents());
    const formulas = copy.querySelectorAll(FORMULA);
    if (!formulas.length) return;
    for (const formula of formulas) {
      const tex = formula.querySelector("annotation").textContent.trim();
      const own = formula.tagName === "DIV";
      const line = document.createElement(own ? "p" : "span");
      if (own) line.textContent = `$$\n${tex}\n$$`;
      else {
        line.append(...[...formula.childNodes].map((part) => {
          if (part.nodeName.toLowerCase() === "math") return `$${tex}$`;
          return part.nodeType === Node.TEXT_NODE ? part : ""; // a bracket or a full stop
        }));
      }
      line.style.whiteSpace = "pre-wrap";
      formula.replaceWith(line);
    }
    event.clipboardData.setData("text/html", copy.innerHTML);
    copy.style.cssText = "position: fixed; left: -200vw"; // only what is drawn knows where its lines end
    document.body.append(copy);
    event.clipboardData.setData("text/plain", copy.innerText);
    copy.remove();
    event.preventDefault();
  });
})();
