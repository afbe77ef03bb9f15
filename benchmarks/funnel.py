"""The funnel: search in a large catalogue, diversity, and the whole chain by stage.

    python -m benchmarks.funnel [--items 10000000] [--chain-items 1000000] [--repeats 5]

Search: vectors of 32 numbers around a thousand centres, one query at a time, exact and approximate (with
recall against exact), beside the time that one pass of reading all vectors takes: below that no exact search
can go. Diversity: 50 of 500, against naive versions that choose the same items. Chain: a simulated world,
models trained on its log, one request at a time. Times are medians; everything runs on one thread unless
--threads says otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch

from bookwork import command_line
from ranking import funnel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from experiments.funnel.setting import build

DIM = 32
CENTRES = 1_000
KEEP = 1_500
QUERIES = 20
CHUNK = 500_000


def median_ms(action: Callable[[], Any], repeats: int) -> float:
    """Median wall time in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def clustered_vectors(n: int, rng: np.random.Generator, centres: np.ndarray) -> np.ndarray:
    """Unit vectors around some centres, (n, DIM) float32, made in parts that fit into memory."""
    vectors = np.empty((n, DIM), np.float32)
    for start in range(0, n, CHUNK):
        part = vectors[start : start + CHUNK]
        part[:] = centres[rng.integers(0, len(centres), len(part))]
        part += 0.6 / np.sqrt(DIM) * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def search(n_items: int, repeats: int) -> None:
    """Exact and approximate search."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, DIM), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = clustered_vectors(n_items, rng, centres)
    queries = clustered_vectors(QUERIES, rng, centres)
    flat = vectors.ravel()
    read = median_ms(lambda: np.dot(flat, flat), repeats)  # the leanest way to touch every number
    print(
        f"\nsearch: the best {KEEP:,} of {n_items:,} vectors of {DIM} numbers ({vectors.nbytes / 1e9:.2f} GB)"
    )
    print(f"{'':34}{'ms':>10}{'x one read':>12}{'recall':>9}")
    print(f"{'reading all vectors once':34}{read:>10.2f}{1:>12.2f}")

    exact = funnel.VectorIndex(vectors)
    truth, _ = exact.search(queries, KEEP)

    def report(name: str, index: funnel.VectorIndex) -> None:
        found, _ = index.search(queries, KEEP)
        took = median_ms(lambda: [index.search(query[None], KEEP) for query in queries], repeats) / QUERIES
        print(f"{name:34}{took:>10.2f}{took / read:>12.2f}{funnel.recall(found, truth):>9.3f}")

    report("exact", exact)
    lists = min(4096, max(16, int(np.sqrt(n_items))))
    start = time.perf_counter()
    inverted = funnel.VectorIndex(vectors, lists, probes=1)
    built = time.perf_counter() - start
    for probes in (4, 16, 64):
        inverted.index.nprobe = min(probes, lists)
        report(f"approximate, {min(probes, lists)} of {lists} lists", inverted)
    print(f"building the lists took {built:.1f} s")


def naive_dpp(scores: np.ndarray, similarity: np.ndarray, keep: int, theta: float, window: int) -> list[int]:
    """Every determinant of every candidate, outright."""
    chosen: list[int] = []
    while len(chosen) < keep:
        recent = chosen[-window:]
        left = np.setdiff1d(np.arange(len(scores)), chosen)
        at = np.concatenate((np.tile(recent, (len(left), 1)).astype(int), left[:, None]), axis=1)
        after = np.linalg.slogdet(similarity[at[:, :, None], at[:, None, :]])[1]  # (left,)
        before = np.linalg.slogdet(similarity[np.ix_(recent, recent)])[1] if recent else 0.0
        chosen.append(int(left[np.argmax(theta * scores[left] + (1 - theta) * (after - before))]))
    return chosen


def naive_mmr(scores: np.ndarray, similarity: np.ndarray, keep: int, theta: float, window: int) -> list[int]:
    """Every similarity of every candidate to everything in the window, at every step."""
    chosen: list[int] = []
    left = list(range(len(scores)))
    while len(chosen) < keep:
        recent = chosen[-window:]

        def gain(i: int, recent: list[int] = recent) -> float:
            nearest = max((similarity[i, j] for j in recent), default=0.0)
            return theta * scores[i] - (1 - theta) * nearest

        best = max(left, key=gain)
        chosen.append(best)
        left.remove(best)
    return chosen


def diversity(repeats: int, candidates: int = 500, keep: int = 50, theta: float = 0.8) -> None:
    """MMR and DPP against their naive versions, with a window and without."""
    rng = np.random.default_rng(0)
    vectors, topics = rng.standard_normal((candidates, DIM)), rng.integers(0, 20, candidates)
    # a little of the identity keeps all determinants above rounding, so that naive and fast agree
    similarity = 0.95 * funnel.similarity_of(vectors, topics) + 0.05 * np.eye(candidates)
    scores = rng.random(candidates)
    print(f"\ndiversity: {keep} of {candidates}")
    print(f"{'':34}{'ms':>10}{'naive ms':>12}{'faster':>9}")
    for name, fast, naive in (("MMR", funnel.mmr, naive_mmr), ("greedy DPP", funnel.greedy_dpp, naive_dpp)):
        for window in (10, keep):
            arguments = scores, similarity, keep, theta, window
            if fast(*arguments).tolist() != naive(*arguments):
                raise AssertionError(f"{name} with a window of {window} and its naive version differ")
            ours = median_ms(lambda f=fast, a=arguments: f(*a), repeats)
            theirs = median_ms(lambda f=naive, a=arguments: f(*a), 1)
            print(f"{f'{name}, window {window}':34}{ours:>10.2f}{theirs:>12.1f}{theirs / ours:>8.0f}x")


def chain(n_items: int, impressions: int, repeats: int) -> None:
    """Every stage of single requests."""
    start = time.perf_counter()
    setting = build(n_items, impressions, seed=0)
    built = time.perf_counter() - start
    requests = funnel.requests_from(setting.log, 10 * repeats, seed=0)
    setting.chain(requests[0])  # the first call pays for what is cached
    traces = [setting.chain.trace(request) for request in requests]
    middle = funnel.chain.median_seconds(traces)
    worst = {name: float(np.quantile([t.seconds[name] for t in traces], 0.95)) for name in middle}
    print(f"\nchain: {len(requests)} requests, {n_items:,} items (world, log, models, index: {built:.0f} s)")
    print(f"{'':34}{'ms':>10}{'95% below':>12}{'items in':>10}{'out':>7}")
    came = n_items
    for name in funnel.STAGES:
        out = round(np.mean([len(trace.after[name]) for trace in traces]))
        print(f"{name:34}{1e3 * middle[name]:>10.2f}{1e3 * worst[name]:>12.2f}{came:>10,}{out:>7,}")
        came = out
    total = [sum(trace.seconds.values()) for trace in traces]
    print(f"{'together':34}{1e3 * np.median(total):>10.2f}{1e3 * np.quantile(total, 0.95):>12.2f}")


def main() -> None:
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=command_line.count, default=10_000_000, help="vectors to search")
    parser.add_argument(
        "--chain-items",
        type=command_line.count,
        help="catalogue of the chain; default: --items, at most 1 million",
    )
    parser.add_argument(
        "--impressions",
        type=command_line.count,
        default=600_000,
        help="log that the models learn from",
    )
    parser.add_argument("--repeats", type=command_line.count, default=5)
    parser.add_argument("--threads", type=command_line.count, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    search(options.items, options.repeats)
    diversity(options.repeats)
    chain(options.chain_items or min(options.items, 1_000_000), options.impressions, options.repeats)


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
