"""Can a model learn the fused score from what lists brought, better than weights tuned by hand? Chapter 5.

    python -m experiments.fusion.learnt [--seeds 5] [--trials 250] [--out FILE]

Five worlds, and in each the log, the model and the tuned E2 of ``experiments.fusion.formulas``. In another
10,000 requests of the users that choose, lists of ten out of 100 candidates are shown: in the order of the
old weights plus noise, or in that order itself, which explores nothing. Outcomes are drawn, and what every
item brought, over the chance that somebody looks at its place, is learnt from the five predictions:

- linear, from rates per impression (there E2 is linear, too), from percentiles inside the request, and from
  rates per impression when only the sum of a list is known;
- gradient-boosted trees as scikit-learn has them by default, from either form, and, from rates per
  impression, careful ones: few leaves, never falling in a prediction, stopped by rows held out;
- a network of one hidden layer of 16, stopped by rows held out or after 30 passes, from either.

The scores are judged by the truth on 1,000 requests of fresh users, beside E2 tuned by the truth. How much a
model fits what was chance is measured twice: the correlation of score and realised worth on the rows learnt
from and on rows of the same policy on fresh users, and the worth against E2 on requests learnt from and on
fresh ones.

It was predicted that linear scores from rates per impression come nearest to E2 and never beat it by a per
cent, being the right form; that trees and network need ten times the requests; and that without exploration
they lose most, since nothing tells them of items that were never shown. Takes about four minutes on one core.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.fusion.formulas import FORMULAS, REFERENCE, REST, Case, shown_by, tuned
from experiments.fusion.setting import OLD, SHOWN
from experiments.running import each, record
from ranking import fusion
from ranking.funnel.feed import Feed
from ranking.simulator.policy import draw_slates
from ranking.validation import Array

SIZES = (300, 1_000, 10_000)
OWN, CHECKED = 300, 1_000
"""Requests that a score is judged on: of those learnt from, and of fresh users."""
TEMPERATURE = 0.5
"""Of the noise: the chance of an item follows the old score to the power of 2."""
NOISE, NONE = "old order plus noise", "old order"
POLICIES = {NOISE: SIZES, NONE: SIZES[-1:]}
"""Numbers of requests to learn from, by the policy that shows the lists; many where nothing is explored."""

Inputs = Mapping[str, Array]
Score = Callable[[Inputs], Array]


class Learner(NamedTuple):
    """How a score is learnt: from which form of the predictions, by what, and from lists or items."""

    form: str
    learn: Callable[[fusion.ShownRows, int], Score]
    whole_lists: bool = False


@dataclass(frozen=True)
class Shown:
    """Lists that a policy showed, and the realised worth of every item, (requests, places)."""

    lists: np.ndarray
    worth: Array

    def __getitem__(self, requests: Any) -> Shown:
        return Shown(self.lists[requests], self.worth[requests])


FORMS: Mapping[str, Callable[[Inputs], dict[str, Array]]] = {
    "per impression": fusion.per_impression,
    "percentiles": lambda p: {name: fusion.percentiles(values) for name, values in p.items()},
}


def linear(rows: fusion.ShownRows, seed: int) -> Score:
    weights = fusion.linear_fusion(rows)
    return lambda inputs: fusion.weighted_sum(inputs, weights)


def of_regression(model: Any) -> Score:
    """A score for all candidates, from a fitted model of scikit-learn for rows."""

    def score(inputs: Inputs) -> Array:
        rows = np.stack([values.ravel() for values in inputs.values()], axis=1)
        return model.predict(rows).reshape(inputs["click"].shape)

    return score


def trees(rows: fusion.ShownRows, seed: int) -> Score:
    model = HistGradientBoostingRegressor(random_state=seed)
    return of_regression(model.fit(rows.inputs, rows.value, rows.weight))


def careful_trees(rows: fusion.ShownRows, seed: int) -> Score:
    model = HistGradientBoostingRegressor(
        max_leaf_nodes=6,
        min_samples_leaf=100,
        monotonic_cst=[1] * len(rows.names),
        early_stopping=True,
        random_state=seed,
    )
    return of_regression(model.fit(rows.inputs, rows.value, rows.weight))


def network(rows: fusion.ShownRows, seed: int) -> Score:
    """Its inputs and its target are standardised, which changes no order; an epoch has a hundred steps."""
    target = (rows.value - rows.value.mean()) / (rows.value.std() or 1.0)
    batch = max(1, len(target) // 100)
    net = MLPRegressor(
        hidden_layer_sizes=(16,),
        batch_size=batch,
        early_stopping=True,
        n_iter_no_change=5,
        max_iter=30,
        random_state=seed,
    )
    model = make_pipeline(StandardScaler(), net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 passes are meant
        return of_regression(model.fit(rows.inputs, target, mlpregressor__sample_weight=rows.weight))


LEARNERS = {
    "linear": Learner("per impression", linear),
    "linear, whole lists": Learner("per impression", linear, whole_lists=True),
    "linear, percentiles": Learner("percentiles", linear),
    "trees": Learner("per impression", trees),
    "trees, percentiles": Learner("percentiles", trees),
    "careful trees": Learner("per impression", careful_trees),
    "network": Learner("per impression", network),
    "network, percentiles": Learner("percentiles", network),
}


def show(feed: Feed, p: Inputs, policy: str, rng: np.random.Generator) -> Shown:
    """Lists by a policy, and outcomes drawn from the truth."""
    old = fusion.click_times_rest(p, OLD)
    lists = shown_by(old)
    if policy == NOISE:
        lists, _ = draw_slates(np.log(old) / TEMPERATURE, SHOWN, rng)
    drawn = feed.draw(lists, rng)
    worth = drawn["click"] + sum(price * drawn[name] for name, price in REST.items())
    return Shown(lists, np.asarray(worth, dtype=np.float64))


def correlation(score: Array, shown: Shown, looks: Array) -> float:
    """Between the score and the realised worth of the items shown, which count as in learning."""
    x = np.take_along_axis(score, shown.lists, axis=1)  # (requests, places)
    y = shown.worth / looks
    share = np.broadcast_to(looks, y.shape) / (looks.sum() * len(y))
    x, y = x - (share * x).sum(), y - (share * y).sum()
    spread = np.sqrt((share * x**2).sum() * (share * y**2).sum())
    return float((share * x * y).sum() / spread) if spread else 0.0


@dataclass(frozen=True)
class Asked:
    """Requests to learn from or to check on: predictions in every form, true worth, and that of tuned E2.

    ``worth`` is what each candidate brings at a place that everybody looks at, and ``e2`` a score, both
    (requests, candidates).
    """

    forms: Mapping[str, Inputs]
    worth: Array
    e2: Array
    looks: Array

    @classmethod
    def of(cls, feed: Feed, p: Inputs, weights: Mapping[str, float]) -> Asked:
        worth = fusion.weighted_sum(fusion.per_impression(feed.rates), {"click": 1.0, **REST})
        forms = {name: make(p) for name, make in FORMS.items()}
        return cls(forms, worth, fusion.click_times_rest(p, weights), feed.world.examination(SHOWN))

    def __getitem__(self, requests: Any) -> Asked:
        forms = {
            form: {name: values[requests] for name, values in inputs.items()}
            for form, inputs in self.forms.items()
        }
        return Asked(forms, self.worth[requests], self.e2[requests], self.looks)

    def against_e2(self, score: Array) -> float:
        """Expected worth of the lists of a score, relative to the lists of tuned E2."""
        new, old = (
            fusion.expected_totals(shown_by(each), {"worth": self.worth}, self.looks)["worth"].mean()
            for each in (score, self.e2)
        )
        return float(new / old - 1.0)


def learnt_by(
    learner: Learner, asked: Asked, shown: Shown, fresh: Asked, elsewhere: Shown, seed: int
) -> dict[str, dict[str, float]]:
    """A score learnt from lists shown: its worth and its fit, on requests learnt from and on fresh ones."""
    rows = fusion.shown_rows(
        asked.forms[learner.form], shown.lists, shown.worth, asked.looks, learner.whole_lists
    )
    score = learner.learn(rows, seed)
    some = slice(OWN)
    own, checked = score(asked[some].forms[learner.form]), score(fresh.forms[learner.form])
    return {
        "against E2": {"own": asked[some].against_e2(own), "fresh": fresh.against_e2(checked)},
        "correlation": {
            "own": correlation(own, shown[some], asked.looks),
            "fresh": correlation(checked, elsewhere, fresh.looks),
        },
    }


def run(
    seed: int,
    impressions: int,
    trials: int,
    policies: Mapping[str, Sequence[int]] = POLICIES,
    learners: Sequence[str] = tuple(LEARNERS),
) -> dict[str, Any]:
    """One world: every learner after every policy and every number of requests."""
    case = Case.of(seed, impressions)
    e2 = FORMULAS[REFERENCE]
    x = tuned(e2, case.p["search"], case.judges("worth")["search"], trials, seed)
    weights = dict(zip(e2.bounds, x.tolist(), strict=True))
    its, log = case.fresh.world, case.log
    most = max(max(sizes) for sizes in policies.values())
    learning = Feed.at_end(its, log, most, seed=1_000 + seed, users=case.users)
    checking = Feed.at_end(its, log, CHECKED, seed=2_000 + seed, users=case.others)
    p, fresh_p = (feed.predictions(case.predictor) for feed in (learning, checking))
    every, fresh = Asked.of(learning, p, weights), Asked.of(checking, fresh_p, weights)
    added = np.random.default_rng((seed, 2)).permutation(most)  # the order in which requests are added
    found: dict[str, Any] = {}
    for number, (policy, sizes) in enumerate(policies.items()):
        rng = np.random.default_rng((seed, 3, number))
        shown, elsewhere = show(learning, p, policy, rng), show(checking, fresh_p, policy, rng)
        found[policy] = {
            str(size): {
                name: learnt_by(
                    LEARNERS[name], every[added[:size]], shown[added[:size]], fresh, elsewhere, seed
                )
                for name in learners
            }
            for size in sizes
        }
    return {"seed": seed, "tuned": weights, "learnt": found}


def measure(seeds: range, trials: int = 250, impressions: int = 1_000_000) -> dict[str, Any]:
    """Every learner in every world."""
    return {
        "question": "Can a model learn the fused score from what lists brought?",
        "worlds": list(seeds),
        "impressions": impressions,
        "requests": {"learn": POLICIES, "own": OWN, "fresh": CHECKED},
        "candidates": 100,
        "shown": SHOWN,
        "trials": trials,
        "prices": REST,
        "old": OLD,
        "temperature": TEMPERATURE,
        "runs": [run(seed, impressions, trials) for seed in each(seeds)],
    }


if __name__ == "__main__":
    record(measure, seeds=5)
