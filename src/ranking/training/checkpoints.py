"""Checkpoints of a training run: all that it needs to go on as if it had never stopped.

A checkpoint appears under its name whole or not at all, and ends in a checksum of all that stands before it:
a file that was cut short, or of which a single bit has changed, is refused.
"""

import os
import pickle
import re
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

import torch

from ranking import validation
from ranking.training.whole_files import AnyPath, whole_file

END = b"\nranking checkpoint 2, CRC-32 %08x\n"
"""Format and checksum, behind what torch writes; torch does not mind when it reads."""
PLAIN = (type(None), bool, int, float, str, torch.dtype, torch.device)
"""What a checkpoint holds beside tensors and containers; not what is derived from them, as np.float64 is."""
_LENGTH = len(END % 0)
_PIECE = 1 << 20  # bytes


def save_checkpoint(path: AnyPath, settings: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a checkpoint, replacing an older one of the same name; its folder must exist.

    ``settings`` (seed, batch size and so on) must be the same for the run to go on; ``state`` holds tensors,
    state dicts and numbers.

    Raises:
        ValueError: for what could not be read again, a number of NumPy for instance; its place is named.
        OSError: if the file cannot be written. In either case an older one stays.
    """
    content = {
        "settings": dict(validation.mapping("settings", settings)),
        "state": dict(validation.mapping("state", state)),
    }
    for name, part in content.items():
        _check_readable(name, part)
    with whole_file(path) as file:
        summed = _Summed(file)
        try:
            torch.save(content, cast(BinaryIO, summed))
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch only says that a position is unexpected
                raise error.__context__ from None
            raise
        file.write(END % summed.checksum)


def load_checkpoint(path: AnyPath, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state in a checkpoint, or None where there is none yet.

    The file is read twice, once for its checksum: a second for about a gigabyte.

    Raises:
        ValueError: if the file is no whole checkpoint, or belongs to a run with other settings; the first
            that differs is named.
    """
    target = validation.path("path", path)
    validation.mapping("settings", settings)
    if not target.exists():
        return None
    if not target.is_file():
        raise ValueError(f"checkpoint {target} must be a file")
    try:
        with target.open("rb") as file:
            _check_sum(file)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"checkpoint {target} cannot be read, remove it to start anew: {error}") from error
    saved = content["settings"]
    for name in [*settings, *saved]:
        if saved.get(name) != settings.get(name):
            raise ValueError(
                f"checkpoint {target} belongs to a run with {name} = {saved.get(name)!r}, this one has "
                f"{settings.get(name)!r}: use the same settings, or another file"
            )
    state: dict[str, Any] = content["state"]
    return state


def _check_readable(name: str, value: Any) -> None:
    """Only what ``torch.load`` gives back without running code from the file."""
    kind = type(value)
    if kind in (dict, OrderedDict):
        for key, entry in value.items():
            _check_readable(f"a key of {name}", key)
            _check_readable(f"{name}[{key!r}]", entry)
    elif kind in (list, tuple, torch.Size):
        for at, entry in enumerate(value):
            _check_readable(f"{name}[{at}]", entry)
    elif kind not in PLAIN and not isinstance(value, torch.Tensor):
        plain = ", ".join(each.__name__ for each in PLAIN)
        allowed = f"tensors, {plain}, or dicts, lists and tuples of these"
        raise ValueError(f"{name} must be {allowed}, got {kind.__name__} {value!r:.80}")


class _Summed:
    """A file to write to that keeps a checksum of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.checksum = file, 0

    def write(self, part: bytes) -> int:
        self.checksum = zlib.crc32(part, self.checksum)
        return self._file.write(part)

    def flush(self) -> None:
        self._file.flush()


def _check_sum(file: BinaryIO) -> None:
    """Compare the checksum at the end of a file with the bytes before it; then go back to its start."""
    left = max(file.seek(0, os.SEEK_END) - _LENGTH, 0)
    file.seek(left)
    end = file.read()
    written = re.fullmatch(rb"\nranking checkpoint 2, CRC-32 ([0-9a-f]{8})\n", end)
    if written is None:
        raise ValueError("it is not one of this course, or only the beginning of one: there is no checksum")
    file.seek(0)
    checksum = 0
    while left and (part := file.read(min(left, _PIECE))):
        left -= len(part)
        checksum = zlib.crc32(part, checksum)
    if checksum != int(written[1], 16):
        raise ValueError("it is damaged: its bytes are not those that were written, by their checksum")
    file.seek(0)
