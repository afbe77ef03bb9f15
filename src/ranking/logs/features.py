"""The four feature groups of claim B1, as arrays and tensors: user, item, statistics, context.

``FeatureEncoder`` learns vocabularies and scales from training rows and makes a ``FeatureTable`` of any log.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ranking import validation
from ranking.logs.impressions import COUNTS, PLAY_TARGETS, TARGETS, ImpressionLog, Impressions, row_selection
from ranking.logs.statistics import DAY_MS, PRIOR_WEIGHT, smoothed

if TYPE_CHECKING:
    import torch

GROUPS = ("user", "item", "statistics", "context")

DEFAULT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "user": tuple(
        "user age_band gender region interest_1 interest_2 followed "
        "user_active_degree is_video_author is_live_streamer register_days_range "
        "follow_user_num_range fans_user_num_range friend_user_num_range".split()
    ),
    "item": ("item", "author", "topic", "tag", "video_type", "upload_type", "music_type"),
    "context": ("hour", "weekday", "scene", "tab"),
}
"""Categorical fields taken when a log has them: first those of the simulator, then those of KuaiRand."""

KNOWN_AFTERWARDS = (*TARGETS, *PLAY_TARGETS, "watch_time", "completion", "follow", "comment", "hate")
"""What is known only after an impression, in the simulator or in KuaiRand: never a feature."""

KNOWN_ELSEWHERE = ("propensity", "mood")
"""What the logging policy or only the user knows: never a feature."""

COUNTED = ("impressions", "clicks", "likes")
LACKING = "log must have what the training rows had; it lacks"

Names = Sequence[str] | None


@dataclass(frozen=True)
class FeatureTable:
    """Features of impressions, ready for a model.

    Attributes:
        categorical: (rows, fields) int64; 0 stands for a value that the training rows did not have.
        dense: (rows, columns) float32, standardised with the training rows; never NaN.
        fields, columns: names along the second axis of each.
        cardinalities: number of codes of each field, the 0 included: the sizes of embedding tables.
        groups: the names of fields and columns in each of the four groups.

    Raises:
        ValueError: shapes and names do not fit, or a code is no whole number from 0 to its cardinality − 1.

    Codes of other whole types are widened and other numbers made float32, here, once.
    """

    categorical: NDArray[np.int64]
    dense: NDArray[np.float32]
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    cardinalities: tuple[int, ...]
    groups: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        codes, dense = validation.integers("categorical", self.categorical), _float32("dense", self.dense)
        names, columns = (validation.names(of, getattr(self, of), empty=True) for of in ("fields", "columns"))
        rows = len(codes) if codes.ndim else 0
        expected = (rows, len(names)), (rows, len(columns))
        if (shapes := (codes.shape, dense.shape)) != expected:
            raise ValueError(f"categorical and dense must have the shapes {expected}, got {shapes}")
        sizes = validation.listed("cardinalities", self.cardinalities)
        if len(sizes) != len(names):
            raise ValueError(f"cardinalities must be one per field, {len(names)}, got {len(sizes)}")
        kept: dict[str, Any] = {"categorical": codes, "dense": dense, "fields": names, "columns": columns}
        kept["cardinalities"] = tuple(
            validation.positive_int(f"cardinalities of {name}", size)
            for name, size in zip(names, sizes, strict=True)
        )
        kept["groups"] = {
            group: validation.names(f"groups[{group!r}]", inside, empty=True)
            for group, inside in validation.mapping("groups", self.groups, "groups to names").items()
        }
        for name, value in kept.items():
            object.__setattr__(self, name, value)
        if len(self):
            low, high = self.categorical.min(axis=0), self.categorical.max(axis=0)  # (fields,)
            if (bad := (low < 0) | (high >= np.array(sizes))).any():
                at = int(np.argmax(bad))
                allowed = f"codes from 0 to {sizes[at] - 1} for {names[at]}"
                raise ValueError(f"categorical must hold {allowed}, got values from {low[at]} to {high[at]}")

    def __len__(self) -> int:
        return len(self.categorical)

    def __getitem__(self, rows: ArrayLike | slice) -> Self:
        """A part of the rows: a slice (no copy), a boolean mask of shape (rows,), or positions in any order.

        One position alone gives one row. A mask that is a Series must be indexed 0, 1, …; or ``ValueError``.
        """
        several = rows
        if not isinstance(rows, (slice, pd.Series)):
            several = np.atleast_1d(validation.as_array("rows", rows))
        chosen = row_selection(several, len(self))
        return replace(self, categorical=self.categorical[chosen], dense=self.dense[chosen])

    def __repr__(self) -> str:
        sizes = f"{len(self):,} rows, {len(self.fields)} fields, {len(self.columns)} dense columns"
        return f"FeatureTable({sizes})"

    @property
    def unseen(self) -> dict[str, int]:
        """Rows per field whose value the training rows did not have (code 0)."""
        return dict(zip(self.fields, (self.categorical == 0).sum(axis=0).tolist(), strict=True))

    @property
    def missing(self) -> dict[str, int]:
        """Rows per dense column whose value was missing in the log (its indicator column is 1)."""
        names = {name: name.removesuffix("_missing") for name in self.columns if name.endswith("_missing")}
        return {of: int(self.dense[:, self.columns.index(name)].sum()) for name, of in names.items()}

    def to_tensors(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """``categorical`` (int64) and ``dense`` (float32) as CPU tensors.

        They share memory with the table, unless it is a slice with a step: then they are copies.
        """
        import torch  # here, so that reading and simulating logs does not load it

        categorical, dense = np.ascontiguousarray(self.categorical), np.ascontiguousarray(self.dense)
        return torch.from_numpy(categorical), torch.from_numpy(dense)


class FeatureEncoder:
    """Turns logs into feature tables, with vocabularies and scales learnt from the training rows only.

    Fit it on training rows *before* down-sampling them: a rate per user or item means what it says only over
    all impressions.

    Categorical fields are looked up by name: first in ``rows``, then in ``users`` or ``items``. The fields
    ``user`` and ``item`` are the ids themselves. Left to the defaults, the encoder takes those of
    ``DEFAULT_FIELDS`` that the log has. Position is none of them: it is not known when a request is scored,
    and a model given it would learn from it (name it in ``context`` to study just that). Nor is ``session``:
    the session to score is one that training never saw. Each value seen in training has its own code from 1
    on, a missing value too; a value not seen has code 0.

    Dense columns are standardised: ``log_duration`` and, where ``items`` has ``publish_ms``, ``log_age_days``
    = ln(1 + days since publication); and of the counts that ``with_statistics`` adds, ln(1 + count) and
    the logarithm of the smoothed rates (clicks + m·prior) / (impressions + m) and (likes + m·prior) /
    (clicks + m), the priors being the rates of the training rows. A log without clicks has effective views in
    their place, and its rates of likes are per impression, too. Where a duration is not known, or an
    item's date of publication lies after its impression, the column holds the training mean (0 after
    standardising) and the column ``…_missing`` holds 1; ``FeatureTable.missing`` counts such rows.

    Args:
        user, item, context: the categorical fields of each group, or None for the defaults.
        prior_weight: m, the number of impressions (of clicks) that the prior counts for.

    Attributes (after ``fit``): ``fields``, ``columns``, ``cardinalities``, ``groups`` as in
    :class:`FeatureTable`, and ``left_out``, the columns of ``users`` and of ``items`` that are not read.
    """

    def __init__(
        self,
        user: Names = None,
        item: Names = None,
        context: Names = None,
        prior_weight: float = PRIOR_WEIGHT,
    ) -> None:
        asked = {"user": user, "item": item, "context": context}
        self._asked: dict[str, tuple[str, ...] | None] = {}
        self._fitted = False
        for group, names in asked.items():
            if isinstance(names, str):
                raise ValueError(f"{group} must be a list of names, got {names!r}: write [{names!r}]")
            self._asked[group] = None if names is None else validation.names(group, names, empty=True)
            for name in self._asked[group] or ():
                if name in KNOWN_AFTERWARDS:
                    raise ValueError(f"{group} must not name an outcome as a feature, got {name!r}")
                if name in KNOWN_ELSEWHERE:
                    raise ValueError(f"{group} must not name what no model gets to know, got {name!r}")
        named = [name for names in self._asked.values() for name in names or ()]
        if twice := {name for name in named if named.count(name) > 1}:
            raise ValueError(f"user, item and context must name a field once, got twice: {', '.join(twice)}")
        self.prior_weight = validation.number("prior_weight", prior_weight, above=0.0)

    def fit(self, log: ImpressionLog) -> Self:
        """Learn vocabularies, priors, means and standard deviations from ``log``; returns self.

        After a fit that failed, the encoder is not fitted.
        """
        self._fitted = False
        if not len(validation.instance("log", log, ImpressionLog)):
            raise ValueError("log must not be empty")
        self._fit_fields(log)
        self._fit_columns(log)
        self.groups = {
            group: tuple(name for name in self.fields + self.columns if self._group_of[name] == group)
            for group in GROUPS
        }
        read = {*self.fields, "user_id", "item_id", "publish_ms", "duration"}
        tables = {"users": log.users, "items": log.items}
        self.left_out = {
            of: tuple(name for name in table if name not in read) for of, table in tables.items()
        }
        self._fitted = True
        return self

    def _fit_fields(self, log: ImpressionLog) -> None:
        """Choose the categorical fields and learn the values of each."""
        self._group_of = {}
        for group, asked in self._asked.items():
            for name in DEFAULT_FIELDS[group] if asked is None else asked:
                if _table_with(log, group, name) is not None:
                    self._group_of[name] = group
                elif asked is not None:
                    what = f"{group} must name columns of the log"
                    raise ValueError(f"{what}, got {name!r}, which it does not have")
        self.fields = tuple(self._group_of)
        self._vocabularies = {}
        for name, group in self._group_of.items():
            values, at = _values(log, group, name)
            occurring = np.flatnonzero(np.bincount(at))
            self._vocabularies[name] = pd.Index(values.iloc[occurring].unique())
        self.cardinalities = tuple(len(self._vocabularies[name]) + 1 for name in self.fields)

    def _fit_columns(self, log: ImpressionLog) -> None:
        """Learn the priors of the rates, and mean and standard deviation of each dense column."""
        first, out_of = ("click", "clicks") if "click" in log.rows else ("effective_view", "impressions")
        seen = int(log.rows[first].sum())
        likes = int(log.rows["like"].sum()) if "like" in log.targets else 0
        liked_of = max(seen, likes) if first == "click" else len(log)
        # one success and one failure on top keep a prior inside (0, 1)
        priors = (seen + 1) / (len(log) + 2), (likes + 1) / (liked_of + 2)
        # of each rate: what is counted, out of what, and its prior
        self._rates = {first.removeprefix("effective_"): (COUNTS[first], "impressions", priors[0])}
        self._rates["like"] = ("likes", out_of, priors[1])
        columns, self._scales = [], {}
        for group, name, values in self._dense(log):
            known = values[~np.isnan(values)]
            mean, spread = (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
            # a column that does not vary stays 0; the bound is far above what rounding leaves
            self._scales[name] = (mean, spread if spread > 1e-9 else 1.0)
            columns += [name, f"{name}_missing"] if group == "item" else [name]
            self._group_of |= dict.fromkeys(columns[-2:] if group == "item" else [name], group)
        self.columns = tuple(columns)

    def transform(self, log: Impressions) -> FeatureTable:
        """The features of every row of ``log``.

        Raises:
            ValueError: the encoder is not fitted, or the log lacks a column that the training rows had.
        """
        validation.instance("log", log, Impressions)
        if unknown := [name for name in ("time_ms", "duration") if name not in log.rows]:
            raise ValueError(f"{LACKING} {', '.join(unknown)}")
        if not self._fitted:
            raise ValueError("encoder must be fitted before transform: call fit(train_log) first")
        categorical = np.empty((len(log), len(self.fields)), dtype=np.int64)  # (rows, fields)
        for column, name in enumerate(self.fields):
            known, at = _values(log, self._group_of[name], name)
            categorical[:, column] = self._vocabularies[name].get_indexer(known)[at] + 1

        dense = np.empty((len(log), len(self.columns)), dtype=np.float32)  # (rows, columns)
        lacking = dict.fromkeys(self._scales)
        for _, name, values in self._dense(log):
            if name not in lacking:
                continue  # a log may know more than the training rows did
            del lacking[name]
            mean, spread = self._scales[name]
            missing = np.isnan(values)
            column = self.columns.index(name)
            dense[:, column] = np.where(missing, 0.0, (values - mean) / spread)
            if f"{name}_missing" in self.columns:
                dense[:, column + 1] = missing
        if lacking:
            raise ValueError(f"{LACKING} the columns for {', '.join(lacking)}")
        return FeatureTable(categorical, dense, self.fields, self.columns, self.cardinalities, self.groups)

    def _dense(self, log: Impressions) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
        """Group, name and values (NaN where missing) of each dense column, before standardising."""
        rows = log.rows
        yield "item", "log_duration", np.log(rows["duration"].to_numpy(dtype=np.float64))
        if "publish_ms" in log.items:
            published = log.items["publish_ms"].to_numpy(dtype=np.float64)  # exact, and NaN where missing
            age = rows["time_ms"].to_numpy(dtype=np.float64) - published[rows["item"].to_numpy()]
            yield "item", "log_age_days", np.log1p(np.where(age >= 0, age, np.nan) / DAY_MS)
        for key in ("user", "item"):
            there = {what: f"{key}_{what}" for what in (*COUNTED, "views") if f"{key}_{what}" in rows}
            # in narrow types the logarithm of a count would have two digits
            counts = {what: rows[name].to_numpy(dtype=np.float64) for what, name in there.items()}
            for what, count in counts.items():
                yield "statistics", f"log_{key}_{what}", np.log1p(count)
            for target, (of, out_of, prior) in self._rates.items():
                if of in counts and out_of in counts:
                    rate = smoothed(counts[of], counts[out_of], prior, self.prior_weight)
                    yield "statistics", f"log_{key}_{target}_rate", np.log(rate)


def _float32(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """Numbers of any type, NaN among them maybe, as float32; infinite where that cannot hold them."""
    array = validation.as_array(name, values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got {array.dtype}")
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def _table_with(log: Impressions, group: str, name: str) -> pd.DataFrame | None:
    """The table of the log that holds a field of a group; None where none does."""
    tables = [log.rows, getattr(log, f"{group}s")] if group in ("user", "item") else [log.rows]
    return next((table for table in tables if name in table), None)


def _values(log: Impressions, group: str, name: str) -> "tuple[pd.Series[Any], NDArray[np.integer[Any]]]":
    """The values that a field has, and for each row of the log where its value stands among them."""
    table = _table_with(log, group, name)
    if table is None:
        raise ValueError(f"{LACKING} the {group} field {name!r}")
    if table is log.rows and name != group:
        return table[name], np.arange(len(log))
    values = table[name]
    if name == group:  # the id itself, which means the same in every log; a position where there is none
        own = getattr(log, f"{group}s")
        values = own[f"{group}_id"] if f"{group}_id" in own else own.index.to_series()
    return values, log.rows[group].to_numpy()
