// Host of explorers in a built page: no kernel, no module loader, works from file://.
// Every <div class="ranking-explorer" data-module="name"> holds its state as JSON and gets the model that
// anywidget would give to the same module in JupyterLab.
(() => {
  "use strict";

  function createModel(state) {
    const listeners = new Map();
    const fire = (event, ...values) => [...(listeners.get(event) ?? [])].forEach((call) => call(...values));
    const model = {
      get: (key) => state[key],
      set(key, value) {
        if (Object.is(state[key], value)) return;
        state[key] = value;
        fire(`change:${key}`, model, value);
        fire("change", model);
      },
      on: (event, call) => listeners.set(event, (listeners.get(event) ?? new Set()).add(call)),
      off: (event, call) => listeners.get(event)?.delete(call),
      save_changes: () => {}, // there is no kernel to tell
    };
    return model;
  }

  function mountAll() {
    for (const place of document.querySelectorAll("div.ranking-explorer[data-module]:not([data-mounted])")) {
      const definition = host.definitions[place.dataset.module];
      if (!definition) continue;
      place.dataset.mounted = "true";
      const data = place.querySelector('script[type="application/json"]');
      const el = document.createElement("div");
      place.append(el);
      place.rankingModel = createModel(JSON.parse(data.textContent));
      definition.render({ model: place.rankingModel, el });
    }
  }

  const host = {
    definitions: globalThis.rankingExplorers?.definitions ?? {}, // what came before it
    register(name, definition) {
      host.definitions[name] = definition;
      if (document.readyState !== "loading") mountAll();
    },
    mountAll,
  };
  globalThis.rankingExplorers = host;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
  else mountAll();
})();
