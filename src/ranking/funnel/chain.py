"""The chain as a whole: run it, time it, and count what each stage loses (claim A1)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.funnel.candidates import CHANNELS, Candidates, Request, Stage
from ranking.funnel.stages import WEIGHTS, fused_score
from ranking.fusion import top_k
from ranking.logs import ImpressionLog
from ranking.simulator import World
from ranking.validation import Array

STAGES = ("retrieval", "pre_ranking", "ranking", "re_ranking")
"""The four stages, in order."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What one request left behind: candidates and wall time after each stage, in the order of the chain."""

    after: Mapping[str, Candidates]
    seconds: Mapping[str, float]

    @property
    def slate(self) -> Candidates:
        """What is shown."""
        return self.after[STAGES[-1]]


@dataclass(frozen=True, eq=False)
class Funnel:
    """Retrieval, pre-ranking, ranking, re-ranking: ``funnel(request)`` is what is shown."""

    retrieve: Callable[[Request], Candidates]
    pre_rank: Stage
    rank: Stage
    re_rank: Stage

    def __call__(self, request: Request) -> Candidates:
        return self.re_rank(self.rank(self.pre_rank(self.retrieve(request))))

    def trace(self, request: Request) -> Trace:
        """The same, with every stage's candidates and its wall time."""
        started = time.perf_counter()
        after, ended = {STAGES[0]: self.retrieve(request)}, [started, time.perf_counter()]
        for name, stage in zip(STAGES[1:], (self.pre_rank, self.rank, self.re_rank), strict=True):
            after[name] = stage(next(reversed(after.values())))
            ended.append(time.perf_counter())
        return Trace(after, dict(zip(STAGES, np.diff(ended).tolist(), strict=True)))


def requests_from(log: ImpressionLog, n_requests: int, seed: int = 0) -> list[Request]:
    """Requests drawn from the last ones of a log, which must have as many."""
    validation.positive_int("n_requests", n_requests)
    rows = log.rows.drop_duplicates("request").tail(10 * n_requests)
    if len(rows) < n_requests:
        raise ValueError(f"n_requests must be at most the {len(rows)} of the log, got {n_requests}")
    chosen = np.random.default_rng(seed).choice(len(rows), n_requests, replace=False)
    asked = rows[["user", "hour", "weekday", "scene"]].to_numpy()[chosen]  # (requests, 4)
    return [Request(*map(int, row)) for row in asked]


def true_values(
    world: World, request: Request, items: ArrayLike, weights: Mapping[str, float] = WEIGHTS
) -> Array:
    """The fused score of the true rates, (items,): what every stage tries to guess."""
    truth = world.truth(request.user, items, request.hour, request.weekday, request.scene)
    return fused_score({name: getattr(truth, f"p_{name}") for name in ("click", *weights)}, weights)


def truly_best(values: ArrayLike, keep: int) -> NDArray[np.intp]:
    """Positions of the ``keep`` largest values, best first; there must be as many."""
    return top_k(values, validation.positive_int("keep", keep, most=np.size(values), of="values"))


def _share_among(best: ArrayLike, items: NDArray[np.int64]) -> float:
    """Share of the truly best items that are among these."""
    validation.not_empty("best", best)
    return float(np.isin(best, items).mean())


def survival(trace: Trace, best: ArrayLike) -> dict[str, float]:
    """Share of the truly best items (positions in the table of items) that are left after each stage."""
    return {name: _share_among(best, state.items) for name, state in trace.after.items()}


def found_shares(candidates: Candidates, best: ArrayLike) -> dict[str, float]:
    """Share of the truly best items that each channel found; channels may overlap."""
    return {name: _share_among(best, candidates.items[candidates.found_by(name)]) for name in CHANNELS}


def value_kept(values: ArrayLike, candidates: Candidates, slots: int) -> float:
    """Best mean value that ``slots`` candidates can have, as a share of the catalogue's, values (items,)."""
    v = validation.as_floats("values", values)
    left = v[candidates.items]
    return float(left[truly_best(left, slots)].sum() / v[truly_best(v, slots)].sum())


def median_seconds(traces: Sequence[Trace]) -> dict[str, float]:
    """Median wall time of each stage."""
    validation.not_empty("traces", np.arange(len(traces)))
    return {name: float(np.median([trace.seconds[name] for trace in traces])) for name in STAGES}
