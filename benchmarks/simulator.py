"""Time and peak memory of the simulator: world, log, statistics, features.

    python benchmarks/simulator.py [--repeats 3] [--rows 10000 100000 1000000] [--worlds plain clicks plays]

The worlds: "plain" with all that is optional off, "clicks" with all of it on but autoplay, "plays" with
autoplay, too, and "funnel", that of chapter 1, of a million items. Every measurement is a process of its own,
so that the peak memory is its own, too (imports included); worlds take turns. Printed are medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bookwork import command_line

STEPS = ("import", "world", "log", "statistics", "features")
WORLDS = ("plain", "clicks", "plays", "funnel")


def config(world: str) -> Any:
    """What is asked of a world of ``WORLDS``."""
    from ranking.logs import TARGETS
    from ranking.simulator import Autoplay, Conflict, Drift, Sessions, WorldConfig

    if world in ("plain", "funnel"):
        return WorldConfig(n_items=1_000_000, n_authors=20_000) if world == "funnel" else WorldConfig()
    return WorldConfig(
        sessions=Sessions(),
        conflict=Conflict(own_taste=True),
        drift=Drift(TARGETS, slope=0.01, walk=0.1, jump_day=20, jump=-0.2, tastes=0.02),
        autoplay=Autoplay() if world == "plays" else None,
        log_propensities=True,
        randomised_from="catalogue",
    )


def measure(world_name: str, rows: int) -> dict[str, float]:
    """Seconds of each step and the peak memory in MB, in this process."""
    seconds = {}

    def timed(step: str, action: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = action()
        seconds[step] = time.perf_counter() - start
        return result

    def load() -> Any:
        from ranking import logs, simulator

        return logs.FeatureEncoder, simulator.World

    encoder, simulated = timed("import", load)
    asked = config(world_name)
    world = timed("world", lambda: simulated.build(asked))
    log = timed("log", lambda: world.simulate(rows))
    log = timed("statistics", lambda: log.with_statistics())
    timed("features", lambda: encoder().fit(log).transform(log))
    return {**seconds, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    try:
        import resource
    except ImportError:  # Windows has no such count
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Measure each size in fresh processes and print a table."""
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=command_line.count, default=3)
    parser.add_argument("--rows", type=command_line.count, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--worlds", choices=WORLDS, nargs="+", default=["plain", "clicks", "plays"])
    parser.add_argument("--once", action="store_true", help="measure here, the first of each; print JSON")
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.worlds[0], options.rows[0])))
        return

    head = "".join(f"{step + ' s':>14}" for step in (*STEPS, "total"))
    print(f"{'world':>8}{'rows':>10}{head}{'peak MB':>12}")
    for rows in options.rows:
        runs: dict[str, list[dict[str, float]]] = {world: [] for world in options.worlds}
        for _ in range(options.repeats):
            for world, found in runs.items():
                command = [sys.executable, __file__, "--once", "--rows", str(rows), "--worlds", world]
                run = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
                found.append({**run, "total": sum(run[step] for step in STEPS)})
        for world, found in runs.items():
            middle = {name: statistics.median(run[name] for run in found) for name in found[0]}
            times = "".join(f"{middle[step]:>14.2f}" for step in (*STEPS, "total"))
            print(f"{world:>8}{rows:>10,}{times}{middle['peak_mb']:>12.0f}")


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
