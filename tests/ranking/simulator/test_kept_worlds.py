"""A world with nothing switched on keeps its bits: logs of two worlds against a record of earlier ones.

``kept_worlds.json`` was made by :func:`told` before sessions, drift, conflicts and plays at once came to the
simulator. What is whole or true is kept as a digest, floats as sums, as processors differ by a rounding.
"""

import hashlib
import json
from pathlib import Path

import pytest

from ranking.simulator import World, WorldConfig

WORLDS = json.loads((Path(__file__).parent / "kept_worlds.json").read_text())


def told(log):
    """Digests of the whole and true columns of a log, sums of the others and of its truth, by name."""
    columns = {**log.rows, **log.truth.add_prefix("true ")}
    found = {}
    for name, values in columns.items():
        if values.dtype.kind == "f":
            found[name] = float(values.astype("float64").sum())
        else:
            kept = values.to_numpy()
            little_endian = kept.astype(kept.dtype.newbyteorder("<")).tobytes()
            found[name] = f"{values.dtype} {hashlib.sha256(little_endian).hexdigest()[:16]}"
    return found


@pytest.mark.parametrize("world", WORLDS, ids=["as it comes", "of other sizes and rates"])
def test_a_world_with_nothing_switched_on_keeps_its_bits(world):
    log = World.build(WorldConfig(**world["config"]), world["seed"]).simulate(world["impressions"], seed=7)
    found = told(log)
    assert found.keys() == world["told"].keys()
    for name, kept in world["told"].items():
        assert found[name] == (pytest.approx(kept, rel=1e-6) if isinstance(kept, float) else kept), name
