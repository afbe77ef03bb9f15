"""What can be asked of a world: its size, its rates, and the parts that are off unless asked for."""

from dataclasses import dataclass

import numpy as np

from ranking import validation
from ranking.simulator.autoplay import Autoplay
from ranking.simulator.conflict import Conflict
from ranking.simulator.drift import Drift
from ranking.simulator.sessions import Sessions

LARGEST_SLATE = 20  # half of the candidates that a request has
LARGEST_WATCH_SIGMA = 5.0  # far above it, exp(σ²) in the mean watch time leaves what float32 can hold
MOST_CODES = int(np.iinfo(np.int32).max)  # users, items and authors are numbered as int32
MOST_TOPICS = int(np.iinfo(np.int16).max)  # topics are kept as int16

RANDOMISED_FROM = ("candidates", "catalogue")
OF_CLICKS = tuple(
    "click_rate like_rate collect_rate share_rate watch_mean watch_sigma examination_decay".split()
)
"""What is asked of a surface with clicks alone."""
OPTIONAL = {"sessions": Sessions, "autoplay": Autoplay, "conflict": Conflict, "drift": Drift}


@dataclass(frozen=True)
class WorldConfig:
    """The size of a world, the rates that its log is to show, and what else is to happen there.

    Attributes:
        n_users, n_items, n_authors, n_topics: how many of each; at most 32,767 topics.
        dim, days: length of the latent vectors of users and items; of the logged time.
        fresh_share: share of the items that are published during the logged time, in [0, 1).
        slate_size: items shown per request.
        randomised_share: share of the requests whose slate is drawn and ordered uniformly, in [0, 1].
        click_rate: clicks / impressions of the log (claim C1: about 10 in 100).
        like_rate, collect_rate, share_rate: each / *clicks* (claim A7).
        watch_mean: mean watch time of a clicked impression, in seconds.
        watch_sigma: spread of ln(watch time) for one user and one item, at most 5.
        examination_decay: η in P(the user looks at position k) = k^(−η); 0 means no position bias.
        sessions: requests come in sessions with a mood, :mod:`ranking.simulator.sessions`; None for single
            requests.
        autoplay: the surface plays at once and has no click, :mod:`ranking.simulator.autoplay`; it brings
            its own rates, and those from ``click_rate`` to ``examination_decay`` must be left out. None for a
            surface of two columns, where a click comes first.
        conflict: scenes in which one target follows other drivers, :mod:`ranking.simulator.conflict`.
        drift: levels and tastes that move over the days, :mod:`ranking.simulator.drift`.
        log_propensities: whether the log has the column ``propensity``, as of a platform that keeps it. The
            truth has it in any case.
        randomised_from: what a randomised slate is drawn from, the request's own "candidates" or the whole
            published "catalogue". From the catalogue its propensities depend on nothing unlogged.

    The rates hold in the mean over logs, before anything drifts; a conflict and sessions are reckoned with.
    """

    n_users: int = 5_000
    n_items: int = 20_000
    n_authors: int = 2_000
    n_topics: int = 24
    dim: int = 16
    days: int = 40
    fresh_share: float = 0.3
    slate_size: int = 10
    randomised_share: float = 0.05
    click_rate: float = 0.10
    like_rate: float = 0.04
    collect_rate: float = 0.03
    share_rate: float = 0.015
    watch_mean: float = 20.0
    watch_sigma: float = 1.4
    examination_decay: float = 0.3
    sessions: Sessions | None = None
    autoplay: Autoplay | None = None
    conflict: Conflict | None = None
    drift: Drift | None = None
    log_propensities: bool = False
    randomised_from: str = "candidates"

    def __post_init__(self) -> None:
        largest = {"n_topics": MOST_TOPICS, "slate_size": LARGEST_SLATE}
        largest |= dict.fromkeys(("n_users", "n_items", "n_authors"), MOST_CODES)
        sizes = ("n_users", "n_items", "n_authors", "n_topics", "dim", "days", "slate_size")
        kept: dict[str, float] = {}
        for name in sizes:
            kept[name] = validation.positive_int(name, getattr(self, name), most=largest.get(name))
        for name in ("click_rate", "like_rate", "collect_rate", "share_rate"):
            kept[name] = validation.rate(name, getattr(self, name))
        for name in ("fresh_share", "randomised_share"):
            kept[name] = validation.number(name, getattr(self, name), least=0.0, most=1.0)
        kept["watch_mean"] = validation.number("watch_mean", self.watch_mean, above=0.0)
        sigma = validation.number("watch_sigma", self.watch_sigma, above=0.0, most=LARGEST_WATCH_SIGMA)
        kept["watch_sigma"] = sigma
        decay = validation.number("examination_decay", self.examination_decay, least=0.0)
        kept["examination_decay"] = decay
        kept["log_propensities"] = validation.flag("log_propensities", self.log_propensities)
        validation.one_of("randomised_from", self.randomised_from, RANDOMISED_FROM)
        for name, value in kept.items():  # plain numbers, whatever type they were given in
            object.__setattr__(self, name, value)
        old = self.n_items - round(self.n_items * self.fresh_share)
        if old < 2 * self.slate_size:
            must = f"leave at least {2 * self.slate_size} items (two slates) published before the log starts"
            given = f"{old} of {self.n_items} with a fresh_share of {self.fresh_share}"
            raise ValueError(f"n_items must {must}, got {given}")
        self._check_parts()

    def _check_parts(self) -> None:
        """What is off unless asked for is of its kind, and the world is large enough for it."""
        for name, kind in OPTIONAL.items():
            if getattr(self, name) is not None:
                validation.instance(name, getattr(self, name), kind)
        for name in OF_CLICKS if self.autoplay is not None else ():
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                given = f"got {getattr(self, name)}"
                raise ValueError(f"{name} must be left out beside autoplay, which has no click; {given}")
        if self.conflict and self.n_topics < 3:
            raise ValueError(f"n_topics must be at least 3 in a world with a conflict, got {self.n_topics}")
        if self.drift and self.drift.tastes > 0.0 and self.dim < 2:
            raise ValueError(f"dim must be at least 2 where tastes drift, got {self.dim}")
        for name in ("start_day", "jump_day"):
            day = getattr(self.drift, name, None)
            if day is not None and day >= self.days:
                raise ValueError(f"drift.{name} must be one of the {self.days} days, from 0, got {day}")
