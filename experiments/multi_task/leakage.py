"""Chapter 2: what a statistic may know: later days, the row's own label, or neither.

    python -m experiments.multi_task.leakage [--seeds 5] [--out FILE]

Clicks and impressions of user and item are counted in a window of ten days, always as long: that *before* the
impression, or five days to either side (*around*); each without the impression itself, or with it. One click
model learns from each of the four. A careless report judges it on later rows with counts of the same kind,
and a server has only the counts from before, without the impression. The same once more in a log of four
times as many impressions per item: there one row is less of its window. Takes about two minutes a world on
one core.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.logs import world
from experiments.multi_task.setting import BATCH
from experiments.running import each, record
from ranking.evaluation import metrics
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.logs.statistics import DAY_MS, counts_before
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy, base_rates
from ranking.training import TableExamples, fit, predict_logits

WINDOW = 10
"""Days of every window."""
IMPRESSIONS = (1_000_000, 4_000_000)
LEARNING_RATES = (0.0025, 0.005, 0.01)
KINDS = {"before": (False, False), "before, itself": (False, True)}
KINDS |= {"around": (True, False), "around, itself": (True, True)}
"""Kind of counts -> whether it looks ahead, and whether the impression itself is counted."""


def counts_within(log: ImpressionLog, key: str, ahead: float) -> dict[str, NDArray[np.int32]]:
    """Per row, what others of the same code did in the window that ends ``ahead`` days later, (rows,) each.

    Each row asks at the end of its window. Questions stand among the rows, and count for nothing themselves.
    """
    rows, n = log.rows, len(log)
    times = rows["time_ms"].to_numpy()
    asked = np.concatenate([times, times + np.int64(ahead * DAY_MS)])  # (2 rows,)
    order = np.argsort(asked, kind="stable")
    codes = np.tile(rows[key].to_numpy(), 2)
    nothing = np.zeros(n, dtype=bool)
    happened = {
        "impressions": np.concatenate([np.ones(n, dtype=bool), nothing]),
        **{name: np.concatenate([rows[name[:-1]].to_numpy(), nothing]) for name in ("clicks", "likes")},
    }
    found = counts_before(
        codes[order], asked[order], {f"real_{name}": flags[order] for name, flags in happened.items()}, WINDOW
    )
    place = np.empty(2 * n, dtype=np.intp)
    place[order] = np.arange(2 * n)
    return {name: found[f"real_{name}"][place[n:]] for name in happened}


def with_counts(log: ImpressionLog, ahead: bool, itself: bool) -> ImpressionLog:
    """The log with statistics of one kind."""
    rows = log.rows
    own = {"impressions": np.ones(len(log), dtype=np.int32)}
    own |= {f"{name}s": rows[name].to_numpy(dtype=np.int32) for name in ("click", "like")}
    added = {}
    for key in ("user", "item"):
        for name, counts in counts_within(log, key, WINDOW / 2 if ahead else 0.0).items():
            counted = 1 if ahead else 0  # a window that goes on past a row holds the row
            added[f"{key}_{name}"] = counts + (int(itself) - counted) * own[name]
    return replace(log, rows=rows.assign(**added))


def parts_of(log: ImpressionLog) -> tuple[ImpressionLog, ...]:
    """Rows to learn from, to choose by and to judge on: those whose windows lie within the log."""
    days = (log.rows["time_ms"].to_numpy() - log.rows["time_ms"].iloc[0]) / DAY_MS
    inner = log.select((days >= WINDOW) & (days < days[-1] - WINDOW / 2))
    return inner.split(0.7, 0.1, 0.2)


def click_model(
    learnt: ImpressionLog, chosen_on: ImpressionLog, seed: int
) -> tuple[Any, FeatureEncoder, float]:
    """A click model at its best learning rate, the encoder of its features, and that rate."""
    encoder = FeatureEncoder().fit(learnt)
    start = base_rates(learnt.labels(("click",)), ("click",))
    examples, judge = (TableExamples.of(part, encoder, ("click",)) for part in (learnt, chosen_on))
    best: tuple[float, Any, float] | None = None
    for rate in LEARNING_RATES:
        model = MultiTaskModel.of(encoder, ("click",), seed=seed, base_rates=start)
        loss = WeightedCrossEntropy(("click",))
        history = fit(model, examples, loss, seed=seed, batch_size=BATCH, learning_rate=rate, held_out=judge)
        if best is None or history.validation_loss[-1] < best[0]:
            best = (history.validation_loss[-1], model, rate)
    assert best is not None
    return best[1], encoder, best[2]


def run(seed: int, impressions: int) -> list[dict[str, Any]]:
    """All four kinds of counts in one world."""
    log = world(seed).simulate(impressions, seed=seed)
    honest = parts_of(with_counts(log, False, False))[2]
    found = []
    for kind, (ahead, itself) in KINDS.items():
        learnt, chosen_on, judged_on = parts_of(with_counts(log, ahead, itself))
        model, encoder, rate = click_model(learnt, chosen_on, seed)

        def auc(part: ImpressionLog, model: Any = model, encoder: FeatureEncoder = encoder) -> float:
            return metrics.auc(part.label("click"), predict_logits(model, encoder.transform(part))[:, 0])

        found.append(
            {"seed": seed, "impressions": impressions, "kind": kind, "learning_rate": rate}
            | {"rows": len(learnt), "report": auc(judged_on), "online": auc(honest)}
            | {"item_impressions": float(honest.rows["item_impressions"].mean())}
        )
    return found


def measure(seeds: range) -> dict[str, Any]:
    """Every kind of counts in every world, in a small log and in a large one."""
    runs = [
        each_run for seed in each(seeds) for impressions in IMPRESSIONS for each_run in run(seed, impressions)
    ]
    return {
        "question": "Is it the future that leaks, or the row's own label?",
        "window_days": WINDOW,
        "learning_rates": LEARNING_RATES,
        "batch_size": BATCH,
        "judged": "AUC on the labels of later rows",
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=5)
