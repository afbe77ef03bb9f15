"""The calibration explorer of chapter 3: sampling rate and base rate by slider (claims C1–C6)."""

from collections.abc import Mapping
from typing import Any

from bookwork.explorer.schema import anything, array, each, number, optional, plain_json, record, text, whole
from bookwork.explorer.traits import Checked, Share
from ranking import validation
from ranking.calibration import downsampled
from ranking_course.explorers.base import Explorer

_SHARE = number(0.0, 1.0)
_RATE = number(above=0.0, high=1.0)
_BINS = record(
    predicted=each(anything()),
    observed=each(anything()),
    count=array(None, low=0, whole=True),
    ece=number(0.0),
    log_loss=number(0.0),
)


def _bins(name: str, value: Any) -> dict[str, Any]:
    bins = _BINS(name, value)
    counts = bins["count"]
    if not any(counts):
        raise ValueError(f"{name}['count'] must hold at least one row, got {counts}")
    for key in ("predicted", "observed"):
        shares = bins[key]
        if len(shares) != len(counts):
            raise ValueError(f"{name}[{key!r}] must have one value per bin: {len(shares)} for {len(counts)}")
        # Nothing is drawn for an empty bin, and JSON has no NaN.
        bins[key] = [
            _SHARE(f"{name}[{key!r}][{i}]", shares[i]) if count else None for i, count in enumerate(counts)
        ]
    return bins


_RUN = record(
    rate=_RATE,
    seed=plain_json,
    rows=whole(),
    train_seconds=number(above=0.0),
    auc=_SHARE,
    raw=_bins,
    calibrated=_bins,
)
_RECORDING = record(
    rates=each(_RATE),
    runs=each(_RUN),
    base_rate=_RATE,
    observed_is=optional(text()),
    truth=optional(record(log_loss=number(0.0), auc=_SHARE)),
)


def checked_recording(recorded: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Recorded trainings, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"rates": [...], "runs": [...], "base_rate": share of positives}`` and optionally
            ``"observed_is"`` (text of the observed axis) and ``"truth": {"log_loss", "auc"}``. A run is
            ``{"rate", "seed", "rows", "train_seconds", "auc", "raw": bins, "calibrated": bins}``, and bins
            are ``{"predicted", "observed", "count", "ece", "log_loss"}`` with lists of one length, None where
            a bin has no rows.

    Returns:
        Plain JSON data, or None for None. A ValueError names the entry that is missing or not allowed.
    """
    if recorded is None:
        return None
    kept = _RECORDING("recorded", recorded)
    rates, runs = kept["rates"], kept["runs"]
    for i, run in enumerate(runs):
        validation.one_of(f"recorded['runs'][{i}]['rate']", run["rate"], tuple(rates))
    without = sorted(set(rates) - {run["rate"] for run in runs})
    if without:
        raise ValueError(f"recorded['runs'] must hold a run for every rate, got none for {without}")
    counts = {len(run[kind]["count"]) for run in runs for kind in ("raw", "calibrated")}
    if len(counts) > 1:
        raise ValueError(f"recorded['runs'] must all have the same number of bins, got {sorted(counts)}")
    return kept


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
    arguments = ("sampling_rate", "base_rate", "recorded")

    sampling_rate = Share(0.1, 0.01, 1.0, help="α, the share of the negatives that training keeps.")
    base_rate = Share(0.1, 0.01, 0.5, help="True share of positives.")
    recorded = Checked(checked_recording, help="Recorded trainings.")

    def facts(self) -> dict[str, Any]:
        raw = float(downsampled(self.base_rate, self.sampling_rate))
        return {"alpha": f"{self.sampling_rate:g}", "raw": f"{raw:.0%}", "true": f"{self.base_rate:.0%}"}
