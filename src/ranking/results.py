"""Recorded results: what an experiment script measured, kept as a small data file that chapters read.

Each file says how it came about: the command, the seeds, the versions and the machine.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

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


def save_results(path: Path, data: dict[str, Any], *, command: str, seeds: Sequence[int]) -> None:
    """Write ``data`` as JSON beside the command, seeds, versions and machine that made it.

    Raises:
        ValueError: if ``data`` has the key "made_by", which this function writes, or holds NaN.
    """
    if "made_by" in data:
        raise ValueError("data must not have the key 'made_by': it is written here")
    made_by = {
        "command": command,
        "seeds": list(seeds),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "machine": machine(),
    }
    text = json.dumps({"made_by": made_by, **data}, ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def load_results(name: str) -> dict[str, Any]:
    """The recorded results ``experiments/results/<name>.json``, looked up from the working folder upwards.

    Raises:
        FileNotFoundError: if no folder from here to the root holds the file.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / "experiments" / "results" / f"{name}.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    raise FileNotFoundError(
        f"no experiments/results/{name}.json in {here} or a folder above it: "
        "work inside the course's repository, or re-make it with `make experiments`"
    )
