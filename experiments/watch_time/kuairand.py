"""Chapter 6 on a real log: KuaiRand-Pure, its watch times by length, and what the losses make of them.

    RANKING_KUAIRAND_DIR=FOLDER python -m experiments.watch_time.kuairand [--seeds 5] [--out FILE]

Needs the data (see the README); without it the script says so and leaves the recorded results as they are.
All impressions with a known duration count, clicked or not, as most tabs play at once. The older 80% are
learnt from, the newer 20% judged on. Only the first weights and the order of the rows change with the seed.
Takes about a minute on two cores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit

from experiments.kuairand import batch_size_for, real_log
from experiments.logs import column, groups_by_size
from experiments.running import each, record
from experiments.watch_time.completion import rank_correlation
from experiments.watch_time.losses import GROUPS, judge, trained
from ranking import watch_time as wt
from ranking.logs import FeatureEncoder, ImpressionLog
from ranking.logs.features import FeatureTable
from ranking.watch_time.completion import LengthCorrection, completed, known_duration, share_played

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
UNITS = (1.0, 60.0, 3600.0)
LENGTHS = 8


def seconds_of(log: ImpressionLog) -> tuple[np.ndarray, np.ndarray]:
    """Watch times and durations."""
    return column(log, "watch_time"), column(log, "duration")


def described(log: ImpressionLog) -> dict[str, Any]:
    """Watch time, share played and completion as they are, over all rows and by length."""
    t, d = seconds_of(log)
    played, done = share_played(t, d), completed(t, d)
    group = groups_by_size(d, LENGTHS)
    f = LengthCorrection.fit(d, done)
    return {
        "mean": t.mean(),
        "quantiles": dict(zip(map(str, LEVELS), np.quantile(t, LEVELS), strict=True)),
        "not_played": int((t == 0).sum()),
        "longer": played.longer,
        "share_played": played.share.mean(),
        "completion": done.mean(),
        "limits": {f"{unit:g}": wt.source_limit(t, unit) for unit in UNITS},
        "with_length": {
            "watch time": rank_correlation(t, d),
            "share played": rank_correlation(played.share, d),
            "completion": rank_correlation(done, d),
        },
        "by_length": [
            {
                "rows": int((group == k).sum()),
                "duration": np.median(d[group == k]),
                "mean": t[group == k].mean(),
                "quantiles": np.quantile(t[group == k], LEVELS),
                "share_played": played.share[group == k].mean(),
                "completion": done[group == k].mean(),
                "f": f.expected(d[group == k]).mean(),
            }
            for k in range(LENGTHS)
        ],
    }


def by_count(log: ImpressionLog) -> dict[str, Any]:
    """Watch time in quarters of the rows by how many impressions of their user were counted before."""
    t, count = seconds_of(log)[0], column(log, "user_impressions")
    quarters = np.array_split(np.argsort(count, kind="stable"), 4)
    return {
        "count": count.mean(),
        "quarters": [t[rows].mean() for rows in quarters],
    }


def run(train: ImpressionLog, test: ImpressionLog, seed: int) -> dict[str, Any]:
    """Train with every loss, judge on the held-out rows."""
    encoder = FeatureEncoder().fit(train)
    features, test_features = encoder.transform(train), encoder.transform(test)
    (t, d), (watched, duration) = seconds_of(train), seconds_of(test)
    scale, positive, batch = float(t.mean()), t > 0, batch_size_for(len(train))
    learn = partial(trained, features, t, seed=seed, batch_size=batch)
    logs = trained(features[positive], t[positive], wt.log_squared_error, seed, batch)
    quantiles = wt.DurationQuantiles.fit(d, t, groups=GROUPS)
    rank = trained(features, quantiles.targets(d, t), wt.quantile_loss, seed, batch)
    geometric = np.exp(logs(test_features))
    smearing = wt.smearing_factor(t, np.exp(logs(features)))
    seconds = {
        "squared error on t": scale * learn(partial(wt.squared_error, unit=scale))(test_features),
        "squared error on ln t": geometric,
        "the same, smearing factor": smearing * geometric,
        "without the weight": wt.predicted_watch_time(
            learn(partial(wt.geometric_loss, unit=scale))(test_features), scale
        ),
        "D2Q": quantiles.watch_time(duration, expit(rank(test_features))),
    }
    for unit in UNITS:
        z = learn(partial(wt.watch_time_loss, unit=unit))(test_features)
        seconds[f"source, unit {unit:g} s"] = wt.predicted_watch_time(z, unit)
    methods = {name: judge(values, watched, watched) for name, values in seconds.items()}
    for judged in methods.values():  # there is no true mean to compare with
        del judged["rmse_to_mean"]
    return {"seed": seed, "not_in_the_logarithm": int((~positive).sum()), "methods": methods}


def drift(usable: ImpressionLog, seed: int) -> dict[str, float]:
    """Predicted over watched seconds of the loss without the weight, on newer rows and on others.

    Returns:
        That level on the held-out newest rows, on the rows learnt from, and on the newest ones once the
        counts of their users are moved back to the mean that they have in the others; by how many standard
        deviations they had moved; and the level where the held-out rows are drawn at random.
    """

    def learnt(rows: ImpressionLog) -> tuple[FeatureEncoder, Callable[[FeatureTable], np.ndarray]]:
        encoder, t = FeatureEncoder().fit(rows), seconds_of(rows)[0]
        scale = float(t.mean())
        loss = partial(wt.geometric_loss, unit=scale)
        logits = trained(encoder.transform(rows), t, loss, seed, batch_size_for(len(rows)))
        return encoder, lambda features: wt.predicted_watch_time(logits(features), scale)

    def level(seconds: np.ndarray, rows: ImpressionLog) -> float:
        return seconds.mean() / seconds_of(rows)[0].mean()

    train, test = usable.split(0.8, 0.2)
    encoder, predict = learnt(train)
    features, newest = encoder.transform(train), encoder.transform(test)
    moved = newest.dense.mean(axis=0) - features.dense.mean(axis=0)  # (columns,), in standard deviations
    of_users = np.array([name.startswith("log_user_") for name in features.columns])
    back = replace(newest, dense=newest.dense - np.where(of_users, moved, 0).astype(np.float32))
    held_out = np.random.default_rng(seed).permutation(len(usable)) < len(test)  # (rows,)
    others, drawn = usable.select(~held_out), usable.select(held_out)
    encoder_of_others, predict_drawn = learnt(others)
    return {
        "newest": level(predict(newest), test),
        "learnt_from": level(predict(features), train),
        "moved_back": level(predict(back), test),
        "moved": moved[features.columns.index("log_user_impressions")],
        "at_random": level(predict_drawn(encoder_of_others.transform(drawn)), drawn),
    }


def measure(seeds: range) -> dict[str, Any]:
    """What the log is like, and every loss with every seed."""
    log = real_log()
    times = log.rows["time_ms"].to_numpy()
    known = known_duration(log.rows["duration"])
    usable = log.select(known)
    train, test = usable.split(0.8, 0.2)
    return {
        "question": "What do watch times look like in a real log, and what do the losses learn from them?",
        "impressions": len(log),
        "days": (times[-1] - times[0]) / 86_400_000,
        "users": len(log.users),
        "unknown_duration": int((~known).sum()),
        "rows": len(usable),
        "held_out": len(test),
        "train_mean": seconds_of(train)[0].mean(),
        "test_mean": seconds_of(test)[0].mean(),
        "by_count": {"learnt_from": by_count(train), "newest": by_count(test)},
        "levels": LEVELS,
        "described": described(usable),
        "runs": [run(train, test, seed) | {"drift": drift(usable, seed)} for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
