"""How high an explorer will be, so that a page keeps its place before it is there.

Most tell it in their modules. Those whose content is the book's own, questions and recorded pictures, are
reckoned from it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bookwork.explorer import bundle

UNKNOWN = (900, 980, 980, 700, 720, 720)
NARROW, WIDE = 480, 600  # widths from which the style sheet lays an explorer out in another way
LETTER = 0.5  # width of an average letter of a text, in its size

State = Mapping[str, Any]


def heights_of(payload: Mapping[str, Any], packages: Sequence[str]) -> Sequence[int]:
    """Heights at the widths of :data:`bundle.WIDTHS` of the explorer of an output entry."""
    module, state = payload["module"], payload["state"]
    if module in RECKONED:
        return [round(RECKONED[module](state, width)) for width in bundle.WIDTHS]
    told = bundle.heights(bundle.home(packages, module), module)
    return next((heights for key, heights in told.items() if not key or state.get(key)), UNKNOWN)


def lines(text: str, width: float, size: float) -> int:
    """How many lines a text takes; Chinese letters are as wide as high."""
    letters = sum(1.0 if ord(letter) > 0x2E7F else LETTER for letter in text)
    return max(1, math.ceil(letters * size * 1.03 / width))


def quiz_height(state: State, width: float) -> float:
    """Of the questions as they are at first: none answered."""
    phone = width < NARROW
    inner = width - (26 if phone else 34)
    height = 0.0
    for question in state["questions"]:
        height += 6 + 22 * lines(f"9. {question['text']}", inner, 15)
        for option in question["options"]:
            text = 20.3 * lines(option["text"], inner - 62, 14)
            height += max(44, 10 + text) if phone else 10 + text
        height += 98 if phone else 78
    return height + 150


def recorded_height(state: State, width: float) -> float:
    """Of its sliders in as few rows as fit, its picture and its sentence."""
    phone = width < NARROW
    inner = width - (26 if phone else 34)
    frame = {**state["shared"], **state["frames"][0]}
    sliders, hinted = state["grid"], any(slider["hint"] for slider in state["grid"])
    slider = 24 + 20 * hinted
    if phone:
        controls = len(sliders) * (slider + 61) + 54
        sentence = 20 + 21.75 * lines(frame["sentence"], inner, 15)
    else:
        a_row = max(1, int((inner + 28) // 268))
        controls = math.ceil(len(sliders) / a_row) * (slider + 49) + 14
        sentence = 23 + 23.2 * lines(frame["sentence"], inner, 16)
    picture = min(340.0, max(230.0, 0.78 * inner))
    text = 28 + (4 + 19 * lines(frame["note"], inner, 13) if frame.get("note") else 0) + (46 if phone else 26)
    return 34 + controls + (38 if phone else 26) + text + picture + sentence


RECKONED: Mapping[str, Callable[[State, float], float]] = {"quiz": quiz_height, "recorded": recorded_height}
