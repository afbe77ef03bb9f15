"""Fusing and sorting: 1,000 requests of 500 candidates with 6 terms, in one call per formula.

    python benchmarks/fusion.py [--repeats 15]

Each line stands beside the cost of the sort alone: NumPy's `argsort` of scores that are there already, as
stable as `order`, and the faster one that is not. Printed are medians of process time on one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bookwork import command_line
from ranking import fusion

REQUESTS, CANDIDATES, SHOWN = 1_000, 500, 30
TERMS = ("click", "like", "collect", "share", "completion", "watch_time")


def median_seconds(action: Callable[[], object], repeats: int) -> float:
    """Median process time of ``action`` after one call to warm up."""
    action()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=command_line.count, default=15)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(0)
    p = {name: rng.random((REQUESTS, CANDIDATES)) for name in TERMS}
    p["watch_time"] *= 60.0
    w, beta = dict.fromkeys(TERMS, 1.5), dict.fromkeys(TERMS, 0.7)
    rest = {name: value for name, value in w.items() if name != "click"}
    formulas = {
        "weighted_sum": lambda: fusion.weighted_sum(p, w),
        "click_times_rest": lambda: fusion.click_times_rest(p, rest),
        "product_of_powers": lambda: fusion.product_of_powers(p, w, beta),
        "commerce_product": lambda: fusion.commerce_product(p, beta),
        "rank_fusion": lambda: fusion.rank_fusion(p, w),
    }
    score = fusion.weighted_sum(p, w)
    alone = median_seconds(lambda: np.argsort(-score, axis=-1), repeats)
    stable = median_seconds(lambda: np.argsort(-score, axis=-1, kind="stable"), repeats)
    print(f"{REQUESTS:,} requests of {CANDIDATES} candidates, {len(TERMS)} terms")
    print(f"{'the sort alone':>20} {1e3 * alone:8.1f} ms")
    print(f"{'the same, stable':>20} {1e3 * stable:8.1f} ms")
    print(f"{'':>20} {'fuse, sort all':>22} {f'fuse, first {SHOWN} only':>26}")
    for name, fuse in formulas.items():
        whole = median_seconds(lambda fuse=fuse: fusion.order(fuse()), repeats)
        head = median_seconds(lambda fuse=fuse: fusion.top_k(fuse(), SHOWN), repeats)
        print(
            f"{name:>20} {1e3 * whole:8.1f} ms ({whole / alone:4.1f} x) "
            f"{1e3 * head:14.1f} ms ({head / alone:4.1f} x)"
        )


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
