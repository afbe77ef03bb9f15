// A button at each piece of code that copies it; code that is unfolded later gets its button then.
"use strict";
(() => {
  const SHOWN = 2000; // milliseconds for which a button says that it has copied
  const status = Object.assign(document.createElement("p"), { className: "visually-hidden", role: "status" });

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not allowed, or not a secure address
      const field = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  function addButtons(place) {
    for (const code of place.querySelectorAll("div.highlight > pre")) {
      if (code.closest(".cell_output") || code.nextElementSibling) continue;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "copybtn" });
      button.title = "Copy this code";
      button.ariaLabel = button.title;
      button.addEventListener("click", async () => {
        await copy(code.textContent.trimEnd() + "\n");
        button.classList.add("is-copied");
        status.textContent = "Copied";
        setTimeout(() => {
          button.classList.remove("is-copied");
          status.textContent = "";
        }, SHOWN);
      });
      code.after(button);
    }
  }

  document.body.append(status);
  addButtons(document);
  addEventListener("ranking:unfolded", (event) => addButtons(event.target));
})();
