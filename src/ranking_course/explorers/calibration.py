"""The calibration explorer of chapter 3: sampling rate and base rate by slider (claims C1–C6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from bookwork.explorer.base import plain_json
from bookwork.explorer.traits import Share, entries, entry
from ranking import validation
from ranking.calibration import downsampled
from ranking_course.explorers.base import Explorer

_BIN_KEYS = ("predicted", "observed", "count")


def _checked_bins(name: str, run: Mapping[str, Any], kind: str) -> dict[str, Any]:
    bins = entry(name, run, kind)
    name = f"{name}[{kind!r}]"
    kept: dict[str, Any] = {key: list(entries(name, bins, key)) for key in _BIN_KEYS}
    counts = validation.non_negative(f"{name}['count']", kept["count"])
    kept["count"] = [int(count) for count in counts]
    if (counts != kept["count"]).any():
        raise ValueError(f"{name}['count'] must hold whole numbers of rows, got {counts.tolist()}")
    filled = [i for i, count in enumerate(kept["count"]) if count > 0]
    if not filled:
        raise ValueError(f"{name}['count'] must hold at least one row, got {kept['count']}")
    for key in ("predicted", "observed"):
        if len(kept[key]) != len(kept["count"]):
            raise ValueError(
                f"{name}[{key!r}] must have one value per bin: {len(kept[key])} for {len(kept['count'])}"
            )
        validation.probabilities(f"{name}[{key!r}] where rows are", [kept[key][i] for i in filled])
        # Nothing is drawn for an empty bin, and JSON has no NaN.
        kept[key] = [value if kept["count"][i] > 0 else None for i, value in enumerate(kept[key])]
    for key in ("ece", "log_loss"):
        kept[key] = float(validation.non_negative(f"{name}[{key!r}]", entry(name, bins, key)))
    return kept


def checked_recording(recorded: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Recorded trainings, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"rates": [...], "runs": [...], "base_rate": share of positives}`` and optionally
            ``"observed_is"`` (text of the observed axis) and ``"truth": {"log_loss", "auc"}``. A run is
            ``{"rate", "seed", "rows", "train_seconds", "auc", "raw": bins, "calibrated": bins}``, and bins
            are ``{"predicted", "observed", "count", "ece", "log_loss"}`` with lists of one length, None where
            a bin has no rows.

    Returns:
        Plain JSON data, or None for None.

    Raises:
        ValueError: naming the entry that is missing or not allowed.
    """
    if recorded is None:
        return None
    rates = [validation.rate("recorded['rates']", rate) for rate in entries("recorded", recorded, "rates")]
    runs = []
    for i, run in enumerate(entries("recorded", recorded, "runs")):
        name = f"recorded['runs'][{i}]"
        validation.one_of(f"{name}['rate']", entry(name, run, "rate"), tuple(rates))
        seconds = validation.number(f"{name}['train_seconds']", entry(name, run, "train_seconds"))
        if seconds <= 0.0:
            raise ValueError(f"{name}['train_seconds'] must be above 0, got {seconds}")
        runs.append(
            {
                "rate": float(run["rate"]),
                "seed": entry(name, run, "seed"),
                "rows": validation.positive_int(f"{name}['rows']", entry(name, run, "rows")),
                "train_seconds": seconds,
                "auc": float(validation.probabilities(f"{name}['auc']", entry(name, run, "auc"))),
                "raw": _checked_bins(name, run, "raw"),
                "calibrated": _checked_bins(name, run, "calibrated"),
            }
        )
    without = sorted(set(rates) - {run["rate"] for run in runs})
    if without:
        raise ValueError(f"recorded['runs'] must hold a run for every rate, got none for {without}")
    counts = {len(run[kind]["count"]) for run in runs for kind in ("raw", "calibrated")}
    if len(counts) > 1:
        raise ValueError(f"recorded['runs'] must all have the same number of bins, got {sorted(counts)}")
    base_rate = validation.rate("recorded['base_rate']", entry("recorded", recorded, "base_rate"))
    kept = {"rates": rates, "runs": runs, "base_rate": base_rate}
    if "observed_is" in recorded:
        kept["observed_is"] = str(recorded["observed_is"])
    if "truth" in recorded:
        name = "recorded['truth']"
        checks = {"log_loss": validation.non_negative, "auc": validation.probabilities}
        kept["truth"] = {
            key: float(check(f"{name}[{key!r}]", entry(name, recorded["truth"], key)))
            for key, check in checks.items()
        }
    return plain_json("recorded", kept)


class CalibrationExplorer(Explorer):
    """What down-sampling does to predictions, and what calibration undoes, by slider.

    ``CalibrationExplorer(sampling_rate=0.1, base_rate=0.1, recorded=None)``: the traits ``sampling_rate`` (α,
    from 0.01 to 1) and ``base_rate`` (true share of positives, from 0.01 to 0.5) follow the sliders and can
    be set. ``labels`` may replace its texts, with the ``{names}`` that the default text of that key has.
    ``recorded`` adds measured trainings, see :func:`checked_recording`; without it the two figures
    that follow from the formula alone are shown.
    """

    module = "calibration"
    settings = ("sampling_rate", "base_rate")

    sampling_rate = Share(0.1, 0.01, 1.0, help="α, the share of the negatives that training keeps.").tag(
        sync=True, explorer=True
    )
    base_rate = Share(0.1, 0.01, 0.5, help="True share of positives.").tag(sync=True, explorer=True)
    recorded = traitlets.Dict(None, allow_none=True, help="Recorded trainings.").tag(sync=True, explorer=True)

    def __init__(
        self,
        sampling_rate: float = 0.1,
        base_rate: float = 0.1,
        recorded: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        super().__init__(
            sampling_rate=sampling_rate,
            base_rate=base_rate,
            recorded=recorded,
            **others,
        )

    @traitlets.validate("recorded")
    def _check_recorded(self, proposal: dict[str, Any]) -> dict[str, Any] | None:
        return checked_recording(proposal["value"])

    def describe(self) -> str:
        """The alternative text where none was given."""
        raw = float(downsampled(self.base_rate, self.sampling_rate))
        return self.labels["alt"].format(
            alpha=f"{self.sampling_rate:g}", raw=f"{raw:.0%}", true=f"{self.base_rate:.0%}"
        )
