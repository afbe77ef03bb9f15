// Re-ranking (chapter 1): the slate that MMR or a greedy DPP makes of recorded candidates, made anew as the sliders
// move; how similar its items are, and what that costs in score. Texts and candidates come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { textsOf } from "bookwork/figure";
import { formatNumber, percent } from "bookwork/format";

const TRADE_OFFS = Array.from({ length: 41 }, (_, i) => i / 40);
const CURVE = Array.from({ length: 11 }, (_, i) => i / 10);
const METHODS = ["mmr", "dpp"];
const FILLS = 8; // colours of groups; topics beyond them are hatched
const SMALLEST_GAIN = 1e-9;

const two = (value) => value.toFixed(2).replace(/^-/, "−");
const letter = (i) => (i < 26 ? String.fromCharCode(65 + i) : letter(((i / 26) | 0) - 1) + letter(i % 26));

// ---------------------------------------------------------------- formulas, the same as in ranking.funnel

/** Scores moved and scaled to run from 0 to 1; all 1 where all are equal. */
function relative(scores) {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  return scores.map((score) => (low === high ? 1 : (score - low) / (high - low)));
}

/** Cosine of every two vectors; of one with itself exactly 1, so that equal items do tie. */
function similarityOf(vectors) {
  const unit = vectors.map((v) => {
    const length = Math.sqrt(v.reduce((sum, a) => sum + a * a, 0));
    return v.map((a) => a / length);
  });
  return unit.map((a, i) => unit.map((b, j) => (i === j ? 1 : a.reduce((sum, value, k) => sum + value * b[k], 0))));
}

/** Position of the largest value among those not taken. */
function bestOf(values, taken) {
  let best = -1;
  values.forEach((value, i) => {
    if (!taken.has(i) && (best < 0 || value > values[best])) best = i;
  });
  return best;
}

/** Maximal marginal relevance: place by place the largest θ score − (1 − θ) (largest similarity in the window). */
function mmr(scores, similarity, keep, tradeOff, window) {
  const chosen = [];
  const taken = new Set();
  while (chosen.length < keep) {
    const near = chosen.slice(-window);
    const closest = (i) => (near.length ? Math.max(...near.map((j) => similarity[i][j])) : 0);
    const value = (score, i) => tradeOff * score - (1 - tradeOff) * closest(i);
    const best = bestOf(scores.map(value), taken);
    chosen.push(best);
    taken.add(best);
  }
  return chosen;
}

/** What det S of a window gains by each item: its variance given the window, by a Cholesky factor. */
function gains(similarity, window) {
  const left = similarity.map((row, i) => row[i]);
  const rows = [];
  for (const j of window) {
    const pivot = Math.max(left[j], SMALLEST_GAIN);
    const before = (i) => rows.reduce((sum, earlier) => sum + earlier[j] * earlier[i], 0);
    const row = similarity.map((s, i) => (s[j] - before(i)) / Math.sqrt(pivot));
    row.forEach((value, i) => { left[i] -= value * value; });
    rows.push(row);
  }
  return left;
}

/** Greedy maximisation of θ Σ score + (1 − θ) ln det S of the window. */
function greedyDpp(scores, similarity, keep, tradeOff, window) {
  const chosen = [];
  const taken = new Set();
  while (chosen.length < keep) {
    const gain = gains(similarity, chosen.slice(-window));
    const variety = gain.map((value) => Math.log(Math.max(value, SMALLEST_GAIN)));
    const values = scores.map((score, i) => tradeOff * score + (1 - tradeOff) * variety[i]);
    const best = bestOf(values, taken);
    chosen.push(best);
    taken.add(best);
  }
  return chosen;
}

const rerank = (method, ...rest) => (method === "mmr" ? mmr(...rest) : greedyDpp(...rest));

/** Mean similarity of all pairs of a slate. */
function meanSimilarity(similarity, slate) {
  let sum = 0;
  slate.forEach((i, a) => slate.slice(0, a).forEach((j) => { sum += similarity[i][j]; }));
  return sum / ((slate.length * (slate.length - 1)) / 2);
}

const scoreOf = (scores, slate) => slate.reduce((sum, i) => sum + scores[i], 0);

// ---------------------------------------------------------------- pictures

/** Bars as high as the scores, in their places, filled by topic. */
function slatePicture(now, labels) {
  const { slate, data } = now;
  const topics = [...new Set(slate.map((i) => data.topic[i]))].sort((a, b) => a - b);
  const places = slate.map((_, k) => String(k + 1));
  const before = (k) => slate.slice(Math.max(0, k - now.window), k);
  const near = slate.map((i, k) => Math.max(...before(k).map((j) => data.similarity[i][j])));
  const topicOf = (i) => `${letter(data.topic[i])} ${data.topics[data.topic[i]]}`;
  const values = { ...now.texts, legend: topics.map((t) => `${letter(t)} ${data.topics[t]}`).join(", ") };
  const high = Math.max(...data.scores);
  return {
    ...textsOf(labels, "slate", { ...values, listed: slate.map((i) => letter(data.topic[i])).join(" ") }),
    x: { scale: "band", categories: places, label: labels.place },
    y: { scale: "linear", domain: [0, high * 1.15], label: labels.score, format: "number" },
    height: 220,
    series: [
      ...topics.map((topic) => {
        const own = slate.flatMap((i, k) => (data.topic[i] === topic ? [k] : []));
        return {
          name: letter(topic), kind: "bars", x: own.map((k) => places[k]), y: own.map((k) => data.scores[slate[k]]),
          color: `group-${(topic % FILLS) + 1}`, outlined: true, fill: topic >= FILLS ? "hatched" : "solid",
        };
      }),
      {
        name: "letters", kind: "texts", x: places, y: slate.map((i) => data.scores[i]),
        text: slate.map((i) => letter(data.topic[i])), color: "ink",
      },
    ],
    readout: () => ({
      mode: "xy",
      stops: slate.map((i, k) => ({
        x: places[k], y: data.scores[i], marks: [],
        lines: [
          `${labels.place} ${places[k]}: ${labels.item} ${data.items[i]}`, `${labels.topic}: ${topicOf(i)}`,
          `${labels.score}: ${formatNumber(data.scores[i], "metric")} (${labels.rank} ${i + 1})`,
        ],
      })),
    }),
    table: {
      caption: fill(labels.slate_caption, values),
      columns: [labels.place, labels.item, labels.topic, labels.score, labels.rank, labels.nearest],
      rows: slate.map((i, k) => [
        places[k], String(data.items[i]), topicOf(i), formatNumber(data.scores[i], "metric"), String(i + 1),
        k === 0 ? "–" : two(near[k]),
      ]),
    },
  };
}

/** Similarity of every two shown items as a heat map. */
function matrixPicture(now, labels) {
  const { slate, data } = now;
  const places = slate.map((_, k) => String(k + 1));
  const cells = slate.flatMap((i, row) =>
    slate.map((j, column) => ({ row, column, value: data.similarity[i][j] })),
  );
  const top = cells.filter(({ row, column }) => row < column).reduce((a, b) => (b.value > a.value ? b : a));
  const pair = `${places[top.row]}, ${places[top.column]}`;
  const name = (k) => `${places[k]} ${letter(data.topic[slate[k]])}`;
  return {
    ...textsOf(labels, "matrix", { ...now.texts, highest: two(top.value), pair }),
    x: { scale: "band", categories: places, texts: slate.map((i) => letter(data.topic[i])) },
    y: { scale: "band", categories: places, texts: slate.map((_, k) => name(k)) },
    series: [{
      name: labels.similarity, kind: "cells", color: "accent",
      x: cells.map(({ column }) => places[column]), y: cells.map(({ row }) => places[row]),
      v: cells.map(({ value }) => Math.min(1, Math.max(0, value))),
    }],
    readout: () => ({
      mode: "xy",
      columns: slate.length,
      stops: cells.map(({ row, column, value }) => ({
        x: places[column], y: places[row], marks: [[places[column], places[row], "ink"]],
        lines: [`${name(row)} – ${name(column)}`, `${labels.similarity}: ${two(value)}`],
      })),
    }),
    table: {
      caption: labels.matrix_caption,
      columns: [labels.place, ...slate.map((_, k) => name(k))],
      rows: slate.map((i, k) => [name(k), ...slate.map((j) => two(data.similarity[i][j]))]),
    },
  };
}

/** Score kept against mean similarity, for both methods and all trade-offs at the present window. */
function curvePicture(now, curve, labels) {
  const style = {
    mmr: { color: "accent", marker: "circle" },
    dpp: { color: "ink-soft", marker: "square", dash: true },
  };
  const headings = (method) => [labels.kept_score, labels.mean_similarity].map((text) => `${labels[method]}: ${text}`);
  const line = (method) => ({
    name: labels[method], kind: "line", x: curve[method].map(({ kept }) => kept),
    y: curve[method].map(({ mean }) => mean), width: 1.5, size: 3.5, hollow: true,
    label: { text: labels[method], prefer: 0.3 }, ...style[method],
  });
  return {
    ...textsOf(labels, "curve", now.texts),
    x: { scale: "linear", label: labels.kept_score, format: "percent" },
    y: { scale: "linear", label: labels.mean_similarity, format: "number" },
    series: [
      ...METHODS.map(line),
      {
        name: labels.present, kind: "points", x: [now.kept], y: [now.mean], color: style[now.method].color,
        marker: style[now.method].marker, size: 7, label: { text: `θ = ${two(now.tradeOff)}`, prefer: 0 },
      },
    ],
    readout: () => ({
      mode: "xy",
      stops: METHODS.flatMap((method) =>
        curve[method].map(({ theta, kept, mean }) => ({
          x: kept, y: mean, marks: [[kept, mean, style[method].color]],
          lines: [
            `${labels[method]}, θ = ${two(theta)}`, `${labels.kept_score}: ${percent(kept)}`,
            `${labels.mean_similarity}: ${two(mean)}`,
          ],
        })),
      ),
    }),
    table: {
      caption: fill(labels.curve_caption, now.texts),
      columns: ["θ", ...METHODS.flatMap(headings)],
      rows: CURVE.map((theta, i) => [
        two(theta), ...METHODS.flatMap((method) => [percent(curve[method][i].kept), two(curve[method][i].mean)]),
      ]),
    },
  };
}

// ---------------------------------------------------------------- the explorer

function render({ model, el }) {
  const labels = model.get("labels");
  const shown = model.get("shown");
  const { candidates, vectors } = model.get("recorded"); // by falling score
  const topics = [...new Set(candidates.map(({ topic }) => topic))]; // lettered by their best candidate
  const scores = candidates.map(({ score }) => score);
  const data = {
    topics, items: candidates.map(({ item }) => item), topic: candidates.map(({ topic }) => topics.indexOf(topic)),
    scores, relative: relative(scores), similarity: similarityOf(vectors),
  };
  const best = candidates.slice(0, shown).map((_, i) => i);
  const settings = ["trade_off", "window", "method"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addChoice("method", { label: labels.method, values: METHODS });
  explorer.addSlider("trade_off", {
    label: labels.trade_off, hint: labels.trade_off_hint, stops: TRADE_OFFS, named: [0, 0.5, 1], text: two,
  });
  explorer.addSlider("window", {
    label: labels.window, hint: labels.window_hint, stops: Array.from({ length: shown - 1 }, (_, i) => i + 1),
    named: [1, shown - 1], text: String,
  });
  explorer.addReset();
  const slateFigure = explorer.addFigure(labels.slate_title, true);
  const matrixFigure = explorer.addFigure(labels.matrix_title);
  const curveFigure = explorer.addFigure(labels.curve_title);

  /** Score kept, and mean similarity, of a slate. */
  const judged = (slate) => ({
    kept: scoreOf(data.scores, slate) / scoreOf(data.scores, best), mean: meanSimilarity(data.similarity, slate),
  });
  let [curve, curveWindow] = [null, null];
  function draw(animate) {
    const [tradeOff, window, method] = settings.map((key) => model.get(key));
    if (window !== curveWindow) {
      const slateAt = (way, theta) => rerank(way, data.relative, data.similarity, shown, theta, window);
      const along = (way) => CURVE.map((theta) => ({ theta, ...judged(slateAt(way, theta)) }));
      [curve, curveWindow] = [Object.fromEntries(METHODS.map((way) => [way, along(way)])), window];
    }
    const slate = rerank(method, data.relative, data.similarity, shown, tradeOff, window);
    const { kept, mean } = judged(slate);
    const count = (list) => new Set(list.map((i) => data.topic[i])).size;
    const texts = {
      method: labels[method], theta: two(tradeOff), window, shown, kept: percent(kept), mean: two(mean),
      mean_top: two(meanSimilarity(data.similarity, best)), topics: count(slate), topics_top: count(best),
    };
    const now = { slate, data, tradeOff, window, method, kept, mean, texts };
    slateFigure.update(slatePicture(now, labels), animate);
    matrixFigure.update(matrixPicture(now, labels), animate);
    curveFigure.update(curvePicture(now, curve, labels), animate);
    explorer.say(slate.every((i) => i < shown) ? labels.sentence_same : labels.sentence, texts);
  }
  explorer.start();
  return explorer.destroy;
}

export default { render, formulas: { relative, similarityOf, mmr, greedyDpp, gains, meanSimilarity } };
