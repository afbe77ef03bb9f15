"""What does a test with users promise, and does it keep its word? Chapter 5, over eight worlds.

    python -m experiments.fusion.ab [--seeds 8] [--tests 1000] [--impressions 1000000] [--out FILE]

A has the weights of chapter 1, B adds a worth of watch time, and C a sixth of that. In each world a model
learns from a log of its own; 2,000 requests of its feed are shown each list 500 times, and tests are drawn
from what happened. So the difference of the means is known, and A against A has none.

* **Size.** A pilot of 2,000 requests says how many a test of B against A needs for seconds: from A's list
  alone, and from both. How many tests of these sizes find the difference?
* **Equal relative effects.** Outcomes that are 1% larger: clicks, and seconds.
* **Non-inferiority.** Clicks are lost at random, 0, .5, 1 or 5 in a hundred, and tests with a margin of 1%
  are sized for 0 and for .5. What does "no significant loss" say in a test that is as small as B's seconds
  need it to be?
* **Peeking.** Tests of C against A (seconds) that run for 14 days and are looked at daily: at 1.96, at the
  edges of Pocock and of O'Brien and Fleming, and by the always-valid interval with tau at the difference that
  the test was sized for, and at a third and at three times that.
* **Users.** 2,000 requests of 200 users, who are split; what is one user's falls together. Errors from
  requests, and from users. How much of a user's outcome do earlier requests tell?

Predicted before the run: tests sized by both lists find 80%, those by A alone fewer; a false pass in 2.5% of
the tests with a margin; daily looks at 1.96 are false in 22%, both edges in 5%, the interval in fewer; the
edges of O'Brien and Fleming find 78% and those of Pocock 67% (both computed for normal outcomes). Without
users in the error, daily looks fail with any edges. Takes about four minutes on one core.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.fusion.setting import NEW, OLD, SHOWN, learnt
from experiments.logs import world
from experiments.running import each, mean_or_zero, record
from ranking import fusion
from ranking.evaluation import (
    always_valid_interval,
    requests_for_non_inferiority,
    requests_per_arm,
    sequential_edges,
)
from ranking.funnel.feed import Feed

EDGE = 1.959964  # in standard errors, of 95%
A, B = OLD, NEW
C = OLD | {"watch_time": 0.002}
OUTCOMES = ("click", "watch_time")
REQUESTS, TIMES, USERS = 2_000, 500, 200
MARGIN = 0.01  # of the clicks of A
LOSSES = (0.0, 0.005, 0.01, 0.05)
DAYS, LONGER = 14, 28
TAUS = {"interval": 1.0, "interval, tau / 3": 1 / 3, "interval, 3 tau": 3.0}

Floats = NDArray[np.float64]


def per_request(drawn: dict[str, np.ndarray]) -> dict[str, Floats]:
    """Clicks and seconds of every showing, (showings,)."""
    return {name: drawn[name].sum(axis=1).astype(np.float64) for name in OUTCOMES}


def shown_often(feed: Feed, shown: np.ndarray, times: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Clicks and seconds of each request, shown so many times, (times · requests,)."""
    at_once = np.tile(np.arange(len(shown)), 50)
    parts = [per_request(feed.draw(shown, rng, at_once)) for _ in range(max(times // 50, 1))]
    return {name: np.concatenate([part[name] for part in parts]) for name in OUTCOMES}


def drawn_tests(
    a: Floats, b: Floats, size: int, tests: int, rng: np.random.Generator, days: int = 1
) -> tuple[Floats, Floats]:
    """Differences of means, B less A, and their standard errors after each day, (tests, days) each.

    Each arm gets ``size`` requests a day, drawn from outcomes of A and of B, (showings,) each.
    """
    gaps, errors = [], []
    at_once = max(1, 2_000_000 // (size * days))  # tests drawn together, which bounds the memory
    n = size * np.arange(1.0, days + 1.0)
    for start in range(0, tests, at_once):
        shape = (min(at_once, tests - start), days, size)
        means, variances = [], []
        for outcomes in (a, b):
            x = outcomes[rng.integers(outcomes.size, size=shape, dtype=np.int32)]
            mean = np.cumsum(x.sum(axis=2), axis=1) / n  # (tests, days)
            means.append(mean)
            variances.append((np.cumsum((x**2).sum(axis=2), axis=1) / n - mean**2) / (n - 1.0))
        gaps.append(means[1] - means[0])
        errors.append(np.sqrt(variances[0] + variances[1]))
    return np.concatenate(gaps), np.concatenate(errors)


def share_found(a: Floats, b: Floats, size: int, tests: int, rng: np.random.Generator) -> float:
    """Share of tests that find a difference of means, two-sided, at 5%."""
    gap, error = drawn_tests(a, b, size, tests, rng)
    return float((np.abs(gap) > EDGE * error).mean())


def sizes_and_power(
    feed: Feed, lists: dict[str, np.ndarray], drawn: dict[str, Any], tests: int, rng: np.random.Generator
) -> dict[str, Any]:
    """How many requests a pilot asks for, and how many tests of that size find B's seconds."""
    a, b = (drawn[arm]["watch_time"] for arm in "ab")
    pilot = {arm: float(per_request(feed.draw(lists[arm], rng))["watch_time"].std(ddof=1)) for arm in "ab"}
    spreads = {"of a": pilot["a"], "of both": float(np.hypot(pilot["a"], pilot["b"]) / np.sqrt(2.0))}
    found = {}
    for name, spread in spreads.items():
        size = requests_per_arm(float(b.mean() - a.mean()), spread)
        found[name] = {
            "requests": size,
            "found": share_found(a, b, size, tests, rng),
            "false": share_found(a, a, size, tests, rng),
        }
    return found


def equal_effects(drawn: dict[str, Floats], tests: int, rng: np.random.Generator) -> dict[str, Any]:
    """What 1% more of each outcome needs, and how often it is found."""
    found = {}
    for name, values in drawn.items():
        size = requests_per_arm(0.01 * values.mean(), values.std())
        found[name] = {
            "coefficient_of_variation": values.std() / values.mean(),
            "requests": size,
            "found": share_found(values, 1.01 * values, size, max(tests // 4, 1), rng),
        }
    return found


def count_tests(
    a: Floats, b: Floats, size: int, tests: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """As :func:`drawn_tests` for one look, (tests,) each, where outcomes are a few whole numbers."""
    means, variances = [], []
    for outcomes in (a, b):
        share = np.bincount(outcomes.astype(np.int64)) / outcomes.size
        value = np.arange(share.size)
        times = rng.multinomial(size, share, tests)  # (tests, values)
        means.append(times @ value / size)
        variances.append((times @ value**2 / size - means[-1] ** 2) / (size - 1))
    return means[1] - means[0], np.sqrt(variances[0] + variances[1])


def losses_of_clicks(
    clicks: dict[str, Floats], small: int, tests: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Tests whether clicks were lost: sized for it, and as small as those for seconds."""
    a = clicks["a"]
    margin, spread = MARGIN * float(a.mean()), float(a.std())
    poorer = {str(loss): rng.binomial(a.astype(np.int64), 1.0 - loss).astype(np.float64) for loss in LOSSES}

    def judged(b: Floats, size: int) -> dict[str, float]:
        gap, error = count_tests(a, b, size, tests, rng)
        return {
            "lost": float(1.0 - b.mean() / a.mean()),
            "not significant": float((np.abs(gap) <= EDGE * error).mean()),
            "passed": float(((gap + margin) > EDGE * error).mean()),
        }

    sizes = {
        f"no worse if {loss} is lost": requests_for_non_inferiority(margin, spread, -loss * float(a.mean()))
        for loss in LOSSES[:2]
    }
    sizes = {"any loss of 1%": requests_per_arm(margin, spread)} | sizes | {"as for seconds": small}
    return {
        name: {
            "requests": size,
            "lost": {loss: judged(values, size) for loss, values in poorer.items()},
            "b": judged(clicks["b"], size),
        }
        for name, size in sizes.items()
    }


def edges_for(errors: Floats, tau: float) -> dict[str, Floats]:
    """The edges of |z| by rule, at every look that it may stop at, each (tests or 1, looks)."""
    never = np.full(DAYS - 1, np.inf)
    edges = {
        "one look": np.append(never, EDGE),
        "daily": np.full(DAYS, EDGE),
        **{shape: sequential_edges(DAYS, shape) for shape in ("pocock", "obrien-fleming")},
    }
    two_dimensional = {name: edge[None] for name, edge in edges.items()}
    for name, factor in TAUS.items():
        wide = always_valid_interval(np.zeros_like(errors), errors, factor * tau).high / errors
        two_dimensional[name] = wide[:, :DAYS]
        if name == "interval" and errors.shape[1] > DAYS:
            two_dimensional["interval, 28 days"] = wide
    return two_dimensional


def stopped(gaps: Floats, errors: Floats, tau: float) -> dict[str, dict[str, Any]]:
    """By rule: share of tests that found a difference by each day, its estimate then, and the days needed."""
    found = {}
    for name, edges in edges_for(errors, tau).items():
        looks = edges.shape[1]
        beyond = np.abs(gaps[:, :looks]) > edges * errors[:, :looks]  # (tests, looks)
        ever, first = beyond.any(axis=1), beyond.argmax(axis=1)
        found[name] = {
            "by_day": [float((ever & (first <= day)).mean()) for day in range(looks)],
            "estimate": mean_or_zero(gaps[np.arange(len(gaps)), first][ever]),
            "days": float(np.where(ever, first + 1, looks).mean()),
        }
    return found


def peeking(a: Floats, c: Floats, tests: int, rng: np.random.Generator) -> dict[str, Any]:
    """Tests of C against A, and of A against A, that are looked at daily."""
    effect = float(c.mean() - a.mean())
    size = requests_per_arm(effect, float(np.hypot(a.std(), c.std()) / np.sqrt(2.0)))
    a_day = -(-size // DAYS)
    found: dict[str, Any] = {"effect": effect, "relative_effect": effect / a.mean(), "requests": size}
    for name, other in {"no difference": a, "a difference": c}.items():
        gaps, errors = drawn_tests(a, other, a_day, tests, rng, LONGER)
        found[name] = stopped(gaps, errors, abs(effect))
    return found


def by_user_and_day(values: Floats, user: np.ndarray, day: np.ndarray) -> Floats:
    """Sums of values (requests,) of every user up to each day, (users, days)."""
    sums = np.zeros((user.max() + 1, DAYS))
    np.add.at(sums, (user, day), values)
    return np.asarray(sums.cumsum(axis=1))


def split_errors(
    values: Floats, user: np.ndarray, day: np.ndarray, arm: np.ndarray
) -> tuple[Floats, Floats, Floats]:
    """After each day: the difference of means, its error from requests, that from users, (days,) each.

    ``values``, ``user`` and ``day`` are (requests,), ``arm`` says who is shown B, (users,).
    """
    size = by_user_and_day(np.ones_like(values), user, day)
    total, square = by_user_and_day(values, user, day), by_user_and_day(values**2, user, day)
    means, naive, honest = [], [], []
    for inside in (~arm, arm):
        n = size[inside].sum(axis=0)  # (days,)
        mean = total[inside].sum(axis=0) / n
        users = (size[inside] > 0).sum(axis=0)
        means.append(mean)
        naive.append((square[inside].sum(axis=0) / n - mean**2) / (n - 1.0))
        apart = total[inside] - mean * size[inside]  # (users, days)
        honest.append((apart**2).sum(axis=0) * users / (users - 1.0) / n**2)
    return means[1] - means[0], np.sqrt(naive[0] + naive[1]), np.sqrt(honest[0] + honest[1])


def users_split(feed: Feed, shown: np.ndarray, tests: int, rng: np.random.Generator) -> dict[str, Any]:
    """Tests of A against A with users split: false alarms by error and by rule, and the design effect."""
    users, user = np.unique(feed.requests.user, return_inverse=True)
    found: dict[str, Any] = {"users": len(users), "requests": len(user)}
    days = np.arange(len(user)) % DAYS
    paths: dict[str, list[tuple[Floats, Floats, Floats]]] = {name: [] for name in OUTCOMES}
    for _ in range(tests):
        arm = rng.permutation(len(users)) < len(users) // 2
        day = rng.permutation(days)
        for name, values in per_request(feed.draw(shown, rng)).items():
            paths[name].append(split_errors(values, user, day, arm))
    for name, path in paths.items():
        gaps, naive, honest = (np.stack([test[i] for test in path]) for i in range(3))
        tau = float(EDGE * honest[:, -1].mean())  # what such a test just finds
        found[name] = {
            "design_effect": float((honest[:, -1] ** 2).mean() / (naive[:, -1] ** 2).mean()),
            **{
                by: {rule: stop["by_day"][DAYS - 1] for rule, stop in stopped(gaps, errors, tau).items()}
                for by, errors in {"from requests": naive, "from users": honest}.items()
            },
        }
    return found


def told_by_before(
    before: Feed, during: Feed, lists: list[np.ndarray], draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Squared correlation of what users did in two stretches, each user's excess over the mean."""
    users = np.intersect1d(before.requests.user, during.requests.user)
    squares: dict[str, list[float]] = {name: [] for name in OUTCOMES}
    for _ in range(draws):
        excess = []
        for feed, shown in zip((before, during), lists, strict=True):
            user = feed.requests.user
            at, here = np.searchsorted(users, user), np.isin(user, users)
            at = at[here]
            values = per_request(feed.draw(shown, rng))
            excess.append(
                {n: np.bincount(at, v[here] - v[here].mean(), len(users)) for n, v in values.items()}
            )
        for name in OUTCOMES:
            squares[name].append(float(np.corrcoef(excess[0][name], excess[1][name])[0, 1] ** 2))
    return {name: float(np.mean(found)) for name, found in squares.items()}


def run(seed: int, impressions: int, tests: int) -> dict[str, Any]:
    """One world: sizes of tests, and what tests of these sizes find."""
    its = world(seed)
    log, predictor = learnt(seed, impressions, world_seed=seed)
    rng = np.random.default_rng(seed)

    def shown_by(feed: Feed, weights: dict[str, float]) -> np.ndarray:
        scores = fusion.click_times_rest(feed.predictions(predictor), weights)
        return np.asarray(fusion.top_k(scores, SHOWN))

    feed = Feed.at_end(its, log, REQUESTS, seed=seed)
    lists = {arm: shown_by(feed, weights) for arm, weights in {"a": A, "b": B, "c": C}.items()}
    drawn = {arm: shown_often(feed, shown, TIMES, rng) for arm, shown in lists.items()}
    seconds = sizes_and_power(feed, lists, drawn, tests, rng)
    some = rng.choice(len(log.users), USERS, replace=False)
    few, again = (Feed.at_end(its, log, REQUESTS, seed=s, users=some) for s in (seed, seed + 1_000))
    shown = [shown_by(feed, A) for feed in (again, few)]
    return {
        "seed": seed,
        "means": {arm: {n: float(v.mean()) for n, v in values.items()} for arm, values in drawn.items()},
        "seconds": seconds,
        "one_percent": equal_effects(drawn["a"], tests, rng),
        "clicks": losses_of_clicks(
            {arm: drawn[arm]["click"] for arm in "ab"}, seconds["of both"]["requests"], tests, rng
        ),
        "peeking": peeking(drawn["a"]["watch_time"], drawn["c"]["watch_time"], tests, rng),
        "users": users_split(few, shown[1], max(tests // 2, 1), rng)
        | {"told_by_before": told_by_before(again, few, shown, 20, rng)},
    }


def measure(seeds: range, tests: int = 1_000, impressions: int = 1_000_000) -> dict[str, Any]:
    """So many tests of each kind in every world."""
    return {
        "question": "What does a test with users promise, and does it keep its word?",
        "impressions": impressions,
        "tests": tests,
        "a": A,
        "b": B,
        "c": C,
        "margin": MARGIN,
        "days": DAYS,
        "runs": [run(seed, impressions, tests) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=8)
