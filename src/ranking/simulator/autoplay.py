"""A surface that plays at once: there is no click, only how long an item runs, and what the user makes of it.

What is shown starts by itself. How long it plays is :mod:`ranking.simulator.play_time`: nothing at all, a few
seconds and gone, a stretch of it, or beyond the end, lingering or starting over. With x = ln(d / 60 s) for an
item of d seconds, logged plays go, in the mean over users and items,

    P(leaves early)   = σ(leave₀ + leave₁ x + leave₂ x²)
    seconds, leaving  ~ LogNormal(leave_mu, leave_sigma)
    seconds, staying  ~ LogNormal(watch₀ + watch₁ x, watch_sigma)
    P(starts over)    = σ(replay₀ + replay₁ x), once the end is reached.

The form and the numbers are a fit to aggregates of KuaiRand-Pure (Gao et al., CIKM 2022), whose tabs of one
column play at once; no row of it is used. Around these curves plays differ by their drivers: who cares more
for the item leaves less often and stays longer. :meth:`Curve.solve` takes what the drivers explain out of the
spread, and puts the curves where the logged impressions follow them.

Likes, collects and shares need no click. With r the part of the item that was played,

    P(like | r) = σ(logit) · (floor + (1 − floor) · min(r, 1)^power),

which has a mean in closed form, as min(r, 1)^power has one. Collects go by the numbers of likes: the log says
nothing of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ranking import validation
from ranking.simulator import solving
from ranking.simulator.play_time import PlayTime
from ranking.simulator.play_truth import REACTIONS, Growth, PlayTruth
from ranking.simulator.vocabulary import LARGEST_EFFECT, Floats
from ranking.validation import Array

PLAY_EFFECTS: Mapping[str, Mapping[str, float]] = {
    "click": {"affinity": 2.5, "quality": 0.5, "followed": 0.4, "patience": 4.5},
    "like": {"affinity": 1.5, "quality": 0.8, "followed": 0.8},
    "collect": {"affinity": 1.0, "quality": 0.8, "length": 0.4},
    "share": {"affinity": 0.8, "quality": 0.4, "length": -0.3},
    "watch_time": {"affinity": 0.2, "quality": 0.1, "followed": 0.1},
}
"""As ``EFFECTS``, on this surface: under "click" the logit of staying rather than leaving early. There is no
cover to appeal, and the length is in the curves."""

LARGEST_SIGMA = 5.0
LEAST = 1e-6  # of means and powers, which divide
MOST_STEPS = 100  # of Newton's method, which needs about five
ACCURACY = 1e-9  # of the means that it brings together


@dataclass(frozen=True)
class Autoplay:
    """How items play that start by themselves; see the module for the formulas.

    Attributes:
        zero_rate: proportion of impressions that do not play at all, in [0, 1).
        leave, watch, replay: coefficients of the curves, in powers of ln(d / 60 s): three, two and two.
        leave_mu, leave_sigma, watch_sigma: of ln(seconds); spreads in (0, 5].
        replay_mean: mean play beyond the end where the item starts over, in durations.
        linger_mean: mean play beyond the end where it does not, in seconds.
        like_rate, collect_rate, share_rate: each / *impressions*, in (0, 1].
        like_floor, like_power, share_floor, share_power: how they grow with the part played; floors in
            [0, 1].

    Coefficients and ``leave_mu`` are from −1,000 to 1,000, means and powers from 1e-6 to 1,000.
    """

    zero_rate: float = 0.008
    leave: Sequence[float] = (0.628, -0.023, 0.332)
    leave_mu: float = 1.278
    leave_sigma: float = 1.17
    watch: Sequence[float] = (4.184, 0.517)
    watch_sigma: float = 0.607
    replay: Sequence[float] = (-4.1, -1.92)
    replay_mean: float = 1.53
    linger_mean: float = 2.3
    like_rate: float = 0.0188
    collect_rate: float = 0.01
    share_rate: float = 0.00093
    like_floor: float = 0.25
    like_power: float = 1.0
    share_floor: float = 0.1
    share_power: float = 1.0

    def __post_init__(self) -> None:
        kept: dict[str, object] = {}
        for name, count in (("leave", 3), ("watch", 2), ("replay", 2)):
            given = validation.listed(name, getattr(self, name))
            if len(given) != count:
                raise ValueError(f"{name} must hold {count} coefficients, got {len(given)}")
            kept[name] = tuple(_effect(f"{name}[{k}]", value) for k, value in enumerate(given))
        kept["leave_mu"] = _effect("leave_mu", self.leave_mu)
        for name in ("leave_sigma", "watch_sigma"):
            kept[name] = validation.number(name, getattr(self, name), above=0.0, most=LARGEST_SIGMA)
        for name in ("replay_mean", "linger_mean", "like_power", "share_power"):
            kept[name] = validation.number(name, getattr(self, name), least=LEAST, most=LARGEST_EFFECT)
        for name in ("like_rate", "collect_rate", "share_rate"):
            kept[name] = validation.rate(name, getattr(self, name))
        for name in ("like_floor", "share_floor"):
            kept[name] = validation.number(name, getattr(self, name), least=0.0, most=1.0)
        kept["zero_rate"] = validation.number("zero_rate", self.zero_rate, least=0.0, below=1.0)
        for name, value in kept.items():
            object.__setattr__(self, name, value)

    @property
    def growth(self) -> dict[str, Growth]:
        """How each of ``REACTIONS`` grows with the part played."""
        like, share = Growth(self.like_floor, self.like_power), Growth(self.share_floor, self.share_power)
        return {"like": like, "collect": like, "share": share}


@dataclass(frozen=True, eq=False)
class Curve:
    """How plays go in one world.

    Attributes:
        autoplay: what was asked for.
        leave, watch: (3,) and (2,), the coefficients with which logged plays go as asked.
        watch_sigma: the spread of ln(seconds) that drivers leave, for one user and one item.
        intercepts: of the logits of ``REACTIONS``.
    """

    autoplay: Autoplay
    leave: NDArray[np.float64]
    watch: NDArray[np.float64]
    watch_sigma: float
    intercepts: Mapping[str, float]

    @classmethod
    def solve(cls, autoplay: Autoplay, sums: Mapping[str, Floats], duration: Floats) -> Self:
        """The curve for what drivers add up to over logged impressions; all arrays of one shape.

        Raises:
            ValueError: drivers alone spread the watch time more than ``watch_sigma`` allows, or a rate of
                likes, collects or shares, or the curve ``leave``, cannot be reached.
        """
        stay, watch = (sums[name].ravel().astype(np.float64) for name in ("click", "watch_time"))
        powers = np.vander(_length(duration).ravel().astype(np.float64), 3, increasing=True)  # 1, x, x²
        leave = _fit_logits(powers, -stay, autoplay.leave)
        stays = expit(stay - powers @ leave)  # (impressions,) how much each weighs among those who stay
        line = powers[:, :2]
        explained = np.linalg.lstsq(line * np.sqrt(stays)[:, None], watch * np.sqrt(stays), rcond=None)[0]
        spread = float(np.average((watch - line @ explained) ** 2, weights=stays))
        left = autoplay.watch_sigma**2 - spread
        if left <= 0.0:
            least = f"above {np.sqrt(spread):.3g}, the spread that users and items of this world bring"
            raise ValueError(f"autoplay.watch_sigma must be {least}, got {autoplay.watch_sigma}")
        curve = cls(autoplay, leave, autoplay.watch - explained, float(np.sqrt(left)), {})
        plays = curve._plays(sums, duration)

        def intercept(reaction: str) -> float:
            name, grown = f"{reaction}_rate", autoplay.growth[reaction].mean(plays)

            def mean(b: float) -> Any:
                return np.mean(grown * expit(b + sums[reaction]))

            return solving.intercept(f"autoplay.{name}", getattr(autoplay, name), mean)

        return replace(curve, intercepts={reaction: intercept(reaction) for reaction in REACTIONS})

    def truth(self, sums: Mapping[str, Floats], duration: Floats, shape: tuple[int, ...]) -> PlayTruth:
        """What would happen, for what drivers add up to and seconds that broadcast to ``shape``."""
        whole = {name: expit(np.float32(self.intercepts[name]) + sums[name]) for name in REACTIONS}
        whole = {name: np.broadcast_to(values, shape) for name, values in whole.items()}
        return PlayTruth(self._plays(sums, np.broadcast_to(duration, shape)), whole, self.autoplay.growth)

    def _plays(self, sums: Mapping[str, Floats], duration: Floats) -> PlayTime:
        autoplay, x = self.autoplay, _length(duration)
        return PlayTime(
            p_zero=_constant(autoplay.zero_rate),
            p_leave=expit(_polynomial(self.leave, x) - sums["click"]),
            leave_mu=_constant(autoplay.leave_mu),
            leave_sigma=_constant(autoplay.leave_sigma),
            watch_mu=_polynomial(self.watch, x) + sums["watch_time"],
            watch_sigma=_constant(self.watch_sigma),
            p_replay=expit(_polynomial(autoplay.replay, x)),
            replay_mean=np.float32(autoplay.replay_mean) * duration,
            linger_mean=_constant(autoplay.linger_mean),
            duration=duration,
        )


def _effect(name: str, value: Any) -> float:
    return validation.number(name, value, least=-LARGEST_EFFECT, most=LARGEST_EFFECT)


def _constant(value: float) -> Floats:
    return np.asarray(value, dtype=np.float32)


def _length(duration: Floats) -> Floats:
    return np.asarray(np.log(duration / np.float32(60.0)))


def _polynomial(coefficients: Iterable[float], x: Floats) -> Floats:
    """Σ_k coefficients[k] x^k."""
    total = np.zeros((), dtype=np.float32)
    for coefficient in reversed(list(coefficients)):
        total = total * x + np.float32(coefficient)
    return total


def _fit_logits(columns: Array, offset: Array, curve: Sequence[float]) -> Array:
    """The b at which σ(columns @ b + offset) and σ(columns @ curve) have the same mean with every column.

    That is logistic regression on the probabilities of the curve. Newton's method solves it, from where the
    curve lies once the offset is taken off, with steps halved until they lead downhill; ``columns`` is (rows,
    coefficients), the offset (rows,).

    Raises:
        ValueError: the offsets spread so far that no step helps.
    """
    wanted = expit(columns @ np.asarray(curve))

    def loss(b: Array) -> Any:
        logits = columns @ b + offset
        return np.mean(np.logaddexp(0.0, logits) - wanted * logits)

    b: Array = np.asarray(curve) - np.linalg.lstsq(columns, offset, rcond=None)[0]
    for _ in range(MOST_STEPS):
        p = expit(columns @ b + offset)
        off = columns.T @ (wanted - p) / len(p)
        if np.abs(off).max() < ACCURACY:
            return b
        curvature = columns.T @ (columns * (p * (1 - p))[:, None]) / len(p)
        step, most = np.linalg.lstsq(curvature, off, rcond=None)[0], loss(b) + 1e-12
        while loss(b + step) > most and np.abs(step).max() > ACCURACY:
            step = step / 2
        b = b + step
    raise ValueError(f"autoplay.leave must be a curve that plays of this world can follow, got {curve}")
