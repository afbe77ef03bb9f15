// Draws the plotly figures of a page: as wide as the text, in the inks of the page's theme.
"use strict";
(() => {
  const NEUTRAL = /* NEUTRAL */ {}; // name of an ink -> the stand-in that stored figures use for it
  const NARROW = 560; // below this width a legend takes the place of labels written beside the lines
  const LABEL = "direct label";
  const CONFIG = { displayModeBar: false, scrollZoom: false, doubleClick: false, showTips: false, typesetMath: false };

  // The figure with an ink for every stand-in; packed numbers (base64) can hold none.
  function recoloured(json) {
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(`--ranking-${name}`).trim();
    const inked = (text, [name, standIn]) => text.replaceAll(standIn, ink(name));
    return JSON.parse(Object.entries(NEUTRAL).reduce(inked, json));
  }

  // Trace data and layout for a width.
  function fitted({ data, layout }, width) {
    const unlabelled = data.filter((trace) => trace.meta !== LABEL);
    const labels = data.length - unlabelled.length;
    const size = { ...layout, width, autosize: false };
    if (width >= NARROW || !labels) return [data, size];
    const margin = { ...layout.margin, r: 12 };
    return [unlabelled, { ...size, margin, showlegend: true, height: (layout.height || 400) + 24 * labels }];
  }

  function draw(host, json) {
    host.style.minHeight = "";
    const [data, layout] = fitted(recoloured(json), host.clientWidth);
    return globalThis.Plotly.react(host, data, layout, CONFIG);
  }

  function mount(host) {
    const json = host.querySelector('script[type="application/json"]').textContent;
    host.replaceChildren();
    let width = host.clientWidth;
    draw(host, json);
    new ResizeObserver(() => {
      if (host.clientWidth && host.clientWidth !== width) {
        width = host.clientWidth;
        draw(host, json);
      }
    }).observe(host);
    return () => draw(host, json);
  }

  function start() {
    const redraws = [...document.querySelectorAll(".ranking-plotly")].map(mount);
    const redraw = () => redraws.forEach((again) => again());
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("print").addEventListener("change", redraw);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
