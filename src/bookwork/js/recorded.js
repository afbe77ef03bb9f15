// A Python function run over a grid of settings before the page was built, replayed slider by slider.
import { createExplorer } from "bookwork/explorer";
import { formatNumber } from "bookwork/format";

/** Place of a setting in the list of frames: the last slider varies fastest. */
function frameIndex(grid, setting) {
  return grid.reduce((index, { name, values }) => index * values.length + values.indexOf(setting[name]), 0);
}

function render({ model, el }) {
  const labels = model.get("labels");
  const grid = model.get("grid");
  const frames = model.get("frames");
  const shared = model.get("shared");
  const explorer = createExplorer({ model, el, labels, settings: ["setting"], draw });
  for (const { name, values, label, hint, format } of grid) {
    const ends = [...new Set([values[0], values.at(-1)])];
    explorer.addSlider(name, {
      trait: "setting", part: name, label, hint, stops: values, ticks: values.length <= 24 ? values : [], named: ends,
      text: (value) => formatNumber(value, format),
    });
  }
  explorer.addReset();
  const figure = explorer.addFigure(labels.title);
  function draw(animate) {
    const frame = { ...shared, ...frames[frameIndex(grid, model.get("setting"))] };
    figure.update({ title: labels.title, seriesLabel: labels.series, ...frame }, animate);
    explorer.say(frame.sentence);
  }
  return explorer.start();
}

export default { render, formulas: { frameIndex } };
