"""Completion, its correction for length, and D2Q on one yardstick; eight worlds, the truth known. Chapter 6.

    python -m experiments.watch_time.completion [--seeds 8] [--impressions 1000000] [--out FILE]

A seed draws a world, a log of it and the first weights. Of the last ten days' rows the older 80% are learnt
from and the newer 20% judged on. From clicked rows, one network with two heads learns the share played and
whether at least 80% was played, another one D2Q's quantile among videos of one length (one pass in batches
of 64 each). f(length) is fitted to the labels of the rows that were learnt from.

``yardstick``
    rank correlation of every score with the length and with the true interest, on held-out clicked rows:
    networks, and ceilings that know each row's distribution. Predicted: of the networks D2Q is the closest to
    the interest, corrected completion the furthest of the three without length, since a yes or no keeps the
    least of the seconds; ceilings lie together.
``first``
    what stands in the first three places of whole requests sorted by a score, were every item clicked.
``exposure``
    f fitted to plays of the old policy's lists, to those of randomised requests (5% of all, which show what
    was retrieved in random order), and to the truth of pairs of user and item drawn evenly, with and without
    a click. Predicted: these f differ by less than a tenth at either end.
``fused``
    p_click · (1 + 5 p_like + .01 seconds + w c) with c the raw or the corrected completion, scaled to the
    same mean, all from networks, the first three of each request valued by the truth. Each c gets the weight
    that is best for it on one half of the users, and is judged on the other half; halves change places. Three
    things may be wanted: nothing else than clicks, likes and seconds; a completion beside them, worth one
    click; the same worth for finishing more often than usual at this length. Predicted: the first brings
    nothing, the second is for the raw, the third for the corrected, and no weight turns one into the other.

Takes about two minutes on one core.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from experiments.logs import (
    SLATE,
    column,
    groups_by_size,
    recent_log,
    true,
    truth_in_first_place,
    whole_requests,
    world,
)
from experiments.running import each, record
from experiments.watch_time.setting import (
    SHARES,
    Floats,
    correlations,
    cross_entropy,
    interest_of,
    quantiles_of,
    rank_correlation,
    shares_of,
    trained,
    trained_on_shares,
    truth_of,
)
from ranking import watch_time as wt
from ranking.evaluation import metrics
from ranking.fusion import click_times_rest, top_k
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.simulator import Truth, World
from ranking.simulator.truth import COMPLETED
from ranking.watch_time.completion import LengthCorrection

LENGTHS, GROUPS, SHOWN = 10, 10, 3
PRICES = {"like": 5.0, "watch_time": 0.01}
"""In clicks, as in chapter 5."""
COMPLETION_PRICE = 1.0
TRIED = np.concatenate([[0.0], np.geomspace(0.03, 30.0, 19)])
"""Weights tried for the term of completion, in clicks."""
QUANTILES = 50
"""How many stand for the distribution of a row in D2Q's ceiling."""
PAIRS = 40_000


def by_length(duration: Floats, columns: dict[str, Floats]) -> dict[str, Floats]:
    """Means of columns within tenths of the rows by length."""
    group = groups_by_size(duration, LENGTHS)
    counts = np.bincount(group)
    return {
        name: np.bincount(group, weights=values) / counts
        for name, values in {"duration": duration, **columns}.items()
    }


def shown_first(scores: Floats, outcomes: dict[str, Floats]) -> dict[str, float]:
    """Means of outcomes, (requests, items) each, over the first places of each request by a score."""
    first = top_k(scores, SHOWN)  # (requests, shown)
    return {name: np.take_along_axis(values, first, axis=1).mean() for name, values in outcomes.items()}


def exposure(train: ImpressionLog, f: LengthCorrection, its: World, seed: int) -> dict[str, Any]:
    """What f is where nobody chose what to show, and what that would change in the correction.

    Judged on pairs of user and item drawn evenly in contexts of the log, whose true chances are divided.
    """
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(train), size=PAIRS)
    user, hour, weekday, scene = (
        train.rows[name].to_numpy()[rows] for name in ("user", "hour", "weekday", "scene")
    )
    drawn = its.truth(user, rng.integers(len(its.items), size=PAIRS), hour, weekday, scene)
    duration, p, mu, p_click = (
        np.asarray(part, dtype=np.float64)
        for part in (drawn.duration, drawn.completion, drawn.watch_mu, drawn.p_click)
    )
    clicked = train.label("click") == 1
    randomised = train.select(clicked & train.rows["randomised"].to_numpy())
    clicks = rng.choice(PAIRS, PAIRS, p=p_click / p_click.sum())
    fits = {
        "policy": f,
        "randomised": LengthCorrection.fit(randomised.rows["duration"], shares_of(randomised)[:, 1]),
        "drawn, clicked": LengthCorrection.fit(duration[clicks], p[clicks]),
        "drawn": LengthCorrection.fit(duration, p),
    }
    lengths = np.quantile(column(train, "duration")[clicked], (0.05, 0.25, 0.5, 0.75, 0.95))
    interest = interest_of(mu, duration)
    return {
        "rows": {"policy": int(clicked.sum()), "randomised": len(randomised)},
        "lengths": lengths,
        "f": {name: fit.expected(lengths) for name, fit in fits.items()},
        "on_drawn": {
            name: correlations(score, duration, interest)
            for name, score in {
                "raw": p,
                **{name: fit.correct(p, duration) for name, fit in fits.items()},
            }.items()
        },
    }


def at_best_weight(
    base: Floats, term: Floats, value: Floats, outcomes: dict[str, Floats], half: NDArray[np.bool_]
) -> dict[str, Any]:
    """The weight that brings most on one half of the requests, judged on the other half, and the reverse.

    Args:
        base: the score without the term, (requests, items).
        term: what the weight multiplies, (requests, items).
        value: what an item shown is worth, (requests, items).
        outcomes: what else is told of the lists, (requests, items) each.
        half: requests that the first choice is made on, (requests,).

    Returns:
        ``weights`` chosen, mean ``value`` and outcomes of an item shown, over all requests.
    """
    firsts = [top_k(base + weight * term, SHOWN) for weight in TRIED]  # (requests, shown) each
    brought = np.stack([np.take_along_axis(value, first, axis=1).sum(axis=1) for first in firsts])
    chosen = [int(brought[:, part].sum(axis=1).argmax()) for part in (half, ~half)]
    first = np.where(half[:, None], firsts[chosen[1]], firsts[chosen[0]])  # each gets the other's
    told = {"value": value, **outcomes}
    return {
        "weights": [float(TRIED[k]) for k in chosen],
        **{name: np.take_along_axis(of, first, axis=1).mean() for name, of in told.items()},
    }


def fused(
    predicted: dict[str, Floats], real: Truth, f: LengthCorrection, half: NDArray[np.bool_]
) -> dict[str, Any]:
    """Fused lists with no completion in them, the raw one and the corrected one, for each thing wanted.

    Args:
        predicted: by networks, (requests, items): rates "click", "like", "completion", and "watch_time".
        real: the truth of these items, each as if it stood first, (requests · items,).
        f: the correction.
        half: requests of one half of the users, (requests,).
    """
    shape = predicted["click"].shape
    duration, p_click, p_like, seconds, completion = (
        np.asarray(part, dtype=np.float64).reshape(shape)
        for part in (real.duration, real.p_click, real.p_like, real.watch_time, real.completion)
    )
    usual = f.expected(duration)

    def terms(p: Floats, click: Floats) -> dict[str, Floats]:
        corrected = p / usual
        same_mean = np.average(p, weights=click) / np.average(corrected, weights=click)
        return {"raw": p, "corrected": corrected * same_mean}

    base = click_times_rest({name: predicted[name] for name in ("click", *PRICES)}, PRICES)
    used = terms(predicted["completion"], predicted["click"])
    worth = p_click * (1.0 + PRICES["like"] * p_like + PRICES["watch_time"] * seconds)
    done = terms(completion, p_click)
    wanted = {
        "no completion": worth,
        "completions": worth + COMPLETION_PRICE * p_click * done["raw"],
        "more than usual": worth + COMPLETION_PRICE * p_click * done["corrected"],
    }
    outcomes = {
        "clicks": p_click,
        "completions": p_click * done["raw"],
        "seconds": p_click * seconds,
        "duration": duration,
    }
    found: dict[str, Any] = {"requests": len(base)}
    for goal, value in wanted.items():
        found[goal] = {
            name: at_best_weight(base, predicted["click"] * c, value, outcomes, half)
            for name, c in {"none": np.zeros(shape), **used}.items()
        }
        found[goal]["ceiling"] = {"value": shown_first(value, {"value": value})["value"]}
    return found


def run(seed: int, impressions: int) -> dict[str, Any]:
    """Train in one world and judge every score there."""
    log, its = recent_log(seed, impressions, world_seed=seed), world(seed)
    train, test = log.split(0.8, 0.2)
    encoder = FeatureEncoder().fit(train)
    features, test_features = encoder.transform(train), encoder.transform(test)
    clicks, held = train.label("click") == 1, test.label("click") == 1
    rows, held_out = train.select(clicks), test.select(held)
    labels, (t, d) = shares_of(rows), (column(rows, name) for name in ("watch_time", "duration"))

    quantiles = wt.DurationQuantiles.fit(d, t, groups=GROUPS)
    own = features[clicks]
    p = expit(trained_on_shares(own, labels, seed)(test_features))  # (rows, 2)
    q = expit(trained(own, quantiles.targets(d, t), wt.quantile_loss, seed)(test_features))  # (rows,)

    duration, truth, observed = column(held_out, "duration"), truth_of(held_out), shares_of(held_out)
    best = np.stack([truth.mean / duration, truth.reaches(COMPLETED)], axis=1)  # (clicked rows, 2)
    fits = [LengthCorrection.fit(d, labels[:, k]) for k in range(2)]
    scores = {"D2Q": q[held], "ceiling: D2Q": quantiles_of(quantiles, truth, QUANTILES)}
    judged: dict[str, Any] = {}
    interest = interest_of(true(held_out, "watch_mu"), duration)
    columns: dict[str, Floats] = {"interest": interest}
    for k, target in enumerate(SHARES):
        said, corrected = p[held, k], fits[k].correct(p[held, k], duration)
        scores |= {target: said, f"corrected {target}": corrected, f"ceiling: {target}": best[:, k]}
        scores[f"ceiling: corrected {target}"] = fits[k].correct(best[:, k], duration)
        judged[target] = {
            "observed": observed[:, k].mean(),
            "mean": said.mean(),
            "true": best[:, k].mean(),
            "ece": metrics.calibration_error(observed[:, k], said),
            "corrected_mean": corrected.mean(),
            "corrected_above_1": (corrected > 1).mean(),
            "corrected_largest": corrected.max(),
        }
        columns |= {
            f"{target}, observed": observed[:, k],
            f"{target}, true": best[:, k],
            f"{target}, f": fits[k].expected(duration),
            f"{target}, corrected": corrected,
        }

    whole = whole_requests(test)
    lists = test.select(whole)

    def slates(values: ArrayLike) -> Floats:
        return np.asarray(values, dtype=np.float64).reshape(-1, SLATE)  # (requests, items)

    known, length = truth_of(lists), column(lists, "duration")
    shown = {
        "completions": known.reaches(COMPLETED),
        "seconds": known.mean,
        "duration": length,
        "interest": interest_of(true(lists, "watch_mu"), length),
    }
    shown = {name: slates(values) for name, values in shown.items()}
    sorts = {
        "any order": None,
        "completion": p[whole, 1],
        "corrected completion": fits[1].correct(p[whole, 1], length),
        "D2Q": q[whole],
    }

    like = trained(own, column(rows, "like"), cross_entropy, seed)
    click = trained(features, column(train, "click"), cross_entropy, seed, 256)
    scale = float(t.mean())
    time = trained(own, t, partial(wt.geometric_loss, unit=scale), seed)
    logits = {"click": click, "like": like, "watch_time": time}
    outputs = {name: head(test_features)[whole] for name, head in logits.items()}
    predicted = {
        "click": expit(outputs["click"]),
        "like": expit(outputs["like"]),
        "watch_time": wt.predicted_watch_time(outputs["watch_time"], scale),
        "completion": p[whole, 1],
    }
    real = truth_in_first_place(lists, its)
    users = slates(lists.rows["user"])[:, 0].astype(np.int64)  # (requests,)
    half = np.random.default_rng(seed).permutation(len(its.users))[users] % 2 == 0

    return {
        "seed": seed,
        "rows": len(rows),
        "held_out": len(held_out),
        "interest_and_length": rank_correlation(interest, duration),
        "alike": rank_correlation(p[held, 0], p[held, 1]),
        "alike_truth": rank_correlation(best[:, 0], best[:, 1]),
        "targets": judged,
        "yardstick": {name: correlations(score, duration, interest) for name, score in scores.items()},
        "by_length": by_length(duration, columns),
        "first": {
            name: {of: values.mean() for of, values in shown.items()}
            if score is None
            else shown_first(slates(score), shown)
            for name, score in sorts.items()
        },
        "exposure": exposure(train, fits[1], its, seed),
        "fused": fused(
            {name: slates(values) for name, values in predicted.items()},
            real,
            fits[1],
            half,
        ),
    }


def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]:
    """Everything in every world."""
    return {
        "question": "What do completion, its correction for length and D2Q say of interest, and of what use "
        "is each in a list?",
        "impressions": impressions,
        "shown": SHOWN,
        "prices": {**PRICES, "completion": COMPLETION_PRICE},
        "tried": TRIED,
        "runs": [run(seed, impressions) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=8)
