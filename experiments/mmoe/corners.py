"""Where the gates of a hundred models end up, at three learning rates: the picture that opens chapter 4.

    python -m experiments.mmoe.corners [--seeds 100] [--impressions 2000000] [--out FILE]

The setting is that of ``setting.py``; nothing is done against polarization, and the first weights are the
same at every rate. Kept is how much weight each gate gives to each expert, mean over the rows judged on,
before the first step and after the last. The seeds are those of ``often.py``, which counts the polarized
ones. Takes about three minutes on one core.
"""

from __future__ import annotations

from typing import Any

from experiments.mmoe.setting import WORLDS, Setting, Treatment, dealt, described, evaluated, train, untrained
from experiments.running import each, record
from ranking.mmoe import utilisation

RATES = (0.003, 0.01, 0.03)


def measure(seeds: range, impressions: int = 2_000_000) -> dict[str, Any]:
    """Every rate in every world."""
    settings = {world: Setting.build(world, impressions) for world in WORLDS}
    parts = dealt(seeds)
    usual = Treatment()
    runs = []
    for world, rate in each([(world, rate) for world in WORLDS for rate in RATES]):
        setting, some = settings[world], parts[world]
        models = untrained(setting, usual, some), train(setting, usual, some, rate)[0]
        before, after = (utilisation(evaluated(model, setting.judged_on)[1]).round(3) for model in models)
        runs.append({"world": world, "learning_rate": rate, "before": before, "after": after})
    return {
        "question": "Where do gates end up?",
        "setting": described(settings, seeds),
        "impressions": impressions,
        "runs": runs,
    }


if __name__ == "__main__":
    record(measure, seeds=100)
