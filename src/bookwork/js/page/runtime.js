// Host of explorers and figures in a built page: no kernel, no module loader, works from file://.
// Every <div data-module="name"> gets the model that anywidget would give to the same module
// in JupyterLab. Its state is JSON inside it or, where it is large, a script of its own that data-state names.
// The first explorer of a page is mounted while the page is still parsed, the others one by one when nothing else is to
// be done or a reader comes near; a figure only then.
(() => {
  "use strict";
  if (globalThis.rankingExplorers?.mountAll) return; // of another output in the same document

  const NEAR = "150% 0px"; // of the window: how far away an explorer is mounted
  const LOOK = 40; // ms from look to look at how far the page is parsed
  const base = document.currentScript?.src;
  const states = (globalThis.rankingStates ??= {}); // JSON by the name of its script

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

  const places = (which = "") => [...document.querySelectorAll(`div[data-module]${which}`)];
  const waiting = () => places(":not([data-mounted])");

  /** Whether the parser has left a place. */
  const parsed = (node) =>
    document.readyState !== "loading" || (node !== document.body && (node.nextSibling !== null || parsed(node.parentNode)));

  // ---- scripts of states

  const loading = new Map();
  /** Loads a state, once; what is returned is kept when it is there. */
  function load(name) {
    if (!loading.has(name)) {
      loading.set(name, new Promise((done, fail) => {
        if (name in states) return done();
        const settle = () => (name in states ? done() : fail());
        const asked = document.querySelector(`script[data-state="${name}"]`); // in the page's head
        if (asked) {
          if (document.readyState === "complete") return settle(); // it has come, or never will
          asked.addEventListener("load", done);
          return addEventListener("load", settle);
        }
        const script = document.createElement("script");
        script.addEventListener("load", done);
        script.addEventListener("error", fail);
        script.src = new URL(`../states/${name}.js`, base);
        document.head.append(script);
      }));
    }
    return loading.get(name);
  }

  // ---- mounting

  const textIn = (place) =>
    place.dataset.state ? states[place.dataset.state] : place.querySelector('script[type="application/json"]')?.textContent;

  const ready = (place) => place.dataset.module in host.definitions && parsed(place) && textIn(place) !== undefined;

  function mount(place) {
    if (place.dataset.mounted || !ready(place)) return;
    place.dataset.mounted = "true";
    place.querySelectorAll(":scope > .rx-alt").forEach((alt) => alt.remove());
    const el = document.createElement("div");
    place.append(el);
    place.rankingModel = createModel(JSON.parse(textIn(place)));
    host.definitions[place.dataset.module].render({ model: place.rankingModel, el });
    if (place.dataset.rest) nearby.observe(place);
  }

  /** Gives a model what its state was cut short of. */
  async function complete(place) {
    const name = place.dataset.rest;
    delete place.dataset.rest;
    if (!name) return;
    await load(name);
    for (const [key, value] of Object.entries(JSON.parse(states[name]))) place.rankingModel.set(key, value);
  }

  /** Mounts a place once its state is there; says what it would show where that cannot be had. */
  async function fetchAndMount(place) {
    try {
      if (place.dataset.state) await load(place.dataset.state);
      mount(place);
    } catch {
      say(place);
    }
  }

  /** Says in a place what it would show. */
  function say(place) {
    const alt = place.querySelector("noscript")?.textContent; // markup that has not been read
    if (alt && !place.querySelector(":scope > .rx-alt")) place.insertAdjacentHTML("beforeend", alt.replace("<p>", '<p class="rx-alt">'));
  }

  // ---- when

  const queue = new Set(); // places near the window
  let due = false;
  /** Mounts what is near, one explorer a task. */
  function mountNear() {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      const place = [...queue].find(ready);
      if (!place) return;
      queue.delete(place);
      mount(place);
      mountNear();
    });
  }

  const nearby = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      nearby.unobserve(target);
      if (target.dataset.mounted) complete(target);
      else if (target.dataset.state) fetchAndMount(target);
      else queue.add(target);
    }
    mountNear();
  }, { rootMargin: NEAR });

  const whenIdle = globalThis.requestIdleCallback ?? ((call) => setTimeout(call, 200));
  let idle = false;
  /** Mounts what is far away and needs no loading, one explorer whenever nothing else is to be done. */
  function mountIdle() {
    if (idle) return;
    const place = places(".ranking-explorer:not([data-mounted])").find(ready);
    if (!place) return;
    idle = true;
    whenIdle(() => {
      idle = false;
      mount(place);
      mountIdle();
    });
  }

  let timer = null;
  /** Mounts the first explorer as soon as it may be, and sees to the others once the page is parsed. */
  function look() {
    const [first] = places(".ranking-explorer");
    if (first) mount(first);
    clearTimeout(timer);
    if (document.readyState === "loading") {
      timer = setTimeout(look, LOOK);
      return;
    }
    if (first && !first.dataset.mounted) fetchAndMount(first);
    for (const place of waiting()) nearby.observe(place);
    mountNear();
    mountIdle();
  }

  /** Mounts everything at once; what is returned is kept when states that had to be loaded are there too. */
  function mountAll() {
    waiting().forEach(mount);
    places("[data-rest]").forEach(complete);
    return Promise.all(waiting().map(fetchAndMount));
  }

  const before = globalThis.rankingExplorers;
  const host = {
    definitions: before?.definitions ?? {}, // what came before it
    register(name, definition) {
      host.definitions[name] = definition;
      look();
    },
    mountAll,
  };
  globalThis.rankingExplorers = host;
  addEventListener("beforeprint", () => {
    mountAll();
    waiting().forEach(say); // paper does not wait for states either
    dispatchEvent(new Event("rx-measure")); // pictures are drawn once their width is known: paper does not wait for it
  });
  look();
})();
