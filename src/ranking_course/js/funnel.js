// The funnel (chapter 1): how many items each stage leaves, what a request costs in closed form, and, where it was
// recorded, what becomes of the truly best items. Texts and recordings come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { textsOf } from "bookwork/figure";
import { formatNumber, percent } from "bookwork/format";
import { median } from "ranking_course/statistics";

const CHANNELS = ["embedding", "popular", "fresh", "followed", "topic"];
const STAGES = ["retrieval", "pre_ranking", "ranking", "re_ranking"];
const QUOTAS = [0, 50, 100, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000];
const KEPT = [20, 50, 100, 150, 200, 300, 400, 500, 700, 1000, 2000, 5000];
const SHOWN = [5, 10, 15, 20, 30, 40, 50, 70, 100];

/** 1, 2, 5, 10 ... from low to high. */
const logStops = (low, high) =>
  Array.from({ length: 40 }, (_, i) => Number(([1, 2, 5][i % 3] * low * 10 ** Math.floor(i / 3)).toPrecision(3))).filter(
    (stop) => stop <= high * 1.0001,
  );
const COSTS = {
  retrieval: logStops(0.0001, 1), pre_ranking: logStops(0.01, 100), ranking: logStops(1, 5000),
  re_ranking: logStops(0.001, 10),
};

const integer = (value) => formatNumber(value, "integer");

/** A time in ms as text, with its unit. */
function duration(ms) {
  if (ms >= 60_000) return `${formatNumber(ms / 60_000, "short")} min`;
  return ms >= 1000 ? `${formatNumber(ms / 1000, "short")} s` : `${formatNumber(ms, "number")} ms`;
}

// ---------------------------------------------------------------- formulas, the same as in ranking_course.explorers.funnel

/** Milliseconds that each stage of a request takes. */
function stageCosts(candidates, kept, shown, costs, catalogue) {
  const ranked = Math.min(kept, candidates);
  return {
    retrieval: (catalogue * costs.retrieval) / 1000,
    pre_ranking: (candidates * costs.pre_ranking) / 1000,
    ranking: (ranked * costs.ranking) / 1000,
    re_ranking: (ranked * Math.min(shown, ranked) * costs.re_ranking) / 1000,
  };
}

/** Position of the stop nearest to a value. */
const nearest = (stops, value) =>
  stops.reduce((best, stop, i) => (Math.abs(stop - value) < Math.abs(stops[best] - value) ? i : best), 0);

/** Place of a setting in arrays with one axis per name, the last varying fastest. */
const settingIndex = (grid, names, setting) =>
  names.reduce((index, name) => index * grid[name].length + nearest(grid[name], setting[name]), 0);

/** What was recorded at the setting nearest to the present one: per stage, the value of every run. */
function recordedAt({ grid, runs }, setting) {
  const at = {
    candidates: settingIndex(grid, CHANNELS, setting),
    retrieval: settingIndex(grid, CHANNELS, setting),
    pre_ranking: settingIndex(grid, [...CHANNELS, "kept"], setting),
    re_ranking: settingIndex(grid, [...CHANNELS, "kept", "shown"], setting),
  };
  const values = (key) => runs.map((run) => run[key][at[key]]);
  const nearOf = (name) => grid[name][nearest(grid[name], setting[name])];
  const near = Object.fromEntries(Object.keys(grid).map((name) => [name, nearOf(name)]));
  const asked = CHANNELS.reduce((sum, name) => sum + near[name], 0);
  return {
    near,
    exact: Object.keys(grid).every((name) => near[name] === setting[name]),
    distinct: asked === 0 ? 0 : median(values("candidates")) / asked, // of what was asked for
    shares: {
      retrieval: values("retrieval"), pre_ranking: values("pre_ranking"), ranking: values("pre_ranking"),
      re_ranking: values("re_ranking"),
    },
  };
}

// ---------------------------------------------------------------- pictures

/** The stages as rows, each bar as long as the logarithm of the items that remain. */
function narrowing(now, labels) {
  const rows = [["catalogue", now.catalogue], ...STAGES.map((stage) => [stage, now.left[stage]])];
  const names = rows.map(([stage, items]) => `${labels[stage]}: ${integer(items)}`);
  const half = rows.map(([, items]) => Math.log10(Math.max(1, items)) / 2 + (items >= 1 ? 0.03 : 0));
  const most = half[0];
  return {
    title: labels.narrowing_title,
    alt: fill(labels.narrowing_alt, now.texts),
    note: now.survival ? labels.narrowing_note_recorded : labels.narrowing_note,
    noteValues: now.texts,
    x: { scale: "linear", domain: [-most, most], ticks: [], format: "number" },
    y: { scale: "band", categories: names, label: labels.stage },
    height: 300,
    series: [
      { name: labels.items, kind: "bars", flow: true, x: half, from: half.map((v) => -v), y: names, color: "accent" },
    ],
    readout: () => ({
      mode: "xy",
      stops: rows.map(([stage, items], i) => ({
        x: 0, y: names[i], marks: [],
        lines: [
          labels[stage], `${labels.items}: ${integer(items)}`, `${labels.of_catalogue}: ${percent(items / now.catalogue)}`,
        ],
      })),
    }),
    table: {
      caption: labels.narrowing_caption,
      columns: [labels.stage, labels.items, labels.of_catalogue],
      rows: rows.map(([stage, items]) => [labels[stage], integer(items), percent(items / now.catalogue)]),
    },
  };
}

/** Milliseconds per stage. */
function costsOf(now, labels) {
  const names = STAGES.map((stage) => labels[stage]);
  const times = STAGES.map((stage) => now.times[stage]);
  const looks = [now.catalogue, now.candidates, now.ranked, now.ranked * now.left.re_ranking];
  const most = Math.max(1e-9, ...times);
  const share = (i) => percent(now.total > 0 ? times[i] / now.total : 0);
  const listed = names.map((name, i) => `${name} ${duration(times[i])}`).join(", ");
  return {
    ...textsOf(labels, "cost", { ...now.texts, listed }),
    x: { scale: "linear", domain: [0, most * 1.35], label: labels.milliseconds, format: "number" },
    y: { scale: "band", categories: names, label: labels.stage },
    height: 300,
    series: STAGES.map((stage, i) => ({
      name: labels[stage], kind: "bars", x: [times[i]], y: [names[i]], color: "accent",
      label: { text: duration(times[i]) },
    })),
    readout: () => ({
      mode: "xy",
      stops: STAGES.map((stage, i) => ({
        x: times[i], y: names[i], marks: [[times[i], names[i], "accent"]],
        lines: [names[i], duration(times[i]), `${labels.share_of_time}: ${share(i)}`],
      })),
    }),
    table: {
      caption: labels.cost_caption,
      columns: [labels.stage, labels.looks, labels.per_item, labels.milliseconds, labels.share_of_time],
      rows: STAGES.map((stage, i) => [
        names[i], integer(looks[i]), formatNumber(now.costs[stage]), formatNumber(times[i]), share(i),
      ]),
    },
  };
}

/** Share of the truly best items that remain after each stage: the median of the runs, and every run. */
function survival(now, recorded, labels) {
  const { shares, exact, near } = now.survival;
  const names = ["catalogue", ...STAGES].map((stage) => labels[stage]);
  const all = [recorded.runs.map(() => 1), ...STAGES.map((stage) => shares[stage])];
  const medians = all.map(median);
  const most = near.shown / recorded.best;
  const range = (values) => `${percent(Math.min(...values))} – ${percent(Math.max(...values))}`;
  const several = recorded.runs.length > 1;
  const setting = Object.entries(near).map(([name, value]) => `${labels[name]} ${integer(value)}`).join(", ");
  const values = {
    best: recorded.best, requests: integer(recorded.requests), runs: recorded.runs.length, setting,
    shown: integer(near.shown), most: percent(most),
  };
  return {
    title: fill(labels.survival_title, values),
    alt: fill(labels.survival_alt, { listed: names.map((name, i) => `${name} ${percent(medians[i])}`).join(", ") }),
    note: [exact ? labels.survival_note : labels.survival_near, ...(most < 1 ? [labels.survival_most] : [])].join(" "),
    noteValues: values,
    x: { scale: "linear", domain: [0, 1.22], ticks: [0, 0.25, 0.5, 0.75, 1], format: "percent", label: labels.share },
    y: { scale: "band", categories: names, label: labels.stage },
    height: 300,
    series: [
      ...names.map((name, i) => ({
        name, kind: "bars", x: [medians[i]], y: [name], color: "accent", label: { text: percent(medians[i]) },
      })),
      ...(several
        ? recorded.runs.map((run, r) => ({
            name: `${labels.run} ${run.seed}`, kind: "points", x: all.slice(1).map((list) => list[r]), y: names.slice(1),
            color: "ink", size: 3, faint: true,
          }))
        : []),
    ],
    readout: () => ({
      mode: "xy",
      stops: names.map((name, i) => ({
        x: medians[i], y: name, marks: [[medians[i], name, "accent"]],
        lines: [name, `${labels.share}: ${percent(medians[i])}`, ...(several ? [range(all[i])] : [])],
      })),
    }),
    table: {
      caption: labels.survival_caption,
      columns: [labels.stage, labels.share, ...(several ? recorded.runs.map((run) => `${labels.run} ${run.seed}`) : [])],
      rows: names.map((name, i) => [name, percent(medians[i]), ...(several ? all[i].map(percent) : [])]),
    },
  };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, recorded) {
  const keys = ["quotas", "kept", "shown", "costs", "catalogue"];
  const [quotas, kept, shown, prices, catalogue] = keys.map((key) => model.get(key));
  const asked = CHANNELS.reduce((sum, name) => sum + quotas[name], 0);
  const found = recorded && recordedAt(recorded, { ...quotas, kept, shown });
  const candidates = Math.min(catalogue, found ? asked * found.distinct : asked);
  const ranked = Math.min(kept, candidates);
  const left = { retrieval: candidates, pre_ranking: ranked, ranking: ranked, re_ranking: Math.min(shown, ranked) };
  const times = stageCosts(candidates, kept, shown, prices, catalogue);
  const total = STAGES.reduce((sum, stage) => sum + times[stage], 0);
  const everything = (catalogue * prices.ranking) / 1000;
  const middle = (stage) => (found ? percent(median(found.shares[stage])) : "");
  const texts = {
    catalogue: integer(catalogue), asked: integer(asked), candidates: integer(candidates), ranked: integer(ranked),
    kept: integer(kept), shown: integer(left.re_ranking), total: duration(total), everything: duration(everything),
    times: total > 0 ? integer(everything / total) : "–", best: recorded?.best,
    retrieved_share: middle("retrieval"), ranked_share: middle("ranking"), shown_share: middle("re_ranking"),
  };
  return { catalogue, candidates, kept, ranked, left, times, total, costs: prices, survival: found, texts };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const recorded = model.get("recorded");
  const settings = ["quotas", "kept", "shown", "costs"];
  const explorer = createExplorer({ model, el, labels, settings, draw });
  const one = (trait, name) => ({
    trait, read: (values) => values[name], write: (value) => ({ ...model.get(trait), [name]: value }),
  });

  explorer.addGroup({ label: labels.quotas, wide: true });
  for (const name of CHANNELS) {
    const stops = recorded?.grid[name] ?? QUOTAS;
    const ticks = recorded ? stops : [];
    explorer.addSlider(name, { label: labels[name], stops, ticks, text: integer, ...one("quotas", name) });
  }
  explorer.addGroup({ label: labels.counts });
  for (const [name, usual] of [["kept", KEPT], ["shown", SHOWN]]) {
    const stops = recorded?.grid[name] ?? usual;
    explorer.addSlider(name, { label: labels[name], stops, ticks: recorded ? stops : [], text: integer });
  }
  explorer.addGroup({ label: labels.costs, folded: true });
  for (const stage of STAGES) {
    explorer.addSlider(`cost_${stage}`, {
      label: labels[`cost_${stage}`], hint: labels[`cost_${stage}_hint`], stops: COSTS[stage],
      text: (v) => formatNumber(v), ...one("costs", stage),
    });
  }
  explorer.addGroup();
  explorer.addReset();

  const narrowingFigure = explorer.addFigure(labels.narrowing_title);
  const survivalFigure = recorded ? explorer.addFigure(fill(labels.survival_title, { best: recorded.best })) : null;
  const costFigure = explorer.addFigure(labels.cost_title, Boolean(recorded));

  function draw(animate) {
    const now = present(model, recorded);
    narrowingFigure.update(narrowing(now, labels), animate);
    survivalFigure?.update(survival(now, recorded, labels), animate);
    costFigure.update(costsOf(now, labels), animate);
    const enough = recorded ? labels.sentence_recorded : labels.sentence;
    const few = now.candidates < now.kept ? labels.sentence_few : enough;
    explorer.say(now.candidates > 0 ? few : labels.sentence_none, now.texts);
  }
  explorer.start();
  return explorer.destroy;
}

export default { render, formulas: { stageCosts, settingIndex, recordedAt, median } };
