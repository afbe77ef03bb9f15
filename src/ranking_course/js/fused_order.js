// A feed sorted by p_click · (1 + w · p_like) (chapter 3): once with the click score calibrated and once left as
// training on a part of the negatives makes it. Texts and recordings come from the state.
import { fill, html } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, number, percent } from "bookwork/format";
import { line, linesOf, point, points, readAlong, rule, tableOf, textsOf } from "bookwork/picture";
import { nearest, range, sortedSet } from "bookwork/scales";
import { order, placesOf } from "ranking_course/statistics";

const RATES = [
  0.01, 0.012, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6,
  0.8, 1,
]; // about evenly spaced in ln α
const PRICES = [0, 1, 2, 5, 10, 20, 50]; // where no worlds were recorded
const FIRST = 3; // places that are valued
const DIGITS = 12; // in which scores differ
const LEAST = 1e-9; // share of a value that is lost, else none

// no colour alone tells them apart
const STYLES = {
  rise: { color: "accent", width: 2.5, marker: "triangle", size: 4.5 },
  fall: { color: "watch_time", width: 2.5, dash: true, marker: "square", size: 4.5 },
  stay: { color: "ink-soft", width: 1.5, dash: "dot", marker: "circle", size: 3.5, hollow: true },
};

const rateText = (value) => formatNumber(value, "rate");
const metric = (value) => formatNumber(value, "metric");

// ---------------------------------------------------------------- formulas, as in ranking.calibration and ranking.fusion

const downsampled = (p, samplingRate) => p / (p + samplingRate * (1 - p));
const fused = (click, like, price) => click * (1 + price * like);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const mean = (values) => sum(values) / values.length;

/** Every item with its raw click score, both fused scores, its worth by the truth and both places, from 1. */
function sortedTwice(items, samplingRate, price) {
  const scored = items.map((item) => {
    const raw = downsampled(item.p_click, samplingRate);
    return {
      ...item, raw, score: fused(item.p_click, item.p_like, price), rawScore: fused(raw, item.p_like, price),
      worth: fused(item.true_click, item.true_like, price),
    };
  });
  // what differs by rounding alone is equal
  const places = (key) => placesOf(order(scored.map((item) => Number(item[key].toPrecision(DIGITS)))));
  const [left, right] = [places("score"), places("rawScore")];
  return scored.map((item, i) => ({ ...item, left: left[i], right: right[i] }));
}

/** What becomes of the first places: how many items moved, whether the first are others, the share of worth lost. */
function changesOf(sorted) {
  const firstBy = (side) => sorted.filter((item) => item[side] <= FIRST);
  const [calibrated, raw] = ["left", "right"].map((side) => sum(firstBy(side).map(({ worth }) => worth)));
  const others = firstBy("left").some((item) => item.right > FIRST);
  const moved = sorted.filter(({ left, right }) => left !== right).length;
  const lost = 1 - raw / calibrated;
  return { moved, others, calibrated, raw, lost: Math.abs(lost) < LEAST ? 0 : lost };
}

/** Shares lost at one price, of every world, by recorded rate. */
const lostAt = ({ sampling_rates: rates, lost }, priceAt) => rates.map((_, i) => lost.map((world) => world[i][priceAt]));

// ---------------------------------------------------------------- pictures

const directionOf = ({ left, right }) => (right < left ? "rise" : right > left ? "fall" : "stay");

/** The items in the order of one side. */
const inOrder = (sorted, side) => sorted.toSorted((a, b) => a[side] - b[side]);

/** What the table tells of an item beside its places. */
function columnsOf(labels) {
  const of = (what, which) => fill(labels.of, { what: labels[what], which: labels[which] });
  return [
    [of("click", "calibrated"), (item) => percent(item.p_click)], [of("click", "raw"), (item) => percent(item.raw)],
    [labels.like, (item) => percent(item.p_like)],
    [of("score", "calibrated"), (item) => number(item.score)], [of("score", "raw"), (item) => number(item.rawScore)],
    [labels.worth, (item) => number(item.worth)],
  ];
}

/** Both orders as columns of names, joined by a line for each item. */
function lists({ sorted, texts }, labels) {
  const columns = columnsOf(labels);
  const listOf = (side, click, which) => ({
    head: { text: labels[`head_${which}`], short: fill(labels.head_short, { head: labels[which] }) },
    rows: inOrder(sorted, side).map((item) => {
      const values = { click: percent(item[click]), like: percent(item.p_like) };
      return {
        name: item.name, text: fill(labels.scores, values), short: fill(labels.scores_short, values),
        color: STYLES[directionOf(item)].color,
      };
    }),
  });
  const change = (from, to) => fill(labels.change, { from, to });
  const told = [
    [labels.place, (item) => change(item.left, item.right)],
    [labels.click, (item) => change(percent(item.p_click), percent(item.raw))],
    [labels.like, (item) => percent(item.p_like)],
    [labels.score, (item) => change(number(item.score), number(item.rawScore))],
    [labels.worth, (item) => number(item.worth)],
  ];
  const stop = (item, x) => {
    const { color } = STYLES[directionOf(item)];
    const lines = [item.name, ...linesOf(told, item)];
    const ends = [[0, item.left, color], [1, item.right, color]];
    const marks = x === 0 ? ends : ends.toReversed(); // what is read out stands beside the first
    return { x, y: marks[0][1], lines, marks };
  };
  const [left, right] = ["left", "right"].map((side) => inOrder(sorted, side));
  const ofKind = (kind) => sorted.filter((item) => directionOf(item) === kind).length;
  const named = (items) => items.map(({ name }) => name).join(", ");
  const counts = { rise: ofKind("rise"), fall: ofKind("fall"), stay: ofKind("stay") };
  return {
    ...textsOf(labels, "lists", { ...texts, ...counts, right: named(left), left_raw: named(right) }),
    note: sorted.length > FIRST ? labels.lists_note : labels.lists_note_three,
    lists: [listOf("left", "p_click", "calibrated"), listOf("right", "raw", "raw")],
    cut: FIRST,
    series: sorted.map((item) => line(item.name, [0, 1], [item.left, item.right], null, STYLES[directionOf(item)])),
    readout: () => ({ mode: "xy", columns: 2, stops: left.flatMap((item, i) => [stop(item, 0), stop(right[i], 1)]) }),
    table: tableOf(left, [
      [labels.item, ({ name }) => name],
      [fill(labels.of, { what: labels.place, which: labels.calibrated }), (item) => item.left],
      [fill(labels.of, { what: labels.place, which: labels.raw }), (item) => item.right], ...columns,
    ]),
  };
}

/** What the worlds lost by sampling rate, at the recorded price that is nearest. */
function worldsPicture({ worlds, samplingRate, price, texts }, labels) {
  const { sampling_rates: rates, prices, lost } = worlds;
  const priceAt = nearest(prices, price);
  const found = lostAt(worlds, priceAt).map((each, i) => ({
    rate: rates[i], each, mean: mean(each), low: Math.min(...each), high: Math.max(...each),
  }));
  const now = found[nearest(rates, samplingRate, Math.log)];
  const rising = found.toReversed();
  const columns = [
    [labels.mean, (one) => percent(one.mean)], [labels.lowest, (one) => percent(one.low)],
    [labels.highest, (one) => percent(one.high)],
  ];
  const all = lost.flat(2); // of every price, so that the axis keeps still
  return {
    ...textsOf(labels, "worlds", {
      ...texts, worlds: lost.length, price: number(prices[priceAt]), rate: rateText(now.rate), mean: percent(now.mean),
      low: percent(now.low), high: percent(now.high),
    }),
    note: now.each.some((share) => share !== 0) ? labels.worlds_note : labels.worlds_note_none,
    x: { scale: "log", domain: [RATES[0], 1], label: labels.alpha },
    y: { extent: [Math.min(0, ...all), Math.max(0, ...all)], label: labels.lost, format: "percent" },
    series: [
      rule("sampling rate", { x: samplingRate }),
      ...lost.map((_, i) => points(`${labels.world} ${i + 1}`, rates, found.map(({ each }) => each[i]), "ink", {
        size: 2.5, faint: true,
      })),
      line(labels.mean, rates, found.map((one) => one.mean), "ink", {
        width: 2, marker: "circle", size: 3.5, label: { prefer: 0.3, side: "above" },
      }),
      ...(now.rate === samplingRate ? [point("now", now.rate, now.mean, "accent", {
        size: 6.5, label: { text: percent(now.mean), prefer: 0, side: "above" },
      })] : []),
    ],
    readout: readAlong(
      rising.map(({ rate }) => rate),
      (rate, i) => [[`α = ${rateText(rate)}`, ...linesOf(columns, rising[i])], [rising[i].mean, "ink"]],
      rising.indexOf(now),
    ),
    table: tableOf(found, [[labels.alpha, ({ rate }) => rateText(rate)], ...columns]),
  };
}

/** Who is first, what the first three are worth and how many items moved, in either list. */
function numbersTable(labels) {
  const heading = (text) => html("th", { scope: "col" }, text);
  const head = html("tr", {}, ...[labels.list, labels.calibrated, labels.raw].map(heading));
  const body = html("tbody");
  const element = html("table", { class: "rx-numbers" }, html("thead", {}, head), body);
  function set({ sorted, changes }) {
    const first = (side) => sorted.find((item) => item[side] === 1).name;
    const rows = [
      [labels.first, first("left"), first("right")],
      [labels.first_three, ...[changes.calibrated, changes.raw].map(metric)],
      [labels.elsewhere, "–", fill(labels.counted, { some: changes.moved, all: sorted.length })],
    ];
    body.replaceChildren(...rows.map(([name, ...cells]) =>
      html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((text) => html("td", { class: "rx-now" }, text))),
    ));
  }
  return { element, set };
}

// ---------------------------------------------------------------- the explorer

/** Which sentence a setting deserves. */
function sentenceOf({ moved, others, lost }, samplingRate, price) {
  if (samplingRate === 1) return "sentence_whole";
  if (price === 0) return "sentence_one";
  if (moved === 0) return "sentence_same";
  if (!others) return "sentence_kept";
  return lost === 0 ? "sentence_even" : lost > 0 ? "sentence_lost" : "sentence_gained";
}

function render({ model, el }) {
  const labels = model.get("labels");
  const { requests, worlds } = model.get("recorded");
  const settings = ["sampling_rate", "price", "request"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  const recordedRates = worlds?.sampling_rates ?? [];
  explorer.addSlider("sampling_rate", {
    stops: sortedSet([...RATES, ...recordedRates]), ticks: recordedRates, named: [0.01, 0.1, 1], text: rateText,
  });
  const prices = worlds?.prices ?? PRICES;
  explorer.addSlider("price", { stops: prices, named: [prices[0], prices.at(-1)], text: number });
  if (requests.length > 1) {
    explorer.addChoice("request", { values: range(requests.length), text: (i) => String(i + 1) });
  }
  explorer.addReset();
  explorer.addPicture(labels.lists_name, lists, { wide: true });
  if (worlds) explorer.addPicture(labels.worlds_name, worldsPicture);
  const numbers = numbersTable(labels);
  const panel = explorer.addPanel(labels.numbers_title, [numbers.element], !worlds);
  panel.setTexts({ title: labels.numbers_title, note: labels.numbers_note });

  function draw(animate) {
    const [samplingRate, price, request] = settings.map((key) => model.get(key));
    const sorted = sortedTwice(requests[request].items, samplingRate, price);
    const changes = changesOf(sorted);
    const top = sorted.find(({ left }) => left === 1);
    const texts = {
      alpha: rateText(samplingRate), w: number(price), items: sorted.length, changed: changes.moved,
      share: percent(Math.abs(changes.lost)), name: top.name, said: percent(top.raw), right: percent(top.p_click),
      shift: formatNumber(-Math.log(samplingRate), ".2f"),
    };
    numbers.set({ sorted, changes });
    explorer.show({ sorted, worlds, samplingRate, price, texts }, animate);
    explorer.say(labels[sentenceOf(changes, samplingRate, price)], texts);
  }
  return explorer.start();
}

export default {
  render,
  heights: { "": [1780, 1760, 1593, 1217, 1190, 1191] }, // of ten items, several requests, and worlds
  formulas: { downsampled, fused, sortedTwice, changesOf, lostAt, sentenceOf },
};
