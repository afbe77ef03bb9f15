"""The place of an explorer in a page: HTML made of its output entry, and scripts that hold large states.

A state of more than :data:`LIMIT_BYTES` is not part of the page: it is a script beside it, which the page
loads when the explorer is about to be seen. A classic script, because browsers block all other ways to read a
file on ``file://``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bookwork.explorer.bundle import WIDTHS
from bookwork.explorer.standalone import json_in_script

LIMIT_BYTES = 24_000
WAITING = "Loading: {title}"

Payload = Mapping[str, Any]


def _place(payload: Payload, inside: Any, heights: Sequence[int], **data: str) -> str:
    """The place, kept as high as the explorer will be; what is not JSON in it is escaped here."""
    attributes = {"class": "ranking-explorer", "data-module": payload["module"]}
    attributes |= {f"data-{key}": value for key, value in data.items()}
    if heights:
        kept = zip(WIDTHS, heights, strict=True)
        attributes["style"] = "; ".join(f"--h{width}: {height}" for width, height in kept)
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    state = "" if inside is None else f'<script type="application/json">{json_in_script(inside)}</script>'
    return f"<div {written}>{state}<noscript><p>{escape(payload['alt'])}</p></noscript></div>"


def explorer_html(payload: Payload, heights: Sequence[int] = ()) -> str:
    """The place of an explorer with its whole state inside, made of its output entry."""
    return _place(payload, payload["state"], heights)


def light_html(payload: Payload, heights: Sequence[int] = ()) -> tuple[str, dict[str, str]]:
    """The place of an explorer in a page that is to be light, and the scripts that it needs, by their names.

    What an explorer can begin with (``first`` of its entry) is loaded first, and the rest when a reader comes
    near; without it the whole state is.
    """
    state = payload["state"]
    if _size(state) <= LIMIT_BYTES:
        return explorer_html(payload, heights), {}
    scripts: dict[str, str] = {}

    def name_of(part: Any) -> str:
        packed = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
        name = hashlib.sha256(packed.encode()).hexdigest()[:16]
        scripts[name] = f"(globalThis.rankingStates ??= {{}})[{name!r}] = {json.dumps(packed)};\n"
        return name

    title = payload["state"].get("labels", {}).get("title", payload["module"])
    data = {"waiting": WAITING.format(title=title)}
    first = payload.get("first")
    if first is None:
        return _place(payload, None, heights, state=name_of(state), **data), scripts
    inside = first if _size(first) <= LIMIT_BYTES else None
    if inside is None:
        data["state"] = name_of(first)
    data["rest"] = name_of({key: value for key, value in state.items() if first.get(key) != value})
    return _place(payload, inside, heights, **data), scripts


def _size(state: Any) -> int:
    return len(json_in_script(state).encode())
