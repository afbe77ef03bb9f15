// A Python function run over a grid of settings before the page was built, replayed slider by slider.
import { createExplorer } from "bookwork/explorer";
import { stopsToName } from "bookwork/controls";
import { formatNumber } from "bookwork/format";

const FEW = 12; // bars, each with its value; many stand too close
const ROOM = 0.06; // of an axis, kept for the value of the longest bar

/** Place of a setting in the list of frames: the last slider varies fastest. */
function frameIndex(grid, setting) {
  return grid.reduce((index, { name, values }) => index * values.length + values.indexOf(setting[name]), 0);
}

/** A picture whose bars say their values, if they are few: a bar of nothing is then seen, too. */
function withValues(frame) {
  const bars = frame.series.filter(({ kind }) => kind === "bars");
  const key = frame.y.scale === "band" ? "x" : "y";
  if (bars.length === 0 || bars.reduce((sum, one) => sum + one.x.length, 0) > FEW) return frame;
  const axis = { ...frame[key] };
  if (axis.extent && axis.scale !== "log") {
    const [low, high] = axis.extent;
    const room = ROOM * (high - low);
    axis.extent = [low < 0 ? low - room : low, high > 0 ? high + room : high];
  }
  const write = (one) => ({ ...one, texts: one[key].map((value) => formatNumber(value, axis.format)) });
  const series = frame.series.map((one) => (one.kind === "bars" ? write(one) : one));
  return { ...frame, [key]: axis, series };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const grid = model.get("grid");
  const frames = model.get("frames");
  const shared = model.get("shared");
  const explorer = createExplorer({ model, el, labels, settings: ["setting"], draw });
  for (const { name, values, label, hint, format } of grid) {
    const text = (value) => formatNumber(value, format);
    explorer.addSlider(name, {
      trait: "setting", part: name, label, hint, stops: values, ticks: values.length <= 24 ? values : [],
      named: stopsToName(values, text), text,
    });
  }
  explorer.addReset();
  const figure = explorer.addFigure(labels.title);
  function draw(animate) {
    const frame = withValues({ ...shared, ...frames[frameIndex(grid, model.get("setting"))] });
    figure.update({ title: labels.title, seriesLabel: labels.series, ...frame }, animate);
    explorer.say(frame.sentence);
  }
  return explorer.start();
}

export default { render, formulas: { frameIndex } };
