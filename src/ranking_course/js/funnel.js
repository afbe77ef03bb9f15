// The funnel (chapter 1): how many items each stage leaves, what a request costs in closed form, and, where it was
// recorded, what becomes of the truly best items. Texts and recordings come from the state.
import { fill } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";
import { formatNumber, integer, percent } from "bookwork/format";
import { bar, bars, linesOf, points, readPoints, tableOf, textsOf } from "bookwork/picture";
import { nearest, range } from "bookwork/scales";
import { median } from "ranking_course/statistics";

const CHANNELS = ["embedding", "popular", "fresh", "followed", "topic"];
const STAGES = ["retrieval", "pre_ranking", "ranking", "re_ranking"];
const QUOTAS = [0, 50, 100, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000];
const KEPT = [20, 50, 100, 150, 200, 300, 400, 500, 700, 1000, 2000, 5000];
const SHOWN = [5, 10, 15, 20, 30, 40, 50, 70, 100];

/** 1, 2, 5, 10 ... from low to high. */
const logStops = (low, high) =>
  range(40)
    .map((i) => Number(([1, 2, 5][i % 3] * low * 10 ** Math.floor(i / 3)).toPrecision(3)))
    .filter((stop) => stop <= high * 1.0001);
const COSTS = {
  retrieval: logStops(0.0001, 1), pre_ranking: logStops(0.01, 100), ranking: logStops(1, 5000),
  re_ranking: logStops(0.001, 10),
};

/** A time in ms as text, with its unit. */
function duration(ms) {
  if (ms >= 60_000) return `${formatNumber(ms / 60_000, "short")} min`;
  return ms >= 1000 ? `${formatNumber(ms / 1000, "short")} s` : `${formatNumber(ms, "number")} ms`;
}

// ---------------------------------------------------------------- formulas, the same as in the explorer of Python

/** Milliseconds that each stage of a request takes: a call, unless there are no items for it, and every look at one. */
function stageCosts(candidates, kept, shown, costs, catalogue, fixed) {
  const ranked = Math.min(kept, candidates);
  const looks = {
    retrieval: catalogue, pre_ranking: candidates, ranking: ranked, re_ranking: ranked * Math.min(shown, ranked),
  };
  const time = (stage) => (looks[stage] > 0 ? fixed[stage] : 0) + (looks[stage] * costs[stage]) / 1000;
  return Object.fromEntries(STAGES.map((stage) => [stage, time(stage)]));
}

/** Place of a setting in arrays with one axis per name, the last varying fastest. */
const settingIndex = (grid, names, setting) =>
  names.reduce((index, name) => index * grid[name].length + nearest(grid[name], setting[name]), 0);

/** What was recorded at the setting nearest to the present one: per stage, the value of every run. */
function recordedAt({ grid, runs }, setting) {
  const values = (key, names) => runs.map((run) => run[key][settingIndex(grid, names, setting)]);
  const names = Object.keys(grid);
  const near = Object.fromEntries(names.map((name) => [name, grid[name][nearest(grid[name], setting[name])]]));
  const asked = CHANNELS.reduce((sum, name) => sum + near[name], 0);
  const preRanked = values("pre_ranking", [...CHANNELS, "kept"]);
  return {
    near,
    exact: names.every((name) => near[name] === setting[name]),
    distinct: asked === 0 ? 0 : median(values("candidates", CHANNELS)) / asked, // of what was asked for
    shares: {
      retrieval: values("retrieval", CHANNELS), pre_ranking: preRanked, ranking: preRanked,
      re_ranking: values("re_ranking", [...CHANNELS, "kept", "shown"]),
    },
  };
}

// ---------------------------------------------------------------- pictures

/** The stages as rows, each bar as long as the logarithm of the items that remain. */
function narrowing(now, labels) {
  const rows = [["catalogue", now.catalogue], ...STAGES.map((stage) => [stage, now.left[stage]])];
  const names = rows.map(([stage, items]) => `${labels[stage]}: ${integer(items)}`);
  const half = rows.map(([, items]) => Math.log10(Math.max(1, items)) / 2 + (items >= 1 ? 0.03 : 0));
  const columns = [
    [labels.stage, ([stage]) => labels[stage]], [labels.items, ([, items]) => integer(items)],
    [labels.of_catalogue, ([, items]) => percent(items / now.catalogue)],
  ];
  return {
    ...textsOf(labels, "narrowing", now.texts),
    note: now.survival ? labels.narrowing_note_recorded : labels.narrowing_note,
    x: { domain: [-half[0], half[0]], ticks: [] },
    y: { scale: "band", categories: names, label: labels.stage },
    height: 300,
    series: [bars(labels.items, half, names, "accent", { flow: true, from: half.map((v) => -v) })],
    readout: readPoints(rows, (row, i) => [0, names[i], [labels[row[0]], ...linesOf(columns.slice(1), row)]]),
    table: tableOf(rows, columns),
  };
}

/** Milliseconds per stage. */
function costsOf(now, labels) {
  const names = STAGES.map((stage) => labels[stage]);
  const times = STAGES.map((stage) => now.times[stage]);
  const calls = STAGES.map((stage) => now.calls[stage]);
  const fixed = calls.some((time) => time > 0);
  const said = times.map(duration);
  const looks = [now.catalogue, now.candidates, now.ranked, now.ranked * now.left.re_ranking];
  const share = (i) => percent(now.total > 0 ? times[i] / now.total : 0);
  const listed = names.map((name, i) => `${name} ${said[i]}`).join(", ");
  return {
    ...textsOf(labels, "cost", { ...now.texts, listed }),
    note: [
      fixed ? labels.cost_note : labels.cost_note_items, now.bulk === 1 ? labels.cost_all : labels.cost_all_bulk,
    ].join(" "),
    x: { domain: [0, Math.max(1e-9, ...times) * 1.35], label: labels.milliseconds },
    y: { scale: "band", categories: names, label: labels.stage },
    height: 300,
    series: [
      ...names.map((name, i) => bar(name, times[i], name, "accent", { from: [calls[i]], label: { text: said[i] } })),
      ...(fixed ? [bars(labels.call, calls, names, "accent", { fill: "hatched" })] : []),
    ],
    readout: readPoints(names, (name, i) => [
      times[i], name,
      [
        name, said[i], ...(fixed ? [`${labels.call}: ${duration(calls[i])}`] : []),
        `${labels.share_of_time}: ${share(i)}`,
      ],
      "accent",
    ]),
    table: tableOf(STAGES, [
      [labels.stage, (_, i) => names[i]], [labels.looks, (_, i) => integer(looks[i])],
      [labels.per_item, (stage) => formatNumber(now.costs[stage])],
      ...(fixed ? [[labels.call_ms, (_, i) => formatNumber(calls[i])]] : []),
      [labels.milliseconds, (_, i) => formatNumber(times[i])], [labels.share_of_time, (_, i) => share(i)],
    ]),
  };
}

/** Share of the truly best items that remain after each stage: the median of the runs, and every run. */
function survival(now, labels) {
  const { best, requests, runs } = now.recorded;
  const { shares, exact, near } = now.survival;
  const names = ["catalogue", ...STAGES].map((stage) => labels[stage]);
  const all = [runs.map(() => 1), ...STAGES.map((stage) => shares[stage])];
  const medians = all.map(median);
  const share = [labels.share, (_, i) => percent(medians[i])];
  const most = near.shown / best;
  const extent = (values) => `${percent(Math.min(...values))} – ${percent(Math.max(...values))}`;
  const several = runs.length > 1 ? runs.map(({ seed }) => `${labels.run} ${seed}`) : [];
  const values = {
    best, requests: integer(requests), runs: runs.length, shown: integer(near.shown), most: percent(most),
    setting: Object.entries(near).map(([name, value]) => `${labels[name]} ${integer(value)}`).join(", "),
    listed: names.map((name, i) => `${name} ${percent(medians[i])}`).join(", "),
  };
  return {
    ...textsOf(labels, "survival", values),
    note: [exact ? labels.survival_note : labels.survival_near, ...(most < 1 ? [labels.survival_most] : [])].join(" "),
    x: { domain: [0, 1.22], ticks: [0, 0.25, 0.5, 0.75, 1], format: "percent", label: labels.share },
    y: { scale: "band", categories: names, label: labels.stage },
    height: 300,
    series: [
      ...names.map((name, i) => bar(name, medians[i], name, "accent", { label: { text: percent(medians[i]) } })),
      ...several.map((run, r) =>
        points(run, all.slice(1).map((list) => list[r]), names.slice(1), "ink", { size: 3, faint: true }),
      ),
    ],
    readout: readPoints(names, (name, i) => [
      medians[i], name, [name, ...linesOf([share], name, i), ...(several.length ? [extent(all[i])] : [])], "accent",
    ]),
    table: tableOf(names, [
      [labels.stage, (name) => name], share, ...several.map((run, r) => [run, (_, i) => percent(all[i][r])]),
    ]),
  };
}

// ---------------------------------------------------------------- the explorer

/** Everything that follows from the present setting. */
function present(model, recorded) {
  const keys = ["quotas", "kept", "shown", "costs", "catalogue", "fixed", "bulk"];
  const [quotas, kept, shown, costs, catalogue, fixed, bulk] = keys.map((key) => model.get(key));
  const asked = CHANNELS.reduce((sum, name) => sum + quotas[name], 0);
  const found = recorded && recordedAt(recorded, { ...quotas, kept, shown });
  const candidates = Math.min(catalogue, found ? asked * found.distinct : asked);
  const ranked = Math.min(kept, candidates);
  const left = { retrieval: candidates, pre_ranking: ranked, ranking: ranked, re_ranking: Math.min(shown, ranked) };
  const times = stageCosts(candidates, kept, shown, costs, catalogue, fixed);
  const free = Object.fromEntries(STAGES.map((stage) => [stage, 0]));
  const calls = stageCosts(candidates, kept, shown, free, catalogue, fixed);
  const sum = (of) => STAGES.reduce((total, stage) => total + of[stage], 0);
  const total = sum(times);
  const everything = bulk * (fixed.ranking + (catalogue * costs.ranking) / 1000);
  const middle = (stage) => (found ? percent(median(found.shares[stage])) : "");
  const texts = {
    catalogue: integer(catalogue), asked: integer(asked), candidates: integer(candidates), ranked: integer(ranked),
    kept: integer(kept), shown: integer(left.re_ranking), total: duration(total), everything: duration(everything),
    calls: duration(sum(calls)), bulk: formatNumber(bulk, "short"),
    times: total > 0 ? integer(everything / total) : "–", best: recorded?.best,
    retrieved_share: middle("retrieval"), ranked_share: middle("ranking"), shown_share: middle("re_ranking"),
  };
  return { recorded, catalogue, candidates, kept, ranked, left, times, calls, total, costs, bulk, survival: found, texts };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const recorded = model.get("recorded");
  const explorer = createExplorer({ model, el, labels, settings: ["quotas", "kept", "shown", "costs"], draw });
  const counted = (name, usual, options) => {
    const stops = recorded?.grid[name] ?? usual;
    if (options?.part && stops.length === 2 && stops[0] === 0) { // a slider with two stops would be a switch
      const label = fill(labels.asked_for, { channel: labels[name], items: integer(stops[1]) });
      explorer.addToggle(name, { ...options, label, as: (on) => stops[Number(on)] });
      return;
    }
    explorer.addSlider(name, { stops, ticks: recorded ? stops : [], text: integer, ...options });
  };
  explorer.addGroup({ label: labels.quotas, wide: true });
  for (const part of CHANNELS) counted(part, QUOTAS, { trait: "quotas", part });
  explorer.addGroup({ label: labels.counts });
  counted("kept", KEPT);
  explorer.addGroup({ label: labels.more, folded: true });
  counted("shown", SHOWN);
  for (const part of STAGES) {
    explorer.addSlider(`cost_${part}`, { trait: "costs", part, stops: COSTS[part], text: (v) => formatNumber(v) });
  }
  explorer.addGroup();
  explorer.addReset();
  explorer.addPicture(labels.narrowing_title, narrowing);
  if (recorded) explorer.addPicture(fill(labels.survival_title, { best: recorded.best }), survival);
  explorer.addPicture(labels.cost_title, costsOf, { wide: Boolean(recorded) });

  function draw(animate) {
    const now = present(model, recorded);
    explorer.show(now, animate);
    const enough = recorded ? labels.sentence_recorded : labels.sentence;
    const few = now.candidates < now.kept ? labels.sentence_few : enough;
    explorer.say(now.candidates > 0 ? few : labels.sentence_none, now.texts);
  }
  return explorer.start();
}

export default {
  render,
  heights: {
    "recorded": [2266, 2167, 1720, 1330, 1161, 1142],
    "": [1672, 1632, 1248, 814, 720, 701],
  },
  formulas: { stageCosts, settingIndex, recordedAt, median },
};
