"""Reading a figure's JSON part by part, so that nothing of it is overlooked."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bookwork.palette import Palette

_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([\d.,% ]+\)|[a-z]+")


class Part:
    """A part of a figure. What is never asked for has no place in the picture, and is refused by name."""

    def __init__(self, name: str, content: Any, refused: list[str]) -> None:
        self.name, self.refused = name, refused
        self.content: dict[str, Any] = {k: v for k, v in (content or {}).items() if v is not None}
        self.asked: set[str] = set()
        self.inner: list[Part] = []

    def get(self, key: str, default: Any = None) -> Any:
        """A value as it is."""
        self.asked.add(key)
        return self.content.get(key, default)

    def part(self, key: str) -> "Part":
        """A part of this part, empty where there is none."""
        content = self.get(key)
        if content is not None and not isinstance(content, Mapping):
            self.refuse(key)
            content = None
        self.inner.append(Part(f"{self.name}.{key}".lstrip("."), content, self.refused))
        return self.inner[-1]

    def one_of(self, key: str, allowed: Sequence[Any]) -> Any:
        """A value among those that can be drawn; the first of them where none is given."""
        value = self.get(key, allowed[0])
        if not any(value is each or value == each for each in allowed):
            self.refuse(key)
            return allowed[0]
        return value

    def values(self, key: str) -> list[Any] | None:
        """An array as a list."""
        found = self.get(key)
        return None if found is None else values(found)

    def look(self, *keys: str) -> None:
        """Leave to the page what only says how plotly draws."""
        self.asked |= set(keys)

    def refuse(self, key: str) -> None:
        """Note something that cannot be drawn."""
        value = self.content.get(key)
        said = f" = {value!r}" if isinstance(value, (str, int, float)) and len(str(value)) < 40 else ""
        self.refused.append(f"{self.name}.{key}".lstrip(".") + said)

    def close(self) -> None:
        """Note all that nobody asked for."""
        for key in self.content:
            if key not in self.asked:
                self.refuse(key)
        for part in self.inner:
            part.close()


def values(array: Any) -> list[Any]:
    """A trace's array as a list, whether stored as one or as base64 of its bytes (as NumPy arrays are)."""
    if isinstance(array, Mapping):
        numbers = np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])
        shape = str(array.get("shape", -1)).split(",")
        return numbers.reshape([int(size) for size in shape]).tolist()
    return list(array)


def short(array: Sequence[Any]) -> list[Any]:
    """Numbers to six digits; None where there is none."""
    return [_short(value) for value in array]


def _short(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return short(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if isinstance(value, int):
        return value
    if not np.isfinite(value):
        return None
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def plain(text: str) -> str:
    """Text of a plotly label without its markup; its line breaks stay."""
    return re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>", "\n", text))


def colour_of(value: Any, palette: Palette) -> str | None:
    """A colour by its name in the palette, or as it is where the palette has none; None if it is none."""
    if not isinstance(value, str):
        return None
    names = {colour.lower(): name for name, colour in palette.neutral.items()}
    names |= {colour.lower(): name.replace("_", "-") for name, colour in palette.series.items()}
    written = value.lower().strip()
    return names.get(written) or (written if _COLOUR.fullmatch(written) else None)
