"""Time and peak memory of the simulator: world, log, statistics, features.

    python benchmarks/simulator.py [--repeats 3] [--rows 10000 100000 1000000]

Every measurement is a process of its own, so that the peak memory is its own, too (imports included). Printed
are medians over the repeats.
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


def measure(rows: int) -> dict[str, float]:
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
    world = timed("world", simulated.build)
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
    parser.add_argument(
        "--once",
        type=command_line.count,
        help="measure this number of rows in this process, print JSON",
    )
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.once)))
        return

    print(f"{'rows':>10}" + "".join(f"{step + ' s':>14}" for step in (*STEPS, "total")) + f"{'peak MB':>12}")
    for rows in options.rows:
        command = [sys.executable, __file__, "--once", str(rows)]
        runs = [
            json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            for _ in range(options.repeats)
        ]
        for run in runs:
            run["total"] = sum(run[step] for step in STEPS)
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        times = "".join(f"{middle[step]:>14.2f}" for step in (*STEPS, "total"))
        print(f"{rows:>10,}{times}{middle['peak_mb']:>12.0f}")


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
