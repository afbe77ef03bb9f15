"""The seconds that an item plays where it plays at once, without a click, in closed form.

With the chance z nothing plays. Else a first run t₀ is log-normal, of one of two kinds: with the chance π
the user leaves early, else watches. A run that reaches the end, t₀ ≥ d, goes on: with the chance ρ the item
starts over, t = d + Exp(mean r) seconds, else it lingers, t = d + Exp(mean l). With Φ the standard normal
distribution function, e = (ln d − μ) / σ, and sums over the two kinds with weights π and 1 − π,

    P(t₀ ≥ c)         = Σ Φ((μ − ln c) / σ)
    P(t ≥ c)          = (1 − z) P(t₀ ≥ c)                                                      for 0 < c ≤ d
                      = (1 − z) P(t₀ ≥ d) (ρ exp(−(c − d) / r) + (1 − ρ) exp(−(c − d) / l))    for c > d
    E[(t₀/d)ᵃ; t₀<d]  = Σ exp(a (μ − ln d) + a² σ² / 2) Φ(e − a σ)
    E[min(t/d, 1)ᵃ]   = (1 − z) (E[(t₀/d)ᵃ; t₀ < d] + P(t₀ ≥ d))
    E[t]              = (1 − z) (d E[t₀/d; t₀ < d] + P(t₀ ≥ d) (d + ρ r + (1 − ρ) l))

Seconds, μ on the scale of ln seconds. As in :mod:`ranking.simulator.log_normal` nothing is checked here: that
is for those who ask.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, ndtr, ndtri

from ranking.logs.impressions import SKIP_SECONDS
from ranking.simulator import log_normal

EFFECTIVE_SECONDS = 7.0
"""A view is effective from here on, or at the end of an item that lasts no longer (KuaiRand's rule)."""

LONG_SECONDS = 18.0
"""The same for a long view."""

QUANTILE_ACCURACY = 1e-4
"""Quantiles are within this share of the exact ones, in single precision as in double."""

Reals = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class PlayTime:
    """How long each of many impressions plays; the fields broadcast, and constants may be single numbers.

    All results have the shape that the fields broadcast to, and the type that NumPy finds for all of them:
    float32 where all arrays are (Python's own numbers follow them), else float64.

    Attributes:
        p_zero: z, P(nothing plays).
        p_leave: π, P(the first run is of the kind that leaves early | it plays).
        leave_mu, leave_sigma: mean and standard deviation of ln t₀ where the user leaves early.
        watch_mu, watch_sigma: the same where the user watches.
        p_replay: ρ, P(the item starts over | the first run reached its end).
        replay_mean: r, mean seconds beyond the end where it does, above 0.
        linger_mean: l, mean seconds beyond the end where it does not, above 0.
        duration: d, seconds, above 0.
    """

    p_zero: Reals
    p_leave: Reals
    leave_mu: Reals
    leave_sigma: Reals
    watch_mu: Reals
    watch_sigma: Reals
    p_replay: Reals
    replay_mean: Reals
    linger_mean: Reals
    duration: Reals

    def __post_init__(self) -> None:
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        common = np.result_type(*given.values())
        for name, values in given.items():
            object.__setattr__(self, name, np.asarray(values, dtype=common))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape that the fields broadcast to."""
        return np.broadcast_shapes(*(getattr(self, part.name).shape for part in fields(self)))

    def at_least(self, seconds: ArrayLike) -> Reals:
        """P(t ≥ ``seconds``): 1 at 0 and below. The argument broadcasts with the fields."""
        seconds = np.asarray(seconds, dtype=self.duration.dtype)
        with np.errstate(divide="ignore", invalid="ignore"):  # ln 0 and below, replaced by 1
            within = self._first_run(seconds)
        beyond = seconds > self.duration
        if beyond.any():
            past = np.maximum(seconds - self.duration, 0)
            within = np.where(beyond, self._reaches_end * self._runs_on(past), within)
        chance: Reals = (1 - self.p_zero) * within
        if (seconds <= 0).any():
            chance = np.where(seconds <= 0, chance.dtype.type(1), chance)
        return np.broadcast_to(chance, np.broadcast_shapes(self.shape, seconds.shape))

    def reaches(self, share: float) -> Reals:
        """P(t ≥ ``share`` · d), for a share above 0, which may exceed 1."""
        share = float(share)  # not NumPy's, which would make the result double
        if share <= 1.0:
            within = self._reaches_end if share == 1.0 else self._first_run(self.duration, share)
        else:
            within = self._reaches_end * self._runs_on(self.duration * (share - 1.0))
        return np.broadcast_to((1 - self.p_zero) * within, self.shape)

    @cached_property
    def mean(self) -> Reals:
        """E[t] in seconds."""
        beyond = self.p_replay * self.replay_mean + (1 - self.p_replay) * self.linger_mean
        first = self.duration * self._partial_moment(1.0)
        return self._where_played(first + self._reaches_end * (self.duration + beyond))

    def power_mean(self, power: float) -> Reals:
        """E[min(t/d, 1)ᵃ] for a power a above 0."""
        return self._where_played(self._partial_moment(float(power)) + self._reaches_end)

    @cached_property
    def p_effective_view(self) -> Reals:
        """P(t ≥ min(7 s, d))."""
        return self._whole_or(EFFECTIVE_SECONDS)

    @cached_property
    def p_long_view(self) -> Reals:
        """P(t ≥ min(18 s, d))."""
        return self._whole_or(LONG_SECONDS)

    @cached_property
    def p_skip(self) -> Reals:
        """P(t < 3 s)."""
        return 1 - self.at_least(SKIP_SECONDS)

    def quantile(self, level: float) -> Reals:
        """The seconds that are not exceeded with a probability of ``level`` in (0, 1).

        There is no closed form. The quantile of the first run lies between those of its two kinds, and that
        of what comes beyond the end likewise; from there, intervals are halved, all at once, until each is
        narrower than half of ``QUANTILE_ACCURACY`` of its middle.
        """
        level, one = float(level), self.duration.dtype.type(1)
        with np.errstate(divide="ignore", over="ignore"):
            left = (1 - level) / (1 - self.p_zero)  # P(t exceeds it | something plays); above 1 nothing does
            z = -ndtri(np.minimum(left, one - np.finfo(one.dtype).eps))  # finite
            kinds = [np.exp(mu + sigma * z) for mu, sigma in self._kinds]
            inside = left >= self._reaches_end
            past = np.maximum(np.log(self._reaches_end / left), 0)
        ends = [past * self.replay_mean, past * self.linger_mean]
        smallest = np.finfo(one.dtype).tiny
        low = np.where(inside, np.minimum(*kinds), self.duration + np.minimum(*ends))
        high = np.where(
            inside, np.minimum(np.maximum(*kinds), self.duration), self.duration + np.maximum(*ends)
        )
        low, high = np.maximum(np.minimum(low, high), smallest), np.maximum(high, smallest)
        widest = float(np.max(np.log(high) - np.log(low), initial=0.0))
        wanted = one - one.dtype.type(level)
        for _ in range(int(np.ceil(np.log2(max(widest / (QUANTILE_ACCURACY / 2), 1.0))))):
            middle = np.sqrt(low) * np.sqrt(high)
            longer = self.at_least(middle) > wanted
            low, high = np.where(longer, middle, low), np.where(longer, high, middle)
        found: Reals = np.where(left >= 1, 0 * one, np.sqrt(low) * np.sqrt(high))
        return np.broadcast_to(found, self.shape)

    def draw(self, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """What happens: ``watch_time`` in seconds and, as bool, the three :func:`labels`."""
        # as many random numbers whatever happens: what is drawn next does not hang on how plays end
        kind, again, noise, excess = (
            draw(self.shape, dtype=self.duration.dtype)
            for draw in (rng.random, rng.random, rng.standard_normal, rng.standard_exponential)
        )
        zero = kind < self.p_zero
        leaves = kind < self.p_zero + (1 - self.p_zero) * self.p_leave
        noise *= np.where(leaves, self.leave_sigma, self.watch_sigma)
        noise += np.where(leaves, self.leave_mu, self.watch_mu)
        with np.errstate(over="ignore"):  # what is too large for a float has reached the end
            seconds = np.exp(noise, out=noise)
        seconds[zero] = 0
        at = seconds >= self.duration
        duration, p_replay, replay, linger = (
            np.broadcast_to(part, self.shape)[at]
            for part in (self.duration, self.p_replay, self.replay_mean, self.linger_mean)
        )
        seconds[at] = duration + excess[at] * np.where(again[at] < p_replay, replay, linger)
        return {"watch_time": seconds} | labels(seconds, self.duration)

    @property
    def _kinds(self) -> tuple[tuple[Reals, Reals], tuple[Reals, Reals]]:
        return (self.leave_mu, self.leave_sigma), (self.watch_mu, self.watch_sigma)

    def _mixed(self, leaves: Reals, watches: Reals) -> Reals:
        return watches + self.p_leave * (leaves - watches)

    def _where_played(self, mean: Reals) -> Reals:
        return np.broadcast_to((1 - self.p_zero) * mean, self.shape)

    def _first_run(self, seconds: Reals, share: float = 1.0) -> Reals:
        """P(t₀ ≥ ``share`` · ``seconds``)."""
        return self._mixed(*(log_normal.reaches(mu, sigma, seconds, share) for mu, sigma in self._kinds))

    def _runs_on(self, past: Reals) -> Reals:
        """P(t − d ≥ ``past`` | the first run reached the end)."""
        lingers = np.exp(-past / self.linger_mean)
        chance: Reals = lingers + self.p_replay * (np.exp(-past / self.replay_mean) - lingers)
        return chance

    @cached_property
    def _ends(self) -> tuple[Reals, Reals]:
        """(ln d − μ) / σ of the two kinds."""
        leaves, watches = (log_normal.deviations(mu, sigma, self.duration) for mu, sigma in self._kinds)
        return leaves, watches

    @cached_property
    def _reaches_end(self) -> Reals:
        """P(t₀ ≥ d)."""
        return self._mixed(*(ndtr(-end) for end in self._ends))

    def _whole_or(self, seconds: float) -> Reals:
        """P(t ≥ min(``seconds``, d))."""
        within = self._first_run(np.asarray(seconds, dtype=self.duration.dtype))
        if (self.duration < seconds).any():
            within = np.where(self.duration < seconds, self._reaches_end, within)
        return self._where_played(within)

    def _partial_moment(self, power: float) -> Reals:
        """E[(t₀/d)ᵃ; t₀ < d]."""
        parts = zip(self._kinds, self._ends, strict=True)
        return self._mixed(*(_partial_moment(*kind, end, self.duration, power) for kind, end in parts))


def labels(seconds: Reals, duration: Reals) -> dict[str, NDArray[np.bool_]]:
    """The three labels of plays of so many seconds: ``effective_view``, ``long_view`` and ``skip``."""
    return {
        "effective_view": seconds >= np.minimum(duration, EFFECTIVE_SECONDS),
        "long_view": seconds >= np.minimum(duration, LONG_SECONDS),
        "skip": seconds < SKIP_SECONDS,
    }


def _partial_moment(mu: Reals, sigma: Reals, end: Reals, duration: Reals, power: float) -> Reals:
    """E[(t/d)ᵃ; t < d] of one log-normal t, with ``end`` = (ln d − μ) / σ.

    exp(a (μ − ln d) + a² σ²/2) overflows where Φ(e − a σ) is next to 0; there it is the same number as
    exp(−e²/2) · erfcx((a σ − e) / √2) / 2. Where the first form is taken its exponent is at most a² σ²/2,
    cut off at 12.5 by the condition that e − a σ > −5.
    """
    reach = power * sigma
    z = end - reach
    far = z < -5.0
    exponent = power * (mu - np.log(duration)) + reach * reach / 2
    moment: Reals = np.exp(np.minimum(exponent, 13.0)) * ndtr(z)
    if far.any():
        with np.errstate(over="ignore"):
            tail = np.exp(-(end * end) / 2) * erfcx(np.maximum(-z, 0) * z.dtype.type(np.sqrt(0.5))) / 2
        moment = np.where(far, tail, moment)
    return moment
