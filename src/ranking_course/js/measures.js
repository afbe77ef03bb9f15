// AUC, log loss and level (chapter 2) of a model that is off in known ways: its logits are shifted, stretched and
// blurred. Everything is expected over fresh clicks. Texts come from the state.
import { fill, html } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, number, percent, two } from "bookwork/format";
import { line, linesOf, readAlong, readPoints, tableOf, textsOf } from "bookwork/picture";
import { range } from "bookwork/scales";
import { normalQuantile } from "ranking_course/statistics";

const ROWS = 300;
const [MIDDLE, SPREAD] = [-2.7, 1.2]; // of the logits of the true rates
const GOLDEN = 0.6180339887498949;
const BINS = 10;

const SHIFTS = range(41).map((i) => (i - 20) / 10);
const STRETCHES = [0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3];
const BLURS = range(21).map((i) => i / 10);
const TICKS = [1e-6, 1e-4, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999];
const SEEN = [-7, 2.5]; // logits that the pictures show at least
const GOOD = 0.85; // share of the truth's AUC above one half from which the order is nearly right

const metric = (value) => formatNumber(value, "metric");
const signed = (value) => `${value > 0 ? "+" : ""}${formatNumber(value, ".1f")}`;

// ---------------------------------------------------------------- formulas, the same as in ranking.evaluation

const logit = (p) => Math.log(p / (1 - p));
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const mean = (values) => sum(values) / values.length;

/** True rates of all impressions, rising. */
const trueRates = () => range(ROWS).map((i) => sigmoid(MIDDLE + SPREAD * normalQuantile((i + 0.5) / ROWS)));

/** Noise of their logits: a standard normal distribution, even over every part of the rows. */
const noiseOf = () => range(ROWS).map((i) => normalQuantile(((i + 0.5) * GOLDEN) % 1));

/** What the model says of them. */
function predictedRates(truth, noise, shift, stretch, blur) {
  const centre = logit(mean(truth));
  return truth.map((p, i) => sigmoid(stretch * (logit(p) - centre) + centre + shift + blur * noise[i]));
}

/** Chance that a random clicked row scores above a random unclicked one, ties counting one half. */
function expectedAuc(truth, scores) {
  const rising = range(scores.length).sort((a, b) => scores[a] - scores[b]);
  let [below, won] = [0, 0];
  for (let i = 0; i < rising.length;) {
    let [up, down] = [0, 0];
    const score = scores[rising[i]];
    for (; i < rising.length && scores[rising[i]] === score; i += 1) {
      up += truth[rising[i]];
      down += 1 - truth[rising[i]];
    }
    won += up * (below + down / 2);
    below += down;
  }
  return won / (sum(truth) * below);
}

/** Mean cross-entropy in nats. */
const logLoss = (truth, said) => mean(truth.map((p, i) => -(p * Math.log(said[i]) + (1 - p) * Math.log1p(-said[i]))));

/** Mean prediction and mean true rate of each tenth of the rows, by rising prediction. */
function tenths(truth, said) {
  const rising = range(said.length).sort((a, b) => said[a] - said[b]);
  return range(BINS).map((bin) => {
    const own = rising.slice((bin * said.length) / BINS, ((bin + 1) * said.length) / BINS);
    return { predicted: mean(own.map((i) => said[i])), truth: mean(own.map((i) => truth[i])) };
  });
}

/** How densely logits lie at a place, by their weights: a sum of small hills. */
function densityAt(z, logits, weights, width) {
  const heights = logits.map((at, i) => weights[i] * Math.exp(-0.5 * ((z - at) / width) ** 2));
  return sum(heights) / (sum(weights) * width * Math.sqrt(2 * Math.PI));
}

/** Share of the weights of rows with a logit above z. */
const shareAbove = (z, logits, weights) => sum(weights.filter((_, i) => logits[i] > z)) / sum(weights);

// ---------------------------------------------------------------- pictures

/** An axis of rates, evenly spaced in their logits: of at least those that are usually seen. */
function rates(label, logits, labels) {
  const [low, high] = [Math.min(SEEN[0], Math.min(...logits) - 0.3), Math.max(SEEN[1], Math.max(...logits) + 0.3)];
  const spaced = label && fill(labels.spaced, { what: label });
  return { domain: [low, high], ticks: TICKS.map(logit), texts: TICKS.map(percent), label: spaced };
}

/** Mean prediction against mean truth in bins. */
function reliability({ bins, texts }, labels) {
  const [said, truth] = ["predicted", "truth"].map((key) => bins.map((bin) => logit(bin[key])));
  const axis = rates(labels.predicted, [...said, ...truth], labels);
  const columns = [
    [labels.predicted, ({ predicted }) => percent(predicted)], [labels.true_rate, (bin) => percent(bin.truth)],
  ];
  const [lowest, highest] = [bins[0], bins.at(-1)];
  return {
    ...textsOf(labels, "reliability", {
      ...texts, bins: BINS, lowest_said: percent(lowest.predicted), lowest: percent(lowest.truth),
      highest_said: percent(highest.predicted), highest: percent(highest.truth),
    }),
    x: axis,
    y: { ...axis, label: labels.true_rate },
    height: 290,
    series: [
      line(labels.agree, axis.domain, axis.domain, "ink", { width: 2, dash: true, label: { prefer: 0.15, side: "above" } }),
      line(labels.model, said, truth, "click", { width: 2, marker: "circle", size: 4.5, label: { prefer: 0.7, side: "below" } }),
    ],
    readout: readPoints(bins, (bin, i) => [said[i], truth[i], [`${labels.bin} ${i + 1}`, ...linesOf(columns, bin)], "click"]),
    table: tableOf(bins, [[labels.bin, (_, i) => i + 1], ...columns]),
  };
}

/** How the predictions of clicked and of other rows are spread. */
function hills({ truth, said, texts }, labels) {
  const logits = said.map(logit);
  const axis = rates(labels.prediction, logits, labels);
  const [low, high] = axis.domain;
  const middle = mean(logits);
  const width = 0.35 * Math.sqrt(mean(logits.map((z) => (z - middle) ** 2)));
  const at = range(81).map((i) => low + ((high - low) * i) / 80);
  const kinds = [[labels.unclicked, truth.map((p) => 1 - p), "ink-soft"], [labels.clicked, truth, "click"]];
  const drawn = kinds.map(([name, weights, color]) => {
    return { name, weights, color, y: at.map((z) => densityAt(z, logits, weights, width)) };
  });
  const [unclicked, clicked] = drawn;
  const above = (kind, name) => [name, (z) => percent(shareAbove(z, logits, kind.weights))];
  const columns = [above(clicked, labels.clicked_above), above(unclicked, labels.unclicked_above)];
  const told = (z) => fill(labels.above, { at: percent(sigmoid(z)) });
  const stop = (z, i) => [[told(z), ...linesOf(columns, z)], [clicked.y[i], "click"], [unclicked.y[i], "ink-soft"]];
  const highest = (y) => y.indexOf(Math.max(...y));
  return {
    ...textsOf(labels, "hills", texts),
    x: axis,
    y: { domain: [0, 1.2 * Math.max(...drawn.flatMap(({ y }) => y))], hidden: true, bare: true },
    height: 290,
    series: drawn.flatMap(({ name, color, y }) => [
      { name: `${name}, area`, kind: "band", x: at, y, from: at.map(() => 0), color },
      line(name, at, y, color, { width: 2, label: { prefer: highest(y) / 80, side: "above" } }),
    ]),
    readout: readAlong(at, stop, 40),
    table: tableOf(TICKS.map(logit).filter((z) => z > low && z < high), [[labels.prediction, told], ...columns]),
  };
}

/** The measures of model, truth and constant side by side. */
function numbersTable(labels) {
  const head = [labels.measure, labels.model, labels.truth, labels.constant];
  const heading = (text) => html("th", { scope: "col" }, text);
  const body = html("tbody");
  const element = html("table", { class: "rx-numbers" }, html("thead", {}, html("tr", {}, ...head.map(heading))), body);
  function set({ closed, texts }) {
    const rows = [
      [labels.auc, texts.auc, texts.auc_truth, metric(0.5)],
      [labels.loss, texts.loss, texts.loss_truth, texts.loss_constant],
      [labels.closed, percent(closed), percent(1), percent(0)],
      [labels.level, texts.level, two(1), two(1)],
    ];
    body.replaceChildren(...rows.map(([name, now, ...others]) => html(
      "tr", {}, html("th", { scope: "row" }, name), html("td", { class: "rx-now" }, now),
      ...others.map((text) => html("td", {}, text)),
    )));
  }
  return { element, set };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(truth, noise, shift, stretch, blur) {
  const said = predictedRates(truth, noise, shift, stretch, blur);
  const [auc, aucTruth] = [expectedAuc(truth, said), expectedAuc(truth, truth)];
  const base = truth.map(() => mean(truth));
  const [loss, best, constant] = [said, truth, base].map((values) => logLoss(truth, values));
  const closed = (constant - loss) / (constant - best);
  const level = mean(said) / mean(truth);
  const texts = {
    rows: ROWS, mean: percent(mean(truth)), auc: metric(auc), auc_truth: metric(aucTruth), loss: metric(loss),
    loss_truth: metric(best), loss_constant: metric(constant), closed: percent(closed), level: two(level),
  };
  return { truth, said, auc, loss, closed, level, ordered: (auc - 0.5) / (aucTruth - 0.5), bins: tenths(truth, said), texts };
}

/** Which sentence a setting deserves. */
function sentenceOf({ closed, ordered }, shift, stretch, blur) {
  if (blur === 0 && shift === 0) {
    return stretch === 1 ? "sentence_exact" : stretch < 1 ? "sentence_timid" : "sentence_bold";
  }
  if (blur === 0) return "sentence_shift";
  if (closed >= 0) return "sentence_blur";
  return ordered >= GOOD ? "sentence_open" : "sentence_worse";
}

function render({ model, el }) {
  const labels = model.get("labels");
  const settings = ["shift", "stretch", "blur"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addSlider("shift", { stops: SHIFTS, named: [-2, 0, 2], text: signed });
  explorer.addSlider("stretch", { stops: STRETCHES, named: [0.25, 1, 3], text: (value) => `× ${number(value)}` });
  explorer.addSlider("blur", { stops: BLURS, named: [0, 1, 2], text: (value) => formatNumber(value, ".1f") });
  explorer.addReset();
  const numbers = numbersTable(labels);
  const panel = explorer.addPanel(labels.numbers_title, [numbers.element], true);
  explorer.addPictures({ reliability, hills });
  const [truth, noise] = [trueRates(), noiseOf()];

  function draw(animate) {
    const setting = settings.map((key) => model.get(key));
    const now = present(truth, noise, ...setting);
    numbers.set(now);
    panel.setTexts({ title: labels.numbers_title, note: labels.numbers_note, noteValues: now.texts });
    explorer.show(now, animate);
    explorer.say(labels[sentenceOf(now, ...setting)], now.texts);
  }
  return explorer.start();
}

export default {
  render,
  heights: { "": [1813, 1658, 1513, 1075, 995, 905] },
  formulas: { normalQuantile, trueRates, noiseOf, predictedRates, expectedAuc, logLoss, tenths, shareAbove },
};
