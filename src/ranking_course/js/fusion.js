// Score fusion (chapter 5): one score of several predictions by the formula, weights and exponents that are set; the
// list that it makes, each score taken apart, and what the first of it bring, beside a second setting. Texts and
// candidates come from the state; terms are those that candidates have predictions of.
import { fill, html } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber } from "bookwork/format";
import { colourStyle } from "bookwork/marks";
import { reorder } from "bookwork/motion";
import { bar, readPoints, tableOf, textsOf } from "bookwork/picture";
import { range } from "bookwork/scales";
import { order, placesOf } from "ranking_course/statistics";

const TERMS = ["click", "like", "collect", "share", "watch_time", "completion"];
const SETTING = ["formula", "weights", "exponents", "rank_weights", "power", "offset", "scored_by"];
const SAMPLING_RATE = 0.1; // of the click prediction that was left uncalibrated
const WEIGHTS = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const RANK_WEIGHTS = [0, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const EXPONENTS = range(31).map((i) => i / 10);
const POWERS = [0.2, 0.5, 1, 1.5, 2, 3];
const OFFSETS = [0, 1, 2, 5, 10, 20, 60, 100, 200];
const SHORT = 30; // letters of a setting that a sentence can hold
// outcome, the term that it counts, and how many of the term's unit make one
const OUTCOMES = [
  ["clicks", "click", 1], ["likes", "like", 1], ["collects", "collect", 1], ["shares", "share", 1],
  ["minutes", "watch_time", 60],
];

const number = (value) => (Number.isFinite(value) ? formatNumber(value, "number") : "−∞");
/** A score in the width of its column. */
const scoreText = (value) => (value > 0 && value < 0.001 ? value.toExponential(1) : number(value));
const decimals = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "−∞");

// ---------------------------------------------------------------- formulas, the same as in ranking.fusion

/** The place of every score, 1 for the highest; equal scores share the best place of their group. */
const ranks = (scores) => scores.map((score) => 1 + scores.filter((other) => other > score).length);

const logPower = (beta, logarithm) => (value) => (beta === 0 ? 0 : beta * logarithm(value));

/** What each prediction adds to the score, or to its logarithm: one list per name. */
const PARTS = {
  weighted_sum: (name, p, { weights }) => p.map((value) => weights[name] * value),
  click_times_rest: (name, p, { weights }, click) =>
    p.map((value, i) => (name === "click" ? value : weights[name] * click[i] * value)),
  product_of_powers: (name, p, { weights, exponents }) =>
    p.map(logPower(exponents[name], (value) => Math.log1p(weights[name] * value))),
  rank_fusion: (name, p, { rank_weights: weights, power, offset }) =>
    ranks(p).map((place) => weights[name] / (place ** power + offset)),
  commerce_product: (name, p, { exponents }) => p.map(logPower(exponents[name], Math.log)),
};

const isProduct = (formula) => formula === "product_of_powers" || formula === "commerce_product";

function contributions(formula, predictions, settings) {
  const part = (name) => [name, PARTS[formula](name, predictions[name], settings, predictions.click)];
  return Object.fromEntries(Object.keys(predictions).map(part));
}

/** Of parts that add up to the scores, or to their logarithms. */
function totals(formula, parts) {
  const sums = Object.values(parts).reduce((sum, part) => sum.map((value, i) => value + part[i]));
  return isProduct(formula) ? sums.map(Math.exp) : sums;
}

const scores = (formula, predictions, settings) => totals(formula, contributions(formula, predictions, settings));

/** What a model trained on a share of the negatives says, left as it is. */
const downsampled = (p, rate) => p / (p + rate * (1 - p));

/** Of all terms those that something has by name, in their order. */
const termsOf = (named) => TERMS.filter((term) => term in named);

const outcomesOf = (rates) => OUTCOMES.filter(([, term]) => term in rates);

/** What the shown candidates bring in expectation, by outcome; rates are given a click. */
function expectedTotals(shown, rates) {
  const value = (term, i) => (term === "click" ? rates.click[i] : rates.click[i] * rates[term][i]);
  const brought = ([name, term, unit]) => [name, shown.reduce((sum, i) => sum + value(term, i), 0) / unit];
  return Object.fromEntries(outcomesOf(rates).map(brought));
}

// ---------------------------------------------------------------- a setting, and the list that it makes

const uses = {
  weights: (formula, term) => formula === "weighted_sum" || (formula === "click_times_rest" && term !== "click"),
  inner_weights: (formula) => formula === "product_of_powers",
  exponents: (formula) => isProduct(formula),
  rank_weights: (formula) => formula === "rank_fusion",
};
const OWN = ["weights", "exponents", "rank_weights"]; // sliders in the group of their term

const columnsOf = (candidates, key) =>
  Object.fromEntries(
    termsOf(candidates[0][key]).map((term) => [term, candidates.map((candidate) => candidate[key][term])]),
  );

/** What a formula is given: predictions, or the truth, term by term. */
function givenTo(setting, candidates) {
  const columns = columnsOf(candidates, setting.scored_by === "truth" ? "truth" : "predictions");
  if (setting.scored_by !== "uncalibrated") return columns;
  return { ...columns, click: columns.click.map((p) => downsampled(p, SAMPLING_RATE)) };
}

/** A setting with its scores, their parts, its list, and what the first places bring. */
function judged(setting, candidates, outcomes, shown) {
  const given = givenTo(setting, candidates);
  const parts = contributions(setting.formula, given, setting);
  const score = totals(setting.formula, parts);
  const list = order(score);
  const brought = expectedTotals(list.slice(0, shown), outcomes);
  return { ...setting, given, parts, score, list, place: placesOf(list), totals: brought };
}

/** A setting written out; what counts nothing is left out. */
function written(setting, labels) {
  const { formula, weights, exponents, rank_weights: rankWeights, power, offset } = setting;
  const times = (of) => (term) => (of[term] === 1 ? labels[term] : `${number(of[term])} ${labels[term]}`);
  const weighted = (of, terms) => terms.filter((term) => of[term] !== 0).map(times(of));
  const exponent = (term) => (exponents[term] === 1 ? "" : `^${number(exponents[term])}`);
  const powers = (base, terms) => terms.map((term) => base(term) + exponent(term)).join(" × ");
  const terms = termsOf(weights);
  const active = terms.filter((term) => exponents[term] !== 0);
  const rest = weighted(weights, terms.slice(1));
  const text = {
    weighted_sum: () => weighted(weights, terms).join(" + "),
    click_times_rest: () => (rest.length ? `${labels.click} × (1 + ${rest.join(" + ")})` : labels.click),
    product_of_powers: () => {
      const base = (term) => `(1 + ${times(weights)(term)})`.replaceAll(" ", "\u00a0");
      return powers(base, active.filter((term) => weights[term] !== 0));
    },
    rank_fusion: () => {
      const sum = weighted(rankWeights, terms).join(" + ");
      return sum && `${labels.rank_fusion}, ${sum}, a = ${number(power)}, b = ${number(offset)}`;
    },
    commerce_product: () => powers((term) => labels[term], active),
  }[formula]();
  const by = { uncalibrated: labels.given_uncalibrated, truth: labels.given_truth }[setting.scored_by];
  return (text || labels.nothing) + (by ? `; ${by}` : "");
}

/** B in a few words of a sentence: written out, or by its formula where that would be long. */
function called(b, a, labels) {
  const text = written(b, labels);
  if (text.length <= SHORT) return text;
  const formula = labels[b.formula];
  const same = SETTING.every((key) => JSON.stringify(b[key]) === JSON.stringify(a[key]));
  return same || b.formula !== a.formula ? formula : fill(labels.kept_of_formula, { formula });
}

/** A change as text, to a tenth of a percent at most. */
function signed(share) {
  if (share === null) return "–";
  if (Math.abs(share) < 0.0005) return "±0%";
  const text = formatNumber(Math.abs(share) < 0.01 ? Math.round(share * 1000) / 1000 : share, "percent");
  return share > 0 ? `+${text}` : text;
}

/** How much more A brings than B, as a share of what B brings; null where B brings nothing. */
const gain = (a, b) => (b === 0 ? (a === 0 ? 0 : null) : a / b - 1);

// ---------------------------------------------------------------- lists

const span = (name) => html("span", { class: `rx-${name}` });

/** One row of list A: made once, then written anew and moved. */
function createRow(item, terms) {
  const row = {
    place: span("place"), change: span("change"), score: span("score"), zero: html("b"), edge: span("edge-note"),
    segments: terms.map((term) => html("i", { style: colourStyle(term) })),
    texts: terms.map((term) => html("span", { class: "rx-part", style: colourStyle(term) })),
  };
  const name = html("span", { class: "rx-name" }, item);
  const stack = html("div", { class: "rx-stack", "aria-hidden": "true" }, row.zero, ...row.segments);
  const parts = html("div", { class: "rx-parts" }, ...row.texts);
  row.element = html("li", { class: "rx-row" }, row.place, row.change, name, stack, row.score, parts, row.edge);
  return row;
}

/** How far bars reach to the left and to the right of 0, over all candidates. */
function reachOf({ parts, score }) {
  const finite = score.map((_, i) => Object.values(parts).map((part) => part[i]).filter(Number.isFinite));
  const sums = (side) => finite.map((values) => values.reduce((sum, value) => sum + side(0, value), 0));
  const [low, high] = [Math.min(0, ...sums(Math.min)), Math.max(0, ...sums(Math.max))];
  return low === high ? [low, low + 1] : [low, high];
}

/** Sets off what is not shown; whether this is the last that is shown, with others below it. */
function markShown(row, { place, list }, i, shown) {
  const last = place[i] === shown && shown < list.length;
  row.element.classList.toggle("rx-below", place[i] > shown);
  row.element.classList.toggle("rx-last-shown", last);
  return last;
}

function writeRow(row, i, now, labels) {
  const { a, b, shown, reach: [low, high] } = now;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(high - low)));
  const move = b.place[i] - a.place[i];
  const at = (value) => `${((value - low) / (high - low)) * 100}%`;
  row.place.textContent = a.place[i];
  row.score.textContent = scoreText(a.score[i]);
  const [sign, said] = move > 0 ? ["▲", labels.up] : move < 0 ? ["▼", labels.down] : ["=", labels.same_place];
  const places = Math.abs(move);
  const spoken = html("span", { class: "rx-hidden" }, fill(said, { places }));
  row.change.replaceChildren(html("span", { "aria-hidden": "true" }, sign + (places || "")), spoken);
  row.zero.style.left = at(0);
  let [left, right] = [0, 0]; // how far the bar has come to both sides of 0
  termsOf(a.parts).forEach((term, k) => {
    const value = a.parts[term][i];
    const [segment, text] = [row.segments[k], row.texts[k]];
    const [from, to] = value < 0 ? [Math.max(low, left + value), left] : [right, right + value];
    if (value < 0) left = from;
    else right = to;
    segment.style.left = at(from);
    segment.style.width = `${((to - from) / (high - low)) * 100}%`;
    segment.hidden = value === 0;
    text.textContent = `${labels[term]} ${decimals(value, digits)}`;
    text.hidden = value === 0;
  });
  row.edge.textContent = markShown(row, a, i, shown) ? fill(labels.not_shown, { shown }) : "";
}

/** The data table behind list A: places, the score, and what every prediction was and adds. */
function listTable({ a, b }, candidates, labels) {
  const value = (term, i) => number(a.given[term][i]) + (term === "watch_time" ? " s" : "");
  const sum = (i) => number(Object.values(a.parts).reduce((total, part) => total + part[i], 0));
  return tableOf(a.list, [
    [labels.place, (_, k) => k + 1], [labels.candidate, (i) => candidates[i].item],
    [labels.place_in, (i) => b.place[i]], [labels.score, (i) => number(a.score[i])],
    ...(isProduct(a.formula) ? [[labels.log_score, sum]] : []),
    ...termsOf(a.parts).flatMap((term) => [
      [fill(labels.value, { term: labels[term] }), (i) => value(term, i)],
      [fill(labels.part, { term: labels[term] }), (i) => number(a.parts[term][i])],
    ]),
  ]);
}

function writeOther(row, i, { a, b, shown }, labels) {
  row.spoken.textContent = fill(labels.in_both, { shown });
  row.place.textContent = b.place[i];
  row.mark.hidden = b.place[i] > shown || a.place[i] > shown;
  markShown(row, b, i, shown);
}

function createOtherRow(item) {
  const row = { place: span("place"), mark: span("mark-both"), spoken: span("hidden") };
  row.mark.append(html("span", { "aria-hidden": "true" }, "✓"), row.spoken);
  row.element = html("li", { class: "rx-other-row" }, row.place, html("span", { class: "rx-name" }, item), row.mark);
  return row;
}

// ---------------------------------------------------------------- what the first places bring

function totalsPicture({ a, b, shown, most, known }, labels) {
  const found = outcomesOf(a.given).map(([key, term]) => ({
    name: labels[key], term, a: number(a.totals[key]), b: number(b.totals[key]), most: number(most[key]),
    gain: gain(a.totals[key], b.totals[key]),
  }));
  const listed = found.map((one) => `${one.name} ${one.a} (B ${one.b})`).join(", ");
  const gains = found.map((one) => one.gain ?? 0);
  const [least, greatest] = [Math.min(0, ...gains), Math.max(0, ...gains)];
  const room = Math.max(0.02, 0.18 * (greatest - least)); // for the number beyond each bar
  const domain = [least < 0 ? least - room : 0, greatest > 0 || least === 0 ? greatest + room : 0];
  return {
    ...textsOf(labels, "totals", { shown, listed }),
    note: known ? labels.totals_note : labels.totals_note_predicted,
    x: { scale: "band", categories: found.map((one) => one.name) },
    y: { domain, label: labels.totals_axis, format: "percent" },
    height: 250,
    series: found.map((one) => {
      const label = { text: signed(one.gain), side: one.gain < 0 ? "below" : "above" };
      return bar(one.name, one.name, one.gain, one.term, { label });
    }),
    readout: readPoints(found, (one) => [
      one.name, one.gain ?? 0, [`${one.name}: ${signed(one.gain)}`, `A: ${one.a}, B: ${one.b}`],
    ]),
    table: tableOf(found, [
      [labels.outcome, (one) => one.name], ["A", (one) => one.a], ["B", (one) => one.b],
      [labels.difference, (one) => signed(one.gain)], [fill(labels.most, { shown }), (one) => one.most],
    ]),
  };
}

/** The most of each outcome that any list of that length can bring. */
function mostOf(outcomes, shown) {
  const best = (term) => order(outcomes.click.map((p, i) => (term === "click" ? p : p * outcomes[term][i])));
  const most = ([name, term]) => [name, expectedTotals(best(term).slice(0, shown), outcomes)[name]];
  return Object.fromEntries(outcomesOf(outcomes).map(most));
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const candidates = model.get("candidates");
  const known = "truth" in candidates[0];
  const outcomes = columnsOf(candidates, known ? "truth" : "predictions");
  const terms = termsOf(outcomes);
  const explorer = createExplorer({ model, el, labels, settings: [...SETTING, "shown", "kept"], draw });
  const stops = { weights: WEIGHTS, rank_weights: RANK_WEIGHTS, exponents: EXPONENTS };
  const folded = (label) => explorer.addGroup({ label, folded: true });
  function addWeight(trait, part, label, key = trait) {
    const perSecond = trait === "weights" && part === "watch_time"; // all others are of probabilities or ranks
    const text = (value) => (perSecond ? fill(labels.per_second, { weight: number(value) }) : number(value));
    explorer.addSlider(`${key} ${part}`, { label, stops: stops[trait], text, trait, part });
  }

  explorer.addChoice("formula", { values: Object.keys(PARTS) });
  const groups = terms.map((part) => {
    const group = explorer.addGroup({ label: labels[part], color: part, narrow: true, folded: part === "completion" });
    addWeight("weights", part, labels.weight);
    addWeight("rank_weights", part, labels.weight);
    addWeight("exponents", part, labels.exponent);
    return group;
  });
  const innerGroup = folded(labels.inner);
  for (const part of terms) addWeight("weights", part, labels[part], "inner_weights");
  const rankGroup = folded(labels.ranks);
  explorer.addSlider("power", { stops: POWERS, text: number });
  explorer.addSlider("offset", { stops: OFFSETS, text: number });
  folded(labels.more);
  explorer.addChoice("scored_by", { values: ["predictions", "uncalibrated", ...(known ? ["truth"] : [])] });
  explorer.addSlider("shown", { stops: candidates.map((_, i) => i + 1), text: String });
  explorer.addGroup();
  const present = () => Object.fromEntries(SETTING.map((key) => [key, model.get(key)]));
  explorer.addButton(labels.keep, () => ({ kept: present() }));
  explorer.addButton(labels.swap, () => ({ ...model.get("kept"), kept: present() }));
  explorer.addReset();

  const [list, other] = [labels.list_alt, labels.other_alt].map((alt) =>
    html("ol", { class: "rx-rows", role: "list", "aria-label": alt }),
  );
  const [listSetting, otherSetting] = [0, 1].map(() => html("p", { class: "rx-note rx-setting" }));
  const rows = candidates.map(({ item }) => createRow(item, terms));
  const otherRows = candidates.map(({ item }) => createOtherRow(item));
  const listPanel = explorer.addPanel(labels.list_title, [listSetting, list], true);
  const otherPanel = explorer.addPanel(labels.other_title, [otherSetting, other]);
  explorer.addPicture(labels.totals_title, totalsPicture);

  function drawLists(now) {
    const { a, b, shown } = now;
    rows.forEach((row, i) => writeRow(row, i, now, labels));
    otherRows.forEach((row, i) => writeOther(row, i, now, labels));
    reorder(list, a.list.map((i) => rows[i].element));
    reorder(other, b.list.map((i) => otherRows[i].element));
    const [own, others] = [{ setting: written(a, labels) }, { setting: written(b, labels), shown }];
    listSetting.textContent = fill(labels.list_setting, own);
    otherSetting.textContent = fill(labels.other_setting, others);
    const note = labels[`meaning_${a.formula}`];
    listPanel.setTexts({ ...textsOf(labels, "list", own), note, table: listTable(now, candidates, labels) });
    const table = tableOf(b.list, [
      [labels.place, (_, k) => k + 1], [labels.candidate, (i) => candidates[i].item],
      [labels.score, (i) => number(b.score[i])],
    ]);
    otherPanel.setTexts({ ...textsOf(labels, "other", others), table });
  }

  function draw(animate) {
    const shown = model.get("shown");
    const a = judged(present(), candidates, outcomes, shown);
    const b = judged(model.get("kept"), candidates, outcomes, shown);
    const now = { a, b, shown, known, reach: reachOf(a), most: mostOf(outcomes, shown) };
    terms.forEach((term, k) => {
      for (const [trait, used] of Object.entries(uses)) explorer.showControl(`${trait} ${term}`, used(a.formula, term));
      groups[k].hidden = !OWN.some((trait) => uses[trait](a.formula, term));
    });
    innerGroup.hidden = !uses.inner_weights(a.formula);
    rankGroup.hidden = a.formula !== "rank_fusion";
    drawLists(now);
    explorer.show(now, animate);
    const moved = a.place.filter((place, i) => place !== b.place[i]).length;
    const fresh = a.list.slice(0, shown).filter((i) => b.place[i] > shown).length;
    const part = ([name]) => `${signed(gain(a.totals[name], b.totals[name]))} ${labels[name]}`;
    const different = moved === 0 ? labels.sentence_equal : labels.sentence_same;
    explorer.say(fresh > 0 ? labels.sentence : different, {
      first: candidates[a.list[0]].item, other: called(b, a, labels), moved, candidates: candidates.length, new: fresh, shown,
      listed: outcomesOf(outcomes).map(part).join(", "),
    });
  }
  return explorer.start();
}

export default {
  render,
  heights: { "": [2961, 2831, 2235, 1645, 1591, 1482] },
  formulas: { scores, contributions, ranks, order, expectedTotals, downsampled },
};
