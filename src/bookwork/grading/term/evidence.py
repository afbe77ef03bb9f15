"""What a person must see to mark a paragraph: the text, what the notebook printed, and what was handed in."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

from bookwork.grading import editions

MOST = 2000  # characters: a cell of a table is to be read
CUT = "\n[cut: the rest stands in the notebook]"
NOT_TO_READ = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f]")  # colours of a terminal, and the like


def text_of(notebook: NotebookNode, exercise: str) -> str:
    """What a learner wrote for an exercise: the paragraph, or the code that a check has looked at."""
    return str(next((cell.source for cell in notebook.cells if editions.grade_id(cell) == exercise), ""))


def length(text: str) -> int:
    """How many words a text has."""
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def printed(notebook: NotebookNode, exercise: str) -> str:
    """What the answer cell of an exercise printed, and below it what the learner's own cells around it did.

    They are around it as far as the cells of the exercises before and after it.
    """
    name = exercise.removesuffix(editions.WHY)
    mine = {name, f"{name}{editions.WHY}", f"{name}{editions.CHECK}"}
    names = [editions.grade_id(cell) or "" for cell in notebook.cells]
    if name not in names:
        return ""
    at = names.index(name)
    ends = [
        number
        for number, other in enumerate(names)
        if other and other not in mine and not other.startswith(editions.SETUP)
    ]
    first = max((number for number in ends if number < at), default=-1)
    last = min((number for number in ends if number > at), default=len(names))
    around = [cell for cell in notebook.cells[first + 1 : last] if not editions.grade_id(cell)]
    texts = [text for cell in (notebook.cells[at], *around) for text in _texts(cell)]
    return _cut("\n".join(text.strip("\n") for text in texts))


def _texts(cell: NotebookNode) -> Iterator[str]:
    """What a cell printed and showed, as text."""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream" and output.name == "stdout":
            yield output.text
        elif output.output_type == "error":
            yield f"{output.ename}: {output.evalue}"
        elif isinstance(text := output.get("data", {}).get("text/plain"), str):
            yield text


def _cut(text: str) -> str:
    text = NOT_TO_READ.sub("", text).strip()
    return text if len(text) <= MOST else text[:MOST] + CUT


def handed_in(notebook: NotebookNode, exercise: str) -> str:
    """The values that an answer cell writes down, as in ``my_rates = [0.1, 0.2]``; none that it works out."""
    try:
        tree = ast.parse(text_of(notebook, exercise.removesuffix(editions.WHY)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    written: dict[str, str] = {}
    for node in tree.body:
        changed = {name for part in ast.walk(node) for name in _changed(part)}
        written = {name: said for name, said in written.items() if name not in changed}
        if isinstance(node, ast.Assign) and _is_written_down(node.value):
            written |= dict.fromkeys(changed, ast.unparse(node))
    return _cut("\n".join(dict.fromkeys(written.values())))


def _is_written_down(value: ast.expr) -> bool:
    """Whether a value stands there as it is: it is not the None of what is handed out, and uses no names."""
    empty = isinstance(value, ast.Constant) and value.value is None
    return not empty and not any(isinstance(part, ast.Name | ast.Lambda) for part in ast.walk(value))


def _changed(node: Any) -> list[str]:
    """The name that a part of code sets, or may change: ``a = 1``, ``a[0] = 1``, ``a.append(1)``."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return [node.id]
    changes = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    if (changes or isinstance(node, ast.Attribute)) and isinstance(node.value, ast.Name):
        return [node.value.id]
    return []
