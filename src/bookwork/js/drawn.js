// A figure that Python drew with plotly: as wide as the text, in the theme of the page.
import { tablesOf } from "bookwork/data";
import { html } from "bookwork/dom";
import { createPlot } from "bookwork/figure";
import { formatNumber } from "bookwork/format";
import { readPoints, saidOf } from "bookwork/picture";
import { createLegend } from "bookwork/swatch";
import { followWidth } from "bookwork/width";

const NARROW = 560; // px; below it a list of names takes the place of labels at the ends of lines
const NAME = 24; // px that a name in that list takes at most
const LIST = 28; // px of a list in one line

/** The readout of heat maps: every cell, row by row. */
function readCells({ series, x, y }) {
  const all = series.filter(({ kind }) => kind === "cells");
  if (all.length === 0) return undefined;
  const items = all.flatMap((s) => s.x.map((at, i) => ({ x: at, y: s.y[i], z: s.z[i] })));
  const lines = (one) => [formatNumber(one.z), ...saidOf(x, one.x), ...saidOf(y, one.y)];
  return readPoints(items, (one) => [one.x, one.y, lines(one), "ink"], { columns: x.categories.length });
}

/** What is drawn at a width: the picture with labels at its right, or with the series that a list names. */
function fitted(picture, width) {
  const labelled = picture.series.filter(({ label }) => label);
  const narrow = width < NARROW;
  const open = picture.series.filter(({ unlisted }) => !unlisted);
  const listed = picture.legend ? open : narrow ? labelled : [];
  const ends = !narrow && labelled.length > 0 && !picture.legend;
  const room = narrow ? listed.length * NAME : listed.length ? LIST : 0;
  const series = ends ? picture.series : picture.series.map(({ label, ...rest }) => rest);
  return { listed, room, spec: { ...picture, series, ends, readout: readCells(picture) } };
}

function render({ model, el }) {
  const { picture, labels } = { picture: model.get("picture"), labels: model.get("labels") };
  const plot = createPlot(labels.readout);
  const list = html("div");
  el.classList.add("rx", "rx-bare");
  el.append(list, plot.element);
  // from now on the drawing says what is seen, and can be read by keyboard
  const place = el.closest("[role=img]");
  place?.removeAttribute("role");
  place?.removeAttribute("aria-label");
  const leave = followWidth(el, (width) => {
    const { listed, room, spec } = fitted(picture, width);
    list.replaceChildren(...(listed.length ? [createLegend(listed, plot.hatchId)] : []));
    plot.update({ ...spec, height: Math.max(160, picture.height + room - list.offsetHeight) }, false);
  });

  if (picture.title) { // there is nothing but the drawing
    const summary = html("summary", {}, labels.table, html("span", { class: "rx-hidden" }, `: ${picture.title}`));
    const label = `${labels.table}: ${picture.title}`;
    const box = { class: "rx-scroll ranking-scroll", tabindex: "0", role: "group", "aria-label": label };
    el.prepend(html("div", { class: "rx-title" }, picture.title));
    el.append(html("details", { class: "rx-data ranking-data" }, summary, html("div", box)));
  }
  const data = el.closest("figure")?.querySelector(".ranking-data");
  data?.addEventListener("toggle", () => {
    const box = data.querySelector(".ranking-scroll");
    if (data.open && !box.firstChild) box.replaceChildren(...tablesOf(picture, labels.first));
  });
  return () => {
    leave();
    plot.destroy();
  };
}

export default { render, formulas: { tablesOf } };
