// Re-ranking (chapter 1): the slate that MMR or a greedy DPP makes of recorded candidates, made anew as the sliders
// move; how similar its items are, and what that costs in score. Texts and candidates come from the state.
import { createExplorer } from "bookwork/explorer";
import { formatNumber, percent, two } from "bookwork/format";
import { bars, heatMap, line, linesOf, point, readPoints, tableOf, textsOf } from "bookwork/picture";
import { range } from "bookwork/scales";

const TRADE_OFFS = range(41).map((i) => i / 40);
const CURVE = range(11).map((i) => i / 10);
const FILLS = 8; // colours of groups; topics beyond them are hatched
const SMALLEST_GAIN = 1e-9;

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
const bestOf = (values, taken) =>
  values.reduce((best, value, i) => (!taken.has(i) && (best < 0 || value > values[best]) ? i : best), -1);

/** A slate made place by place: each time the item of the largest value, values(window) given the last places. */
function greedy(keep, window, values) {
  const chosen = [];
  while (chosen.length < keep) chosen.push(bestOf(values(chosen.slice(-window)), new Set(chosen)));
  return chosen;
}

/** Maximal marginal relevance: place by place the largest θ score − (1 − θ) (largest similarity in the window). */
function mmr(scores, similarity, keep, tradeOff, window) {
  return greedy(keep, window, (near) => {
    const closest = (i) => (near.length ? Math.max(...near.map((j) => similarity[i][j])) : 0);
    return scores.map((score, i) => tradeOff * score - (1 - tradeOff) * closest(i));
  });
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
  return greedy(keep, window, (near) => {
    const variety = gains(similarity, near).map((gain) => Math.log(Math.max(gain, SMALLEST_GAIN)));
    return scores.map((score, i) => tradeOff * score + (1 - tradeOff) * variety[i]);
  });
}

const METHODS = { mmr, dpp: greedyDpp };

/** Mean similarity of all pairs of a slate. */
function meanSimilarity(similarity, slate) {
  const pairs = slate.flatMap((i, a) => slate.slice(0, a).map((j) => similarity[i][j]));
  return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
}

const scoreOf = (scores, slate) => slate.reduce((sum, i) => sum + scores[i], 0);

// ---------------------------------------------------------------- pictures

/** Bars as high as the scores, in their places, filled by topic. */
function slatePicture({ slate, data, window, places, letters, texts }, labels) {
  const topics = [...new Set(slate.map((i) => data.topic[i]))].sort((a, b) => a - b);
  const scores = slate.map((i) => data.scores[i]);
  const near = (i, k) => Math.max(...slate.slice(Math.max(0, k - window), k).map((j) => data.similarity[i][j]));
  const named = (topic) => `${letter(topic)} ${data.topics[topic]}`;
  const columns = [
    [labels.topic, (i) => named(data.topic[i])], [labels.score, (i) => formatNumber(data.scores[i], "metric")],
  ];
  const lines = (i, k) => {
    const [topic, score] = linesOf(columns, i);
    const item = `${labels.place} ${places[k]}: ${labels.item} ${data.items[i]}`;
    return [item, topic, `${score} (${labels.rank} ${i + 1})`];
  };
  return {
    ...textsOf(labels, "slate", { ...texts, legend: topics.map(named).join(", "), listed: letters.join(" ") }),
    x: { scale: "band", categories: places, label: labels.place },
    y: { domain: [0, Math.max(...data.scores) * 1.15], label: labels.score },
    height: 220,
    series: [
      ...topics.map((topic) => {
        const own = (values) => values.filter((_, k) => data.topic[slate[k]] === topic);
        const style = { outlined: true, fill: topic >= FILLS ? "hatched" : "solid" };
        return bars(letter(topic), own(places), own(scores), `group-${(topic % FILLS) + 1}`, style);
      }),
      { name: "letters", kind: "texts", x: places, y: scores, text: letters, color: "ink" },
    ],
    readout: readPoints(slate, (i, k) => [places[k], scores[k], lines(i, k)]),
    table: tableOf(slate, [
      [labels.place, (_, k) => places[k]], [labels.item, (i) => data.items[i]], ...columns,
      [labels.rank, (i) => i + 1], [labels.nearest, (i, k) => (k === 0 ? "–" : two(near(i, k)))],
    ]),
  };
}

/** Similarity of every two shown items as a heat map. */
function matrixPicture({ slate, data, places, letters, texts }, labels) {
  const cells = slate.flatMap((i, row) =>
    slate.map((j, column) => ({ row, column, x: places[column], y: places[row], value: data.similarity[i][j] })),
  );
  const top = cells.filter(({ row, column }) => row < column).reduce((a, b) => (b.value > a.value ? b : a));
  const names = places.map((place, k) => `${place} ${letters[k]}`);
  return {
    ...textsOf(labels, "matrix", { ...texts, highest: two(top.value), pair: `${top.y}, ${top.x}` }),
    x: { scale: "band", categories: places, texts: letters },
    y: { scale: "band", categories: places, texts: names },
    ...heatMap(labels.similarity, "accent", cells, slate.length, ({ row, column, value }) => [
      `${names[row]} – ${names[column]}`, `${labels.similarity}: ${two(value)}`,
    ]),
    table: tableOf(slate, [
      [labels.place, (_, k) => names[k]], ...slate.map((j, k) => [names[k], (i) => two(data.similarity[i][j])]),
    ]),
  };
}

const STYLES = { mmr: { color: "accent", marker: "circle" }, dpp: { color: "ink-soft", marker: "square", dash: true } };

/** Score kept against mean similarity, for both methods and all trade-offs at the present window. */
function curvePicture({ method: present, tradeOff, kept: presentKept, mean: presentMean, curve, texts }, labels) {
  const columns = [[labels.kept_score, ({ kept }) => percent(kept)], [labels.mean_similarity, ({ mean }) => two(mean)]];
  const { color, marker } = STYLES[present];
  const now = { text: `θ = ${two(tradeOff)}`, prefer: 0 };
  const all = Object.values(curve).flat();
  return {
    ...textsOf(labels, "curve", texts),
    x: { label: labels.kept_score, format: "percent" },
    y: { label: labels.mean_similarity },
    series: [
      ...Object.keys(STYLES).map((method) => {
        const [x, y] = [curve[method].map(({ kept }) => kept), curve[method].map(({ mean }) => mean)];
        const style = { width: 1.5, size: 3.5, hollow: true, label: { prefer: 0.85 }, ...STYLES[method] };
        return line(labels[method], x, y, STYLES[method].color, style);
      }),
      point(labels.present, presentKept, presentMean, color, { marker, size: 7, label: now }),
    ],
    readout: readPoints(all, ({ method, theta, ...one }) => [
      one.kept, one.mean, [`${labels[method]}, θ = ${two(theta)}`, ...linesOf(columns, one)], STYLES[method].color,
    ]),
    table: tableOf(CURVE, [
      ["θ", two],
      ...Object.keys(STYLES).flatMap((method) =>
        columns.map(([heading, cell]) => [`${labels[method]}: ${heading}`, (_, i) => cell(curve[method][i])]),
      ),
    ]),
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
  const best = range(Math.min(shown, candidates.length));
  const settings = ["trade_off", "window", "method"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  explorer.addChoice("method", { values: Object.keys(METHODS) });
  explorer.addSlider("trade_off", { stops: TRADE_OFFS, named: [0, 0.5, 1], text: two });
  explorer.addSlider("window", { stops: range(shown).slice(1), named: [1, shown - 1], text: String });
  explorer.addReset();
  explorer.addPicture(labels.slate_title, slatePicture, { wide: true });
  explorer.addPictures({ matrix: matrixPicture, curve: curvePicture });

  const slateAt = (method, theta, window) => METHODS[method](data.relative, data.similarity, shown, theta, window);
  /** Score kept, and mean similarity, of a slate. */
  const judged = (slate) => ({
    kept: scoreOf(data.scores, slate) / scoreOf(data.scores, best), mean: meanSimilarity(data.similarity, slate),
  });
  const along = (method, window) =>
    CURVE.map((theta) => ({ method, theta, ...judged(slateAt(method, theta, window)) }));
  let [curve, curveWindow] = [null, null];
  function draw(animate) {
    const [tradeOff, window, method] = settings.map((key) => model.get(key));
    if (window !== curveWindow) curve = { mmr: along("mmr", window), dpp: along("dpp", window) };
    curveWindow = window;
    const slate = slateAt(method, tradeOff, window);
    const { kept, mean } = judged(slate);
    const count = (list) => new Set(list.map((i) => data.topic[i])).size;
    const texts = {
      method: labels[method], theta: two(tradeOff), window, shown, kept: percent(kept), mean: two(mean),
      mean_top: two(meanSimilarity(data.similarity, best)), topics: count(slate), topics_top: count(best),
    };
    const [places, letters] = [slate.map((_, k) => String(k + 1)), slate.map((i) => letter(data.topic[i]))];
    explorer.show({ slate, data, places, letters, tradeOff, window, method, kept, mean, curve, texts }, animate);
    const same = texts.topics === 1 ? labels.sentence_one : labels.sentence_same;
    explorer.say(slate.every((i) => i < shown) ? same : labels.sentence, texts);
  }
  return explorer.start();
}

export default {
  render,
  heights: { "": [1715, 1764, 1574, 1054, 1076, 1006] },
  formulas: { relative, similarityOf, mmr, greedyDpp, gains, meanSimilarity },
};
