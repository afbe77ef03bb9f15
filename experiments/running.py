"""How every experiment runs: options, one bar, one thread, and a record beside the script.

A script is a function from seeds, and perhaps a few whole numbers, to what was found:

    def measure(seeds: range, impressions: int = 1_000_000) -> dict[str, Any]: ...

    if __name__ == "__main__":
        record(measure, seeds=10)

Its parameters are its options: ``python -m experiments.fusion.ab --seeds 2 --impressions 300000 --out FILE``.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from bookwork import command_line
from bookwork.results import save_results
from ranking.progress import SILENT, progress

Case = TypeVar("Case")


class DataMissing(Exception):
    """An experiment needs data that are not here."""


def each(cases: Collection[Case]) -> Iterator[Case]:
    """The cases in turn, behind the one bar that an experiment shows: those of its trainings stay silent."""
    bar, before = progress(cases), os.environ.get(SILENT)
    os.environ[SILENT] = "1"
    try:
        yield from bar
    finally:
        if before is None:
            del os.environ[SILENT]
        else:
            os.environ[SILENT] = before


def mean_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means of dictionaries, maybe nested, that hold numbers under the same names."""
    return {
        key: mean_of([row[key] for row in rows])
        if isinstance(rows[0][key], dict)
        else float(np.mean([row[key] for row in rows]))
        for key in rows[0]
    }


def mean_or_zero(values: Sequence[float] | np.ndarray) -> float:
    """The mean, 0 of nothing: a channel may find nothing for somebody."""
    return float(np.mean(values)) if len(values) else 0.0


def rounded(found: Any, digits: int = 6) -> Any:
    """Numbers with so many digits after the point, or below 1 so many that count; arrays become lists."""
    if hasattr(found, "tolist"):  # arrays, tensors, and their single numbers
        found = found.tolist()
    if isinstance(found, dict):
        return {key: rounded(value, digits) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [rounded(value, digits) for value in found]
    if isinstance(found, float):
        return round(found, digits) if abs(found) >= 1.0 else float(f"{found:.{digits}g}")
    return found


def record(
    measure: Callable[..., dict[str, Any]],
    seeds: int = 10,
    arguments: Sequence[str] | None = None,
) -> None:
    """Run an experiment as the command line asks, and write down what it found.

    Args:
        measure: takes ``seeds``, a range, if it has such a parameter, and whole numbers with defaults. Its
            module's docstring is the help.
        seeds: how many seeds unless ``--seeds`` says otherwise.
        arguments: of the command line; by default those of this process.

    Bad input, a record that cannot be written and a log that cannot be read end the process with one line.
    """
    module = sys.modules[measure.__module__]
    if module.__spec__ is None or module.__file__ is None:
        raise ValueError("measure must stand in a module that runs by `python -m`, from the root")
    program = f"python -m {module.__spec__.name}"
    if status := command_line.run(program, lambda: _record(program, measure, seeds, arguments)):
        sys.exit(status)


def _record(program: str, measure: Callable[..., Any], seeds: int, arguments: Sequence[str] | None) -> None:
    module = sys.modules[measure.__module__]
    defaults = {name: option.default for name, option in inspect.signature(measure).parameters.items()}
    if "seeds" in defaults:
        defaults["seeds"] = seeds
    parser = command_line.Parser(
        prog=program, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in defaults.items():
        parser.add_argument(
            f"--{name}", type=command_line.count, default=default, help=f"default: {default:,}"
        )
    beside = Path(str(module.__file__)).with_suffix(".json")
    where = "file to write; default: beside the script"
    parser.add_argument("--out", type=command_line.result_file, default=beside, help=where)
    given = vars(parser.parse_args(arguments))
    out = given.pop("out")

    command = " ".join([program, *(f"--{name} {value}" for name, value in given.items())])
    used = range(given.pop("seeds", 0))
    torch.set_num_threads(1)  # sums in the same order on every machine, and a steadier clock
    try:
        found = measure(used, **given) if "seeds" in defaults else measure(**given)
    except DataMissing as missing:
        print(f"{missing}: nothing was re-made.")
        return
    save_results(out, rounded(found), command=command, seeds=used)
