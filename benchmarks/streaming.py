"""Time and peak memory of training the four-task model, in memory and streamed from Parquet.

    python benchmarks/streaming.py [--rows 100000 1000000 10000000] [--in-memory-up-to 1000000] [--repeats 1]
                                  [--out experiments/multi_task/training_speed.json]

The rows come from the simulator and are written to Parquet first, a log of at most a million impressions at a
time, so that making them needs no more memory either. Every measurement is a process of its own, with a peak
memory of its own; that of a process which only imports is printed for comparison. One pass, four tasks,
after a warm-up.
With --out the table is kept as a record, which chapter 2 shows.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bookwork.command_line import Parser, count, result_file, run, whole_number

PART = 1_000_000
MODES = ("imports", "in memory", "streamed")


def write(folder: Path, rows: int) -> None:
    """Parquet files with ``rows`` rows, encoded by the vocabularies of the first part."""
    from ranking.logs import TARGETS, FeatureEncoder
    from ranking.simulator import World
    from ranking.training.parquet import ParquetWriter

    world, encoder = World.build(seed=0), FeatureEncoder()
    for part, start in enumerate(range(0, rows, PART)):
        log = world.simulate(min(PART, rows - start), seed=part).with_statistics()
        encoder = encoder.fit(log) if part == 0 else encoder
        with ParquetWriter(folder / f"{part:03}.parquet", TARGETS) as writer:
            writer.write(encoder.transform(log), log.labels(TARGETS))


def measure(mode: str, folder: Path, threads: int | None) -> dict[str, Any]:
    """Seconds of one pass, its loss, and the peak memory in MB of this process."""
    import numpy as np
    import torch

    from ranking.logs.features import FeatureTable
    from ranking.multi_task import MultiTaskModel, WeightedCrossEntropy
    from ranking.training import TableExamples, fit
    from ranking.training.parquet import ParquetRows

    if threads:
        torch.set_num_threads(threads)
    if mode == "imports":
        return {"seconds": 0.0, "loss": 0.0, "peak_mb": peak_mb()}
    rows = ParquetRows(folder)
    warm_up()
    model = MultiTaskModel.of(rows, rows.targets, seed=0)
    examples: Any = rows
    if mode == "in memory":
        parts = [np.concatenate(part) for part in zip(*rows.batches(65_536), strict=True)]
        sizes = (rows.fields, rows.columns, rows.cardinalities, rows.groups)
        examples = TableExamples(FeatureTable(parts[0].astype(np.int64), parts[1], *sizes), parts[2])
    started = time.perf_counter()
    history = fit(model, examples, WeightedCrossEntropy(rows.targets), seed=0)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "loss": history.train_loss[0], "peak_mb": peak_mb()}


def warm_up() -> None:
    """The first training in a process loads parts of torch, for a second or so; it is not to be counted."""
    import torch

    model = torch.nn.Linear(2, 1)
    model(torch.zeros(1, 2)).sum().backward()
    torch.optim.AdamW(model.parameters(), fused=True).step()


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    status = Path("/proc/self/status")
    if (
        status.exists()
    ):  # what ``getrusage`` says there begins with the memory of the process that started this
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    try:
        import resource
    except ImportError:  # Windows has no such count
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def child(*arguments: str) -> str:
    """Run this script in a process of its own and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def main() -> None:
    """Measure every size in fresh processes and print a table."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=count, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--in-memory-up-to", type=count, default=1_000_000, help="above it, only streamed")
    parser.add_argument("--repeats", type=count, default=1, help="medians are printed")
    parser.add_argument("--threads", type=whole_number(0), default=0, help="of torch; 0 leaves it to torch")
    parser.add_argument("--write", type=count, help="write this number of rows to --folder")
    parser.add_argument("--once", choices=MODES, help="measure this in this process, print JSON")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=result_file, help="result file; none is written without it")
    options = parser.parse_args()
    if options.write:
        write(options.folder, options.write)
        return
    if options.once:
        print(json.dumps(measure(options.once, options.folder, options.threads)))
        return

    measured: list[dict[str, Any]] = []
    print(f"{'rows':>12}{'mode':>12}{'seconds':>10}{'rows/s':>12}{'loss':>10}{'peak MB':>10}")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            child("--write", str(rows), "--folder", folder)
            for mode in MODES:
                if mode == "in memory" and rows > options.in_memory_up_to:
                    continue
                arguments = ("--once", mode, "--folder", folder, "--threads", str(options.threads))
                runs = [json.loads(child(*arguments)) for _ in range(options.repeats)]
                middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
                measured.append({"rows": rows, "mode": mode, **middle})
                speed = rows / middle["seconds"] if middle["seconds"] else float("nan")
                print(
                    f"{rows:>12,}{mode:>12}{middle['seconds']:>10.1f}{speed:>12,.0f}"
                    f"{middle['loss']:>10.4f}{middle['peak_mb']:>10.0f}",
                    flush=True,
                )
    if options.out:
        from bookwork.results import save_results  # here, so that a measured process does not load it

        settings = {"repeats": options.repeats, "threads": options.threads or "as torch chooses"}
        command = "python " + " ".join(["benchmarks/streaming.py", *sys.argv[1:]])
        save_results(options.out, {"settings": settings, "measured": measured}, command=command, seeds=[0])


if __name__ == "__main__":
    raise SystemExit(run(Path(__file__).name, main))
