"""Every public function, class and method of ``ranking``, found by looking, with an example of each argument.

Examples go by the name of the parameter; ``CALLS`` overrides them for one door. A door without an example
fails the sweep of :mod:`test_hostile_inputs`, which says what to add here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import doors_of_funnel
import doors_of_models
import doors_of_simulator
import doors_of_training
import numpy as np

import ranking
from ranking.evaluation.grouped import grouped_auc
from ranking.fusion import ShownRows, weighted_sum
from ranking.logs import FeatureEncoder

Call = dict[str, Any]

EXEMPT: dict[str, str] = {
    "validation.": "the checks themselves, which test_validation.py holds",
    "logs.kuairand.reading.": "inside load_kuairand, which checks",
    "logs.kuairand.rules.": "inside load_kuairand, which checks",
    "logs.kuairand.files.": "folders and downloads: test_kuairand_files.py spoils their arguments",
    "logs.kuairand.loading.": "needs files: test_kuairand.py spoils its arguments",
    "logs.statistics.smoothed": "takes what was checked before, as it says",
    "evaluation.grouped.GroupedMetric": "a result",
    "evaluation.metrics.Reliability": "a result",
    "progress.progress": "a bar, and no two are the same: test_progress.py spoils its arguments",
    "fusion.formulas.named_predictions": "the check of the formulas",
    "fusion.ranks.lists": "the check of ranks, order and top_k",
    "fusion.ranks.by_place": "takes what `lists` checked",
    **doors_of_models.EXEMPT,
    **doors_of_simulator.EXEMPT,
    **doors_of_funnel.EXEMPT,
    **doors_of_training.EXEMPT,
}
"""Doors that stay out, each with its reason; a dot at the end stands for all that is inside, too."""


@cache
def doors() -> dict[str, Callable[..., Any]]:
    """All public callables with arguments by name, such as "logs.impressions.ImpressionLog.select"."""
    modules = (found.name for found in pkgutil.walk_packages(ranking.__path__, "ranking."))
    every = {name: door for module in modules for name, door in _doors_of(module)}
    return {name: door for name, door in every.items() if parameters(door)}


def exempt(name: str) -> list[str]:
    """The entries of ``EXEMPT`` that a door falls under."""
    return [at for at in EXEMPT if name == at.removesuffix(".") or (at[-1] == "." and name.startswith(at))]


def _doors_of(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, thing in vars(importlib.import_module(module)).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module or not callable(thing):
            continue
        at = f"{module.removeprefix('ranking.')}.{name}"
        if not inspect.isclass(thing):
            yield at, thing
            continue
        if issubclass(thing, (tuple, int)) or getattr(thing, "_is_protocol", False):
            continue  # named tuples are results, flags and protocols are not called
        yield at, thing
        for method, defined in vars(thing).items():
            bound = isinstance(defined, (classmethod, staticmethod))
            if (bound or inspect.isfunction(defined)) and (
                not method.startswith("_") or method in ("__call__", "__getitem__")
            ):
                yield f"{at}.{method}", getattr(thing, method)


def parameters(door: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters by name; ``*args`` and ``**kwargs`` of the doors that take settings are not spoilt."""
    every = inspect.signature(door).parameters.items()
    named = {name: p for name, p in every if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return {} if set(named) == {"self"} else named


class Missing(Exception):
    """An argument without an example."""


def example(name: str) -> Call:
    """A valid call of a door: its arguments by name; those left at a default of None are not in it."""
    given = CALLS.get(name, {})
    call: Call = {}
    for parameter, kind in parameters(doors()[name]).items():
        if parameter in given:
            call[parameter] = given[parameter]
        elif parameter in PASSED_ON:
            continue
        elif parameter == "self":
            kind_of_self = name.rsplit(".", 2)[-2]
            if kind_of_self not in SELVES:
                raise Missing(f"add an object of the class to SELVES of public_doors.py: {kind_of_self}")
            call[parameter] = SELVES[kind_of_self]
        elif kind.default is not kind.empty and not isinstance(kind.default, (bool, int, float, str)):
            continue
        elif kind.default is not kind.empty:
            call[parameter] = kind.default
        elif parameter in NAMES:
            call[parameter] = NAMES[parameter]
        else:
            raise Missing(f"add {parameter!r} to CALLS[{name!r}] or to NAMES of public_doors.py")
    return call | given  # which may hold settings by name, too


# --- examples ---------------------------------------------------------------------------------------

CONFIG, WORLD = doors_of_simulator.CONFIG, doors_of_simulator.WORLD
LOG = WORLD.simulate(400, seed=2).with_statistics().with_topic_history()
ENCODER = FeatureEncoder().fit(LOG)
TABLE = ENCODER.transform(LOG)

TABBED = replace(LOG, rows=LOG.rows.assign(tab=np.arange(len(LOG), dtype=np.int8) % 3))  # as KuaiRand has

LABELS = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
CHANCES = np.array([0.25, 0.5, 0.75, 0.125, 0.5, 0.375])  # a float32 holds them exactly
SECONDS = np.array([3.0, 12.5, 40.0, 7.25, 90.0, 0.5])
SCORES = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 0.0])
RATES = {"click": CHANCES, "like": CHANCES[::-1].copy()}
SHOWN_ROWS: Call = {
    "names": ("click", "like"),
    "inputs": np.array([[0.5, 0.25], [0.125, 0.5], [0.25, 0.75]]),
    "value": np.array([1.0, -0.5, 2.0]),
    "weight": np.array([1.0, 0.5, 0.25]),
}

NAMES: Call = {
    "base_rate": CHANCES,
    "config": CONFIG,
    "days": 2.0,
    "dense": TABLE.dense,
    "effect": 0.5,
    "encoder": ENCODER,
    "exponents": {"click": 1.0, "like": 0.5},
    "features": TABLE,
    "groups": np.array([0, 0, 1, 1, 2, 2]),
    "k": 2,
    "labels": LABELS,
    "log": LOG,
    "logged": CHANCES,
    "logits": SCORES,
    "n_impressions": 20,
    "n_per_arm": 100,
    "predictions": CHANCES,
    "prior_rate": 0.25,
    "probabilities": CHANCES,
    "rewards": SCORES,
    "rng": np.random.default_rng(0),
    "sampling_rate": 0.25,
    "scores": SCORES,
    "seed": 3,
    "spread": 2.0,
    "successes": np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    "table": TABLE,
    "target": CHANCES[::-1].copy(),
    "targets": ("click", "like"),
    "trials": np.array([5.0, 5.0, 5.0, 5.0, 5.0, 5.0]),
    "truth": CHANCES,
    "values": SECONDS,
    "weights": {"click": 1.0, "like": 2.0},
    "window_days": 3.0,
    "world": WORLD,
}
"""Examples by the name of the parameter, wherever it stands."""

SELVES: Call = {
    "FeatureEncoder": ENCODER,
    "GroupedMetric": grouped_auc(np.tile([0.0, 1.0], 3), np.arange(6.0), NAMES["groups"]),
    "FeatureTable": TABLE,
    "ImpressionLog": LOG,
    **doors_of_models.SELVES,
    **doors_of_simulator.SELVES,
    **doors_of_funnel.SELVES,
    **doors_of_training.SELVES,
}
"""An object of each class, to call methods of."""

PASSED_ON = ("description",)
"""Parameters that are only shown: captions."""

CALLS: dict[str, Call] = {
    "evaluation.cuped.adjusted": {"covariate": CHANCES, "mean": 0.5},
    "evaluation.ab_tests.is_non_inferior": {"difference": -0.25, "error": 0.5, "margin": 1.0},
    "evaluation.ab_tests.requests_for_non_inferiority": {"margin": 0.25},
    "evaluation.grouped.grouped_auc": {"weights": "positives"},
    "evaluation.intervals.bootstrap_interval": {"statistic": np.mean, "groups": NAMES["groups"]},
    "evaluation.metrics.expected_auc": {"weights": SECONDS},
    "evaluation.offline.doubly_robust": {"predicted": SECONDS, "expected": SECONDS[::-1].copy(), "clip": 2.0},
    "evaluation.offline.inverse_propensity": {"clip": 2.0},
    "evaluation.sequential.always_valid_interval": {"estimate": SECONDS, "error": CHANCES, "tau": 2.0},
    "evaluation.sequential.crossed_by": {"edges": np.array([3.0, 2.5, 2.0])},
    "evaluation.sequential.sequential_edges": {"looks": 3, "shape": "pocock"},
    "evaluation.offline.slate_propensity": {
        "rewards": SECONDS.reshape(3, 2),
        "target": CHANCES.reshape(3, 2),
        "logged": CHANCES[::-1].reshape(3, 2).copy(),
    },
    "fusion.formulas.click_times_rest": {"predictions": RATES, "weights": {"like": 2.0}},
    "fusion.formulas.commerce_product": {"predictions": RATES},
    "fusion.formulas.contributions": {
        "formula": weighted_sum,
        "predictions": RATES,
        "weights": NAMES["weights"],
    },
    "fusion.formulas.product_of_powers": {"predictions": RATES},
    "fusion.formulas.rank_fusion": {"predictions": RATES},
    "fusion.formulas.weighted_sum": {"predictions": RATES},
    "fusion.learnt.ShownRows": SHOWN_ROWS,
    "fusion.learnt.linear_fusion": {"rows": ShownRows(**SHOWN_ROWS)},
    "fusion.learnt.shown_rows": {
        "predictions": {name: np.stack((rates, rates[::-1])) for name, rates in RATES.items()},
        "shown": np.array([[2, 0, 3], [1, 4, 0]]),
        "worth": np.array([[1.0, 0.0, 2.5], [0.5, 1.0, 0.0]]),
        "examination": CHANCES[:3],
    },
    "fusion.totals.expected_totals": {
        "shown": np.array([2, 0, 3]),
        "outcomes": RATES,
        "examination": CHANCES[:3],
    },
    "fusion.totals.per_impression": {"rates": RATES},
    "logs.features.FeatureTable": vars(TABLE),
    "logs.features.FeatureTable.__getitem__": {"rows": np.array([3, 1, 7])},
    "logs.features.FeatureEncoder.fit": {"self": FeatureEncoder()},
    "logs.features.FeatureEncoder": {"user": ("user",), "item": ("author", "topic"), "context": ("hour",)},
    "logs.impressions.Impressions": {"rows": LOG.rows, "users": LOG.users, "items": LOG.items},
    "logs.impressions.ImpressionLog": {
        "rows": LOG.rows,
        "users": LOG.users,
        "items": LOG.items,
        "truth": LOG.truth,
    },
    "logs.impressions.ImpressionLog.label": {"target": "like"},
    "logs.impressions.ImpressionLog.select": {"rows": np.array([3, 5, 7])},
    "logs.impressions.LoadReport": {"rows_read": 3, "rows_kept": 2, "dropped": {"torn": 1}},
    "logs.impressions.row_selection": {"rows": np.array([3, 1, 7]), "n": 10},
    "logs.kuairand.surfaces.single_column": {"log": TABBED},
    "logs.statistics.counts_before": {
        "codes": np.array([0, 1, 0, 1, 2, 0]),
        "times": np.array([1, 2, 3, 3, 5, 8]),
        "happened": {"clicks": LABELS == 1.0},
    },
    **doors_of_models.CALLS,
    **doors_of_simulator.CALLS,
    **doors_of_funnel.CALLS,
    **doors_of_training.CALLS,
}
"""Examples for one door; in preference to those by name."""
