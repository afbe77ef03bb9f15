"""The chain as a whole: run it, time it, and count what each stage loses (claim A1)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.funnel.candidates import CHANNELS, LARGEST, Candidates, Request, Stage
from ranking.funnel.stages import WEIGHTS, fused_score
from ranking.fusion import top_k
from ranking.logs import TARGETS, ImpressionLog
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

    def __post_init__(self) -> None:
        for name, stage in vars(self).items():
            validation.function(name, stage)

    def __call__(self, request: Request) -> Candidates:
        validation.instance("request", request, Request)
        return self.re_rank(self.rank(self.pre_rank(self.retrieve(request))))

    def trace(self, request: Request) -> Trace:
        """The same, with every stage's candidates and its wall time."""
        validation.instance("request", request, Request)
        started = time.perf_counter()
        after, ended = {STAGES[0]: self.retrieve(request)}, [started, time.perf_counter()]
        for name, stage in zip(STAGES[1:], (self.pre_rank, self.rank, self.re_rank), strict=True):
            after[name] = stage(next(reversed(after.values())))
            ended.append(time.perf_counter())
        return Trace(after, dict(zip(STAGES, np.diff(ended).tolist(), strict=True)))


def requests_from(log: ImpressionLog, n_requests: int, seed: int = 0) -> list[Request]:
    """Requests drawn from the last ones of a log, which must have as many."""
    n_requests = validation.positive_int("n_requests", n_requests)
    needed = ["request", "user", "hour", "weekday", "scene"]
    if missing := set(needed) - {*validation.instance("log", log, ImpressionLog).rows}:
        raise ValueError(f"log.rows must have the columns {needed}, missing: {', '.join(sorted(missing))}")
    rows = log.rows.drop_duplicates("request").tail(10 * n_requests)
    if len(rows) < n_requests:
        raise ValueError(f"n_requests must be at most the {len(rows)} of the log, got {n_requests}")
    chosen = np.random.default_rng(validation.seed("seed", seed)).choice(len(rows), n_requests, replace=False)
    asked = rows[needed[1:]].to_numpy()[chosen]  # (requests, 4)
    return [Request(*map(int, row)) for row in asked]


def true_values(
    world: World, request: Request, items: ArrayLike, weights: Mapping[str, float] = WEIGHTS
) -> Array:
    """The fused score of the true rates, (items,): what every stage tries to guess.

    They are those of single requests in a world that does not drift: a :class:`Request` has no mood and no
    moment.
    """
    for name in validation.mapping("weights", weights):
        validation.one_of("weights", name, TARGETS[1:])
    validation.instance("request", request, Request)
    items = validation.indices("items", items, len(validation.instance("world", world, World).items))
    validation.rows(items=items)
    truth = world.truth(request.user, items, request.hour, request.weekday, request.scene)
    return fused_score({name: getattr(truth, f"p_{name}") for name in ("click", *weights)}, weights)


def truly_best(values: ArrayLike, keep: int) -> NDArray[np.intp]:
    """Positions of the ``keep`` largest values, best first; there must be as many."""
    v = validation.as_floats("values", values)
    validation.rows(values=v)
    return top_k(v, validation.positive_int("keep", keep, most=v.size, of="values"))


def _share_among(best: ArrayLike, items: NDArray[np.int64]) -> float:
    """Share of the truly best items that are among these."""
    at = validation.indices("best", best, LARGEST)
    validation.rows(best=at)
    return float(np.isin(at, items).mean())


def survival(trace: Trace, best: ArrayLike) -> dict[str, float]:
    """Share of the truly best items (positions in the table of items) that are left after each stage."""
    after = validation.instance("trace", trace, Trace).after
    return {name: _share_among(best, state.items) for name, state in after.items()}


def found_shares(candidates: Candidates, best: ArrayLike) -> dict[str, float]:
    """Share of the truly best items that each channel found; channels may overlap."""
    validation.instance("candidates", candidates, Candidates)
    return {name: _share_among(best, candidates.items[candidates.found_by(name)]) for name in CHANNELS}


def value_kept(values: ArrayLike, candidates: Candidates, slots: int) -> float:
    """Best mean value that ``slots`` candidates can have, as a share of the catalogue's, values (items,).

    There must be as many candidates, and something of value in the catalogue: a best mean above 0.
    """
    v = validation.as_floats("values", values)
    validation.rows(values=v)
    items = validation.instance("candidates", candidates, Candidates).items
    slots = validation.positive_int("slots", slots, most=len(items), of="candidates")
    left = v[validation.indices("items of candidates", items, len(v))]
    best = v[truly_best(v, slots)].sum()
    if best <= 0.0:
        raise ValueError(f"values must have a best mean above 0, got a sum of {best:g} over {slots} slots")
    return float(left[truly_best(left, slots)].sum() / best)


def median_seconds(traces: Sequence[Trace]) -> dict[str, float]:
    """Median wall time of each stage."""
    listed = validation.listed("traces", traces)
    if not listed or not all(isinstance(trace, Trace) for trace in listed):
        raise ValueError(f"traces must be at least one Trace, got {traces!r:.80}")
    return {name: float(np.median([trace.seconds[name] for trace in traces])) for name in STAGES}
