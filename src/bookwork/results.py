"""Recorded results: what an experiment measured, kept as a small data file that chapters read.

Each file says how it came about: command, seeds, versions and machine. It is JSON with one key a line, and
one record a line in a list of records, so that a change shows which run it touched.
"""

import json
import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bookwork.files import write_whole

PACKAGES = ("numpy", "pandas", "scipy", "torch")
REPOSITORY = Path(__file__).parents[2]
"""Where an editable installation lies; of another one, a folder of libraries."""


def machine() -> dict[str, Any]:
    """Processor, number of cores and operating system, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*:\s*(.*\S)", cpuinfo.read_text()) if cpuinfo.exists() else None
    model = named[1] if named else platform.processor() or platform.machine()
    system = f"{platform.system()} {platform.machine()}"
    return {"processor": model, "cores": os.cpu_count(), "system": system}


def _plain(name: str, value: Any) -> Any:
    """``value`` as JSON has it, NumPy's numbers as Python's; ``name`` says where it stands in the data."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        entries = {}
        for key, entry in value.items():  # JSON has only texts as keys; numbers are written as texts
            key = key.item() if isinstance(key, np.generic) else key
            if isinstance(key, bool) or not isinstance(key, (str, int, float)):
                raise ValueError(f"{name} must have texts or numbers as keys, got {key!r}")
            entries[str(key)] = _plain(f"{name}[{key!r}]", entry)
        if len(entries) < len(value):
            raise ValueError(f"{name} must have keys that differ as texts, got {list(value)}")
        return entries
    if isinstance(value, (list, tuple)):
        return [_plain(f"{name}[{i}]", entry) for i, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite: JSON has no {value}")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"{name} must be what JSON can hold, got {type(value).__name__} {value!r:.80}")


def save_results(path: Path | str, data: dict[str, Any], *, command: str, seeds: Sequence[int]) -> None:
    """Write ``data`` as JSON beside the command, seeds, versions and machine that made it.

    ``data`` holds mappings, lists and arrays of texts, truth values, finite numbers (NumPy's too) and None.

    Raises:
        ValueError: if it has the key "made_by", which this function writes, or holds NaN, infinity or what
            JSON has no form for, with its place in the data; nothing is then written.
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
    write_whole(Path(path), text_of({"made_by": made_by, **_plain("data", data)}))


def text_of(data: Mapping[str, Any]) -> str:
    """``data`` as JSON, one key a line; where a key holds a list of mappings, one of them a line."""
    line = partial(json.dumps, ensure_ascii=False)

    def part(value: Any) -> str:
        if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            return "[\n" + ",\n".join(f"  {line(entry)}" for entry in value) + "\n ]"
        return line(value)

    return "{\n" + ",\n".join(f" {line(key)}: {part(value)}" for key, value in data.items()) + "\n}\n"


def load_results(name: str, folder: Path | str | None = None) -> dict[str, Any]:
    """The recorded results ``experiments/<name>.json``.

    Args:
        name: path below the folder of the experiments, such as "fusion/weights".
        folder: where the experiments lie. By default the nearest folder ``experiments`` with such a file,
            from the working folder upwards, else that of the repository which the package was installed
            from as an editable one: a chapter also runs where it was downloaded to.

    Raises:
        FileNotFoundError: if none of these folders holds the file.
        ValueError: if the file is not JSON.
    """
    here = Path.cwd()
    folders = [parent / "experiments" for parent in (here, *here.parents, REPOSITORY)]
    paths = [Path(place) / f"{name}.json" for place in ([folder] if folder is not None else folders)]
    if path := next(filter(Path.is_file, paths), None):
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # broken JSON, or not UTF-8
            raise ValueError(f"{path} must hold JSON, got {error}") from error
    if folder is not None:
        raise FileNotFoundError(f"no {name}.json in {folder}")
    raise FileNotFoundError(
        f"no experiments/{name}.json in {here}, a folder above it, or {REPOSITORY}: install the package with "
        f"`pip install -e` from its repository, or name the folder: load_results({name!r}, folder=...)"
    )
