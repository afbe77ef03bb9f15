"""Time of a training step by the number of ids: ours, a bare loop, and two libraries' own trainers.

    python -m benchmarks.training [--ids 40000 1000000] [--sweep 20000 200000 2000000 10000000]
                                  [--rows 102400] [--repeats 3] [--threads 1 2] [--seeds 5] [--out FILE]

Every variant takes one pass over the same arrays: 13 fields that share the ids equally, drawn uniformly (the
hardest case for a trainer that touches rows: hardly one repeats within a batch), 8 dense columns, four tasks,
batches of 256 rows. Compared are

- fit dense, fit sparse: ``ranking.training.fit`` of ``MultiTaskModel``, whose table is walked through whole
  in every step, or by the rows of the batch (``sparse=True``), averaging of the weights included;
- loop dense, loop sparse: the same model, loss and optimisers in a bare loop over the same batches, and
  nothing else: no average, schedule, history or check;
- deepctr-torch's ``fit`` and a pass of torch-rechub's ``MTLTrainer``, see ``benchmarks.peers.training``.

Variants take turns in one process, each round in another order; times are those of the whole call, per step,
and ratios are medians of the rounds' ratios. The sweep over ids measures a process each, and its peak memory.
Last comes the loss on held-out rows of a simulated log after one pass, for several seeds: a faster step that
learns less would be no step forward.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.peers.training import BATCH, RATE, DeepCTR, ReChub
from bookwork.command_line import Parser, count, result_file, run, whole_number
from ranking.evaluation.metrics import log_loss
from ranking.logs import TARGETS, FeatureEncoder, FeatureTable
from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
from ranking.simulator import World
from ranking.training import TableExamples, fit, predict_logits, seeded
from ranking.training.lazy_adam import LazyAdam, sparse_tables

FIELDS, COLUMNS = 13, 8
LOSS = WeightedCrossEntropy(TARGETS, masked=False)  # the libraries cannot mask
PEERS = ("deepctr-torch", "torch-rechub")
VARIANTS = ("fit dense", "fit sparse", "loop dense", "loop sparse", *PEERS)
DENSE_UP_TO = 2_000_000
"""Ids up to which the sweep takes the dense way, too."""
FASTER_THAN = {40_000: 2.5, 1_000_000: 12.0}
"""Aims: by ids, how many times the faster library is to take of our time."""
TO_LOOP, GROWTH, FROM, TO = 1.3, 1.5, 20_000, 10_000_000
"""Aims: at most so many times a bare loop; at most so many times as long with ``TO`` ids as with ``FROM``."""


def rows_of(ids: int, rows: int) -> tuple[FeatureTable, NDArray[np.float32]]:
    """Features with so many ids in all, and labels, (rows, targets), that mean nothing."""
    rng = np.random.default_rng(0)
    sizes = (ids // FIELDS,) * FIELDS
    categorical = np.stack([rng.integers(0, size, rows) for size in sizes], axis=1)  # (rows, fields)
    dense = rng.normal(size=(rows, COLUMNS)).astype(np.float32)
    labels = (rng.random((rows, len(TARGETS))) < 0.2).astype(np.float32)
    fields, columns = tuple(f"f{k}" for k in range(FIELDS)), tuple(f"d{k}" for k in range(COLUMNS))
    groups = {"user": fields, "item": (), "statistics": columns, "context": ()}
    return FeatureTable(categorical, dense, fields, columns, sizes, groups), labels


class Ours:
    """The course's model, trained by its ``fit`` or by a bare loop."""

    def __init__(self, features: FeatureTable, sparse: bool, bare: bool, seed: int) -> None:
        self.model = MultiTaskModel.of(features, TARGETS, seed=seed, sparse=sparse)
        self.bare, self.seed = bare, seed

    def train(self, features: FeatureTable, labels: NDArray[np.floating]) -> None:
        """One pass over the rows."""
        examples = TableExamples(features, labels, TARGETS)
        if self.bare:
            self._loop(examples)
        else:
            fit(self.model, examples, LOSS, seed=self.seed, batch_size=BATCH, learning_rate=RATE)

    def _loop(self, examples: TableExamples) -> None:
        lazy = sparse_tables(self.model)
        rest = [part for part in self.model.parameters() if not any(part is table for table in lazy)]
        optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, RATE, weight_decay=0.0, fused=True)
        ]
        if lazy:
            optimisers.append(LazyAdam(lazy, RATE))
        self.model.train()
        for ids, dense, labels in examples.batches(BATCH, torch.Generator().manual_seed(self.seed)):
            loss = LOSS(self.model(ids, dense), labels)
            for optimiser in optimisers:
                optimiser.zero_grad()
            loss.backward()
            for optimiser in optimisers:
                optimiser.step()

    def predict(self, features: FeatureTable) -> NDArray[np.floating]:
        """Rates, (rows, tasks)."""
        return 1.0 / (1.0 + np.exp(-predict_logits(self.model, features)))


def built(variant: str, features: FeatureTable, seed: int = 0) -> Ours | DeepCTR | ReChub:
    """A model that has not learnt yet."""
    if variant in PEERS:
        return (DeepCTR if variant == "deepctr-torch" else ReChub)(features, len(TARGETS), seed)
    how, table = variant.split()
    return Ours(features, table == "sparse", how == "loop", seed)


def side_by_side(ids: int, rows: int, repeats: int, threads: int) -> dict[str, Any]:
    """Milliseconds per step of all variants, which take turns; and the medians of the rounds' ratios."""
    torch.set_num_threads(threads)
    features, labels = rows_of(ids, rows)
    for variant in VARIANTS:  # what is paid once in a process
        built(variant, features).train(features[: 2 * BATCH], labels[: 2 * BATCH])
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    order = random.Random(0)
    for _ in range(repeats):
        for variant in order.sample(VARIANTS, len(VARIANTS)):
            model = built(variant, features)
            began = time.perf_counter()
            model.train(features, labels)
            seconds[variant].append(time.perf_counter() - began)
    steps = -(-rows // BATCH)
    best = min(("fit dense", "fit sparse"), key=lambda variant: statistics.median(seconds[variant]))

    def ratio(variant: str, to: str) -> float:
        return statistics.median(a / b for a, b in zip(seconds[variant], seconds[to], strict=True))

    return {
        "ids": ids,
        "threads": threads,
        "ms": {variant: 1e3 * statistics.median(times) / steps for variant, times in seconds.items()},
        "best": best,
        "faster_peer": min(ratio(peer, best) for peer in PEERS),
        "to_bare_loop": {table: ratio(f"fit {table}", f"loop {table}") for table in ("dense", "sparse")},
    }


def alone(ids: int, table: str, rows: int, threads: int) -> dict[str, float]:
    """Milliseconds of a step of ``fit``, what comes once, and the peak memory, of this process."""
    from benchmarks.streaming import peak_mb, warm_up

    torch.set_num_threads(threads)
    warm_up()
    features, labels = rows_of(ids, rows)
    examples = TableExamples(features, labels, TARGETS)
    before = peak_mb()
    model = MultiTaskModel.of(features, TARGETS, sparse=table == "sparse")
    began = time.perf_counter()
    history = fit(model, examples, LOSS, seed=0, batch_size=BATCH, learning_rate=RATE)
    once = time.perf_counter() - began - history.seconds
    return {"ms": 1e3 * history.seconds / history.steps, "once_s": once, "mb": peak_mb() - before}


def sweep(sizes: list[int], rows: int, repeats: int, threads: int) -> list[dict[str, Any]]:
    """The same by the number of ids, a process for each measurement; they take turns, medians are kept."""
    cases = [(ids, "sparse") for ids in sizes] + [(ids, "dense") for ids in sizes if ids <= DENSE_UP_TO]
    found: dict[tuple[int, str], list[dict[str, float]]] = {case: [] for case in cases}
    for _ in range(repeats):
        for ids, table in cases:
            command = [sys.executable, "-m", "benchmarks.training", "--alone", table, "--ids", str(ids)]
            command += ["--rows", str(rows), "--threads", str(threads)]
            printed = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
            found[ids, table].append(json.loads(printed))
    return [
        {"ids": ids, "table": table, "threads": threads}
        | {what: statistics.median(run[what] for run in runs) for what in runs[0]}
        for (ids, table), runs in found.items()
    ]


def held_out_losses(seeds: int, rows: int = 200_000) -> list[dict[str, Any]]:
    """Log loss of the tasks, summed, on the newest fifth of a log, after a pass over the rest."""
    older, newer = World.build(seed=0).simulate(rows, seed=0).with_statistics().split(0.8, 0.2)
    encoder = FeatureEncoder().fit(older)
    features, labels = encoder.transform(older), older.labels(TARGETS)
    judged, truth = encoder.transform(newer), newer.labels(TARGETS)
    found = []
    for variant in VARIANTS:
        losses = []
        for seed in range(seeds):
            with seeded(seed):
                model = built(variant, features, seed)
                model.train(features, labels)
            rates = np.clip(model.predict(judged), 1e-7, 1 - 1e-7)  # single precision can say 0 or 1
            losses.append(sum(log_loss(truth[:, k], rates[:, k]) for k in range(len(TARGETS))))
        found.append({"variant": variant, "losses": losses})
    return found


def verdict(together: list[dict[str, Any]], by_ids: list[dict[str, Any]]) -> list[str]:
    """Which aims are reached, a line each; those whose sizes were not measured are left out."""
    lines = []
    for ids, aim in FASTER_THAN.items():
        if found := [cell["faster_peer"] for cell in together if cell["ids"] == ids]:
            lines.append(
                _judged(f"{ids:,} ids: the faster library takes {aim:g} times ours", min(found), aim)
            )
    if loops := [cell["to_bare_loop"][cell["best"].split()[1]] for cell in together]:
        lines.append(_judged(f"at most {TO_LOOP} times a bare loop", -max(loops), -TO_LOOP))
    ms = {(row["threads"], row["ids"]): row["ms"] for row in by_ids if row["table"] == "sparse"}
    if grown := [
        ms[threads, TO] / ms[threads, FROM] for threads, ids in ms if ids == TO and (threads, FROM) in ms
    ]:
        lines.append(_judged(f"{TO:,} ids: at most {GROWTH} times {FROM:,} ids", -max(grown), -GROWTH))
    return lines


def _judged(aim: str, found: float, wanted: float) -> str:
    return f"aim ({aim}): {'reached' if found >= wanted else 'MISSED'}, {abs(found):.2f}"


def main() -> None:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--ids", type=count, nargs="+", default=[40_000, 1_000_000])
    parser.add_argument("--sweep", type=count, nargs="*", default=[20_000, 200_000, 2_000_000, 10_000_000])
    parser.add_argument("--rows", type=count, default=102_400)
    parser.add_argument("--repeats", type=count, default=3)
    parser.add_argument("--threads", type=count, nargs="+", default=[1, 2])
    parser.add_argument(
        "--seeds",
        type=whole_number(0),
        default=5,
        help="of the models whose losses are compared; 0 for none",
    )
    parser.add_argument(
        "--alone", choices=("dense", "sparse"), help="measure this in this process, print JSON"
    )
    parser.add_argument("--out", type=result_file, help="result file; none is written without it")
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(alone(options.ids[0], options.alone, options.rows, options.threads[0])))
        return

    together = []
    for threads in options.threads:
        for ids in options.ids:
            cell = side_by_side(ids, options.rows, options.repeats, threads)
            together.append(cell)
            times = ", ".join(f"{name} {ms:.2f}" for name, ms in cell["ms"].items())
            print(f"{ids:>10,} ids, {threads} threads, ms a step: {times}", flush=True)
            loops = ", ".join(f"{table} {ratio:.2f}" for table, ratio in cell["to_bare_loop"].items())
            print(
                f"  {cell['best']}: {cell['faster_peer']:.1f} times the faster library; to the loop: {loops}"
            )
    by_ids = []
    for threads in options.threads:
        for row in sweep(options.sweep, options.rows, options.repeats, threads):
            by_ids.append(row)
            print(
                f"{row['ids']:>10,} ids, {threads} threads, {row['table']:>6}: {row['ms']:.2f} ms a step, "
                f"{row['once_s']:.2f} s once, {row['mb']:.0f} MB",
                flush=True,
            )
    torch.set_num_threads(max(options.threads))
    losses = held_out_losses(options.seeds) if options.seeds else []
    for row in losses:
        spread = statistics.stdev(row["losses"]) if options.seeds > 1 else float("nan")
        print(f"{row['variant']:>14}: held-out loss {statistics.mean(row['losses']):.5f} ± {spread:.5f}")
    print(*verdict(together, by_ids), sep="\n")
    if options.out:
        from bookwork.results import save_results

        settings = {"rows": options.rows, "repeats": options.repeats, "batch": BATCH, "fields": FIELDS}
        measured = {"settings": settings, "side_by_side": together, "by_ids": by_ids, "held_out": losses}
        command = "python -m benchmarks.training " + " ".join(sys.argv[1:])
        save_results(options.out, measured, command=command, seeds=list(range(options.seeds)))


if __name__ == "__main__":
    raise SystemExit(run(Path(__file__).name, main))
