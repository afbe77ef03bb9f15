"""Recorded results: what an experiment script measured, kept as a small data file that chapters read.

Each file says how it came about: the command, the seeds, the versions and the machine.
"""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("numpy", "pandas", "scipy", "torch")


def machine() -> dict[str, Any]:
    """Processor, number of cores and operating system, as far as the system tells."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1] for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].strip() if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _plain(name: str, value: Any) -> Any:
    """``value`` as JSON has it, NumPy's numbers as Python's; ``name`` says where it stands in the data."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {_key(name, key): _plain(f"{name}[{key!r}]", entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(f"{name}[{i}]", entry) for i, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite: JSON has no {value}")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"{name} must be what JSON can hold, got {type(value).__name__} {value!r:.80}")


def _key(name: str, key: Any) -> str:
    """JSON has only texts as keys; numbers are written as texts."""
    if isinstance(key, np.generic):
        key = key.item()
    if isinstance(key, bool) or not isinstance(key, (str, int, float)):
        raise ValueError(f"{name} must have texts or numbers as keys, got {key!r}")
    return str(key)


def save_results(path: Path | str, data: dict[str, Any], *, command: str, seeds: Sequence[int]) -> None:
    """Write ``data`` as JSON beside the command, seeds, versions and machine that made it.

    Args:
        path: the file to write.
        data: mappings, lists and arrays of texts, truth values, finite numbers (NumPy's too) and None.
        command: how the data were made.
        seeds: the seeds that were used.

    Raises:
        ValueError: if ``data`` has the key "made_by", which this function writes, or holds NaN, infinity or
            what JSON has no form for, with its place in the data; nothing is then written.
    """
    if "made_by" in data:
        raise ValueError("data must not have the key 'made_by': it is written here")
    made_by = {
        "command": command,
        "seeds": _plain("seeds", list(seeds)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "machine": machine(),
    }
    text = json.dumps({"made_by": made_by, **_plain("data", data)}, ensure_ascii=False, indent=1)
    Path(path).write_text(text + "\n", encoding="utf-8")


def load_results(name: str) -> dict[str, Any]:
    """The recorded results ``experiments/<name>.json``, looked up from the working folder upwards.

    Raises:
        FileNotFoundError: if no folder from here to the root holds the file.
        ValueError: if the file is not JSON.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / "experiments" / f"{name}.json"
        if path.is_file():
            try:
                return json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:  # broken JSON, or not UTF-8
                raise ValueError(f"{path} must hold JSON, got {error}") from error
    raise FileNotFoundError(
        f"no experiments/{name}.json in {here} or a folder above it: "
        "work inside the course's repository, or re-make it with `make experiments`"
    )
