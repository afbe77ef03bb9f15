"""Checkpoints of a training run: all that it needs to go on as if it had never stopped.

A checkpoint appears under its name whole or not at all: it is written beside and then renamed, so that a run
killed while it writes leaves the one before.
"""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

FORMAT = 1
AnyPath = str | os.PathLike[str]


def save_checkpoint(path: AnyPath, settings: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a checkpoint, replacing an older one of the same name; its folder must exist.

    ``settings`` (seed, batch size and so on) must be the same for the run to go on; ``state`` holds tensors,
    state dicts and numbers.
    """
    beside = Path(f"{os.fspath(path)}.partial")
    with beside.open("wb") as file:
        torch.save({"format": FORMAT, "settings": dict(settings), "state": dict(state)}, file)
        file.flush()
        os.fsync(file.fileno())  # the contents before the name, also when the machine goes down
    os.replace(beside, path)


def load_checkpoint(path: AnyPath, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state in a checkpoint, or None where there is none yet.

    Raises:
        ValueError: if the file is no whole checkpoint, or belongs to a run with other settings; the first
            that differs is named.
    """
    target = Path(path)
    if not target.exists():
        return None
    try:
        content = torch.load(target, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise ValueError(f"checkpoint {target} cannot be read, remove it to start anew: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"checkpoint {target} is not one of this course: remove it to start anew")
    saved = content["settings"]
    for name in sorted({*saved, *settings}):
        if saved.get(name) != settings.get(name):
            raise ValueError(
                f"checkpoint {target} belongs to a run with {name} = {saved.get(name)!r}, this one has "
                f"{settings.get(name)!r}: use the same settings, or another file"
            )
    state: dict[str, Any] = content["state"]
    return state
