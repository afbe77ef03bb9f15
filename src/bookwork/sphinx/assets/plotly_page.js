// Draws the plotly figures of a page: as wide as the text, in the inks of the page's theme.
"use strict";
(() => {
  const NEUTRAL = /* NEUTRAL */ {}; // name of an ink -> the stand-in that stored figures use for it
  const NARROW = 560; // below this width a legend takes the place of labels written beside the lines
  const LABEL = "direct label";
  const CONFIG = { displayModeBar: false, scrollZoom: false, doubleClick: false, showTips: false, typesetMath: false };

  function inks() {
    const style = getComputedStyle(document.documentElement);
    return Object.entries(NEUTRAL).map(([name, standIn]) => [standIn, style.getPropertyValue(`--ranking-${name}`).trim()]);
  }

  // A copy of the figure with every stand-in replaced; long strings are packed numbers and hold none.
  function recoloured(value, pairs) {
    if (typeof value === "string") {
      if (value.length > 2000) return value;
      return pairs.reduce((text, [standIn, ink]) => text.replaceAll(standIn, ink), value);
    }
    if (Array.isArray(value)) {
      return value.length && typeof value[0] === "number" ? value.slice() : value.map((entry) => recoloured(entry, pairs));
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, recoloured(entry, pairs)]));
    }
    return value;
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

  function draw(host, figure) {
    host.style.minHeight = "";
    const [data, layout] = fitted(recoloured(figure, inks()), host.clientWidth);
    return globalThis.Plotly.react(host, data, layout, CONFIG);
  }

  function mount(host) {
    const figure = JSON.parse(host.querySelector('script[type="application/json"]').textContent);
    host.replaceChildren();
    let width = host.clientWidth;
    draw(host, figure);
    new ResizeObserver(() => {
      if (host.clientWidth && host.clientWidth !== width) {
        width = host.clientWidth;
        draw(host, figure);
      }
    }).observe(host);
    return () => draw(host, figure);
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
