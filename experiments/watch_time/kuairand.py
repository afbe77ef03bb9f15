"""Chapter 6 on a real log: KuaiRand-Pure, its watch times by length, and what losses make of them.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.watch_time.kuairand [--seeds 5] [--draws 300]

Needs the data (see the README), and reads whatever part of the standard log the folder holds; without it the
script says so and leaves the recorded results as they are. All impressions of known duration count, clicked
or not, as most tabs play at once. The older 80% are learnt from, the newer 20% judged on. A seed draws first
weights and the order of the rows. Takes about two minutes on one core for a tenth of the users.

All intervals are 95% percentile intervals over users: whoever is drawn brings all of their rows, and fits
stay as they are. ``low`` and ``high`` have the structure of what they belong to. What the record holds:

``described`` (all tabs) and ``at_once`` (tabs that play at once), each with ``low`` and ``high``
    ``mean`` and ``quantiles`` (at ``levels``) of the watch time; proportions of rows: ``not_played`` (0 s),
    ``skipped`` (under 3 s), ``beyond`` (longer than the video), ``completion`` (80% and more);
    ``share_played``, the mean of min(t, d) / d; ``with_length``, rank correlations of watch time, share and
    completion with the duration; ``limits`` of the source's loss by unit, were all rows alike; and
    ``by_length``, eighths of the rows by duration, edges fixed: ``rows``, median ``duration``, the moments
    above, and ``f`` fitted to completions. ``f_gap`` is the largest distance of f from the completion of an
    eighth.
``runs``, one a seed
    ``methods``: by loss, level (predicted over watched), mae, rmse, xauc, decile_error (over the mean
    watched) and negative predictions, on held-out rows. ``with_length``: rank correlations with the duration,
    on held-out rows, of predicted completion, the same divided by f, and D2Q's quantile. ``drift``: level of
    the loss without the weight on the newest rows (held out), the rows learnt from, newest rows whose users'
    counts are moved back by as much as they grew, and rows held out at random; ``moved`` is that growth in
    standard deviations.
``methods``, ``with_length`` and ``drift`` at the top
    means over the seeds with ``low`` and ``high`` (a decile error has none: resampling adds to it).
``by_count``
    watch time in quarters of the rows by how many impressions of their user were counted before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from experiments.kuairand import batch_size_for, real_log
from experiments.logs import column, groups_by_size
from experiments.running import each, mean_of, record
from experiments.watch_time.losses import GROUPS, judge
from experiments.watch_time.setting import Floats, cross_entropy, rank_correlation, trained
from ranking import watch_time as wt
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.logs.features import FeatureTable
from ranking.logs.impressions import SKIP_SECONDS
from ranking.logs.kuairand import single_column
from ranking.watch_time.completion import LengthCorrection, completed, known_duration, share_played

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
UNITS = (1.0, 60.0, 3600.0)
LENGTHS = 8
NO_INTERVAL = ("decile_error", "negative")

Rows = NDArray[np.intp]


def seconds_of(log: ImpressionLog) -> tuple[Floats, Floats]:
    """Watch times and durations."""
    return column(log, "watch_time"), column(log, "duration")


def ends_of(found: list[Any]) -> tuple[Any, Any]:
    """The middle 95% of numbers that stand in the same place of many structures, as two such structures."""
    first = found[0]
    if isinstance(first, dict):
        pairs = {key: ends_of([one[key] for one in found]) for key in first}
        return {key: low for key, (low, _) in pairs.items()}, {key: high for key, (_, high) in pairs.items()}
    if isinstance(first, list):
        parts = [ends_of(list(place)) for place in zip(*found, strict=True)]
        return [low for low, _ in parts], [high for _, high in parts]
    low, high = np.percentile(found, (2.5, 97.5), axis=0)
    return low, high


def over_users(user: Rows, statistics: Callable[[Rows], Any], draws: int, seed: int = 0) -> tuple[Any, Any]:
    """Ends of the 95% interval of whatever is computed from rows, when users are drawn with replacement.

    Args:
        user: of every row, shape (rows,).
        statistics: from numbers of rows to numbers in dictionaries, lists and arrays.
        draws: how often.
        seed: of the draws.
    """
    order = np.argsort(user, kind="stable")
    rows_of = np.split(order, np.flatnonzero(np.diff(user[order])) + 1)  # a list of rows for each user
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(rows_of), size=len(rows_of)) for _ in range(draws))
    return ends_of([statistics(np.concatenate([rows_of[k] for k in users])) for users in drawn])


def moments(t: Floats, d: Floats) -> dict[str, Any]:
    """What is told of some rows."""
    return {
        "mean": t.mean(),
        "quantiles": np.quantile(t, LEVELS),
        "not_played": (t == 0).mean(),
        "skipped": (t < SKIP_SECONDS).mean(),
        "beyond": (t > d).mean(),
        "share_played": share_played(t, d).share.mean(),
        "completion": completed(t, d).mean(),
    }


def described(log: ImpressionLog, draws: int) -> dict[str, Any]:
    """Watch time, share played and completion as they are, over all rows and by length, with intervals."""
    t, d = seconds_of(log)
    group = groups_by_size(d, LENGTHS)  # (rows,)
    f = LengthCorrection.fit(d, completed(t, d))

    def told(rows: Rows) -> dict[str, Any]:
        seconds, length, part = t[rows], d[rows], group[rows]
        found = {
            "watch time": seconds,
            "share played": share_played(seconds, length).share,
            "completion": completed(seconds, length),
        }
        return {
            **moments(seconds, length),
            "limits": {f"{unit:g}": wt.source_limit(seconds, unit) for unit in UNITS},
            "with_length": {name: rank_correlation(values, length) for name, values in found.items()},
            "by_length": [moments(seconds[part == k], length[part == k]) for k in range(LENGTHS)],
        }

    whole = told(np.arange(len(t)))
    low, high = over_users(log.rows["user"].to_numpy(), told, draws)
    for k, eighth in enumerate(whole["by_length"]):
        length = d[group == k]
        eighth |= {
            "rows": len(length),
            "duration": np.median(length),
            "f": f.expected(length).mean(),
        }
    gap = max(abs(eighth["f"] - eighth["completion"]) for eighth in whole["by_length"])
    return (
        {"rows": len(t), "users": log.rows["user"].nunique(), "f_gap": gap}
        | whole
        | {
            "low": low,
            "high": high,
        }
    )


def by_count(log: ImpressionLog) -> dict[str, Any]:
    """Watch time in quarters of the rows by how many impressions of their user were counted before."""
    t, count = seconds_of(log)[0], column(log, "user_impressions")
    quarters = np.array_split(np.argsort(count, kind="stable"), 4)
    return {
        "count": count.mean(),
        "quarters": [t[rows].mean() for rows in quarters],
    }


def estimates(train: ImpressionLog, test: ImpressionLog, seed: int) -> tuple[dict[str, Floats], Floats]:
    """Seconds that every loss predicts for the held-out rows, and D2Q's quantiles of them."""
    encoder = FeatureEncoder().fit(train)
    features, test_features = encoder.transform(train), encoder.transform(test)
    (t, d), duration = seconds_of(train), column(test, "duration")
    scale, positive, batch = float(t.mean()), t > 0, batch_size_for(len(train))
    learn = partial(trained, features, seed=seed, batch_size=batch)
    logs = trained(features[positive], t[positive], wt.log_squared_error, seed, batch)
    plus_one = learn(np.log1p(t), wt.squared_error)
    quantiles = wt.DurationQuantiles.fit(d, t, groups=GROUPS)
    rank = expit(learn(quantiles.targets(d, t), wt.quantile_loss)(test_features))
    geometric, shifted = np.exp(logs(test_features)), np.exp(plus_one(test_features))
    factors = {
        "ln t": wt.smearing_factor(t, np.exp(logs(features))),
        "ln(1 + t)": wt.smearing_factor(1 + t, np.exp(plus_one(features))),
    }
    seconds = {
        "squared error on t": scale * learn(t, partial(wt.squared_error, unit=scale))(test_features),
        "squared error on ln t": geometric,
        "the same, smearing factor": factors["ln t"] * geometric,
        "squared error on ln(1 + t)": shifted - 1,
        "ln(1 + t), smearing factor": factors["ln(1 + t)"] * shifted - 1,
        "without the weight": wt.predicted_watch_time(
            learn(t, partial(wt.geometric_loss, unit=scale))(test_features), scale
        ),
        "D2Q": quantiles.watch_time(duration, rank),
    }
    for unit in UNITS:
        z = learn(t, partial(wt.watch_time_loss, unit=unit))(test_features)
        seconds[f"source, unit {unit:g} s"] = wt.predicted_watch_time(z, unit)
    return seconds, rank


def judged(values: Floats, watched: Floats) -> dict[str, float]:
    """What ``judge`` says where no true mean is known."""
    found = judge(values, watched, watched)
    return {name: found[name] for name in ("level", "mae", "rmse", "xauc", *NO_INTERVAL)}


def completions(train: ImpressionLog, test: ImpressionLog, seed: int) -> dict[str, Floats]:
    """Predicted completion of the held-out rows, and the same divided by what is usual at the length."""
    encoder, (t, d) = FeatureEncoder().fit(train), seconds_of(train)
    labels = completed(t, d)
    head = trained(encoder.transform(train), labels, cross_entropy, seed, batch_size_for(len(train)))
    p = expit(head(encoder.transform(test)))
    return {
        "completion": p,
        "corrected completion": LengthCorrection.fit(d, labels).correct(p, test.rows["duration"]),
    }


def drift(usable: ImpressionLog, seed: int) -> tuple[dict[str, tuple[Floats, ImpressionLog]], float]:
    """Seconds that the loss without the weight predicts for newer rows and for others.

    Returns:
        By kind of rows, predictions and the rows: the held-out newest, the same with the counts of their
        users moved back to the mean that they have in the others, those learnt from, and rows held out at
        random, which another model learnt without. And by how many standard deviations counts had moved.
    """

    def learnt_from(rows: ImpressionLog) -> tuple[FeatureEncoder, Callable[[FeatureTable], Floats]]:
        encoder, t = FeatureEncoder().fit(rows), seconds_of(rows)[0]
        scale = float(t.mean())
        loss = partial(wt.geometric_loss, unit=scale)
        logits = trained(encoder.transform(rows), t, loss, seed, batch_size_for(len(rows)))
        return encoder, lambda features: wt.predicted_watch_time(logits(features), scale)

    train, test = usable.split(0.8, 0.2)
    encoder, predict = learnt_from(train)
    features, newest = encoder.transform(train), encoder.transform(test)
    moved = newest.dense.mean(axis=0) - features.dense.mean(axis=0)  # (columns,), in standard deviations
    of_users = np.array([name.startswith("log_user_") for name in features.columns])
    back = replace(newest, dense=newest.dense - np.where(of_users, moved, 0).astype(np.float32))
    held_out = np.random.default_rng(seed).permutation(len(usable)) < len(test)  # (rows,)
    others, drawn = usable.select(~held_out), usable.select(held_out)
    encoder_of_others, predict_drawn = learnt_from(others)
    return {
        "newest": (predict(newest), test),
        "moved_back": (predict(back), test),
        "learnt_from": (predict(features), train),
        "at_random": (predict_drawn(encoder_of_others.transform(drawn)), drawn),
    }, moved[features.columns.index("log_user_impressions")]


def level_of(values: Floats, log: ImpressionLog) -> Callable[[Rows], float]:
    """Predicted over watched seconds of some rows."""
    watched = seconds_of(log)[0]
    return lambda rows: float(values[rows].mean() / watched[rows].mean())


def run(usable: ImpressionLog, seed: int, draws: int) -> tuple[dict[str, Any], tuple[Any, Any]]:
    """Train with every loss and judge on the held-out rows; with the ends of what varies with users."""
    train, test = usable.split(0.8, 0.2)
    watched, duration = seconds_of(test)
    seconds, rank = estimates(train, test, seed)
    scores = completions(train, test, seed) | {"D2Q": rank}
    rows_by_drift, moved = drift(usable, seed)

    def told(rows: Rows) -> dict[str, Any]:
        return {
            "methods": {name: judged(values[rows], watched[rows]) for name, values in seconds.items()},
            "with_length": {
                name: rank_correlation(values[rows], duration[rows]) for name, values in scores.items()
            },
        }

    found = told(np.arange(len(test)))
    low, high = over_users(test.rows["user"].to_numpy(), told, draws, seed)
    levels: dict[str, list[float]] = {"value": [], "low": [], "high": []}
    for values, rows in rows_by_drift.values():
        level, user = level_of(values, rows), rows.rows["user"].to_numpy()
        ends = over_users(user, level, draws, seed)
        for end, number in zip(levels, (level(np.arange(len(rows))), *ends), strict=True):
            levels[end].append(float(number))
    drifts = {end: dict(zip(rows_by_drift, numbers, strict=True)) for end, numbers in levels.items()}
    found |= {"seed": seed, "drift": drifts["value"] | {"moved": moved}}
    return found, (low | {"drift": drifts["low"]}, high | {"drift": drifts["high"]})


def measure(seeds: range, draws: int = 300) -> dict[str, Any]:
    """What the log is like, and every loss with every seed."""
    log = real_log()
    times = log.rows["time_ms"].to_numpy()
    known = known_duration(log.rows["duration"])
    usable = log.select(known)
    train, test = usable.split(0.8, 0.2)
    found = [run(usable, seed, draws) for seed in each(seeds)]
    runs = [one for one, _ in found]
    ends = {"low": mean_of([low for _, (low, _) in found]), "high": mean_of([high for _, (_, high) in found])}
    for end in ends.values():
        for numbers in end["methods"].values():
            for name in NO_INTERVAL:
                del numbers[name]
    return {
        "question": "What do watch times look like in a real log, and what do the losses learn from them?",
        "impressions": len(log),
        "days": (times[-1] - times[0]) / 86_400_000,
        "users": len(log.users),
        "unknown_duration": int((~known).sum()),
        "rows": len(usable),
        "held_out": len(test),
        "not_in_the_logarithm": int((seconds_of(train)[0] == 0).sum()),
        "train_mean": seconds_of(train)[0].mean(),
        "test_mean": seconds_of(test)[0].mean(),
        "by_count": {"learnt_from": by_count(train), "newest": by_count(test)},
        "levels": LEVELS,
        "described": described(usable, draws),
        "at_once": described(single_column(log), draws),
        **{
            part: {"value": mean_of([one[part] for one in runs])}
            | {end: numbers[part] for end, numbers in ends.items()}
            for part in ("methods", "with_length", "drift")
        },
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=5)
