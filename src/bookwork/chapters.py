"""The pages of a chapter: its index, and behind it those that go on with its number.

"1.2 Retrieval" belongs to "1. The funnel" when it lies in the same folder. Titles of exercises and appendices
begin with a word: they are none of these.
"""

import re
from pathlib import Path

from bookwork.grading import editions
from bookwork.sphinx.numbering import prefix_of


def title_of(path: Path) -> str:
    """The heading that a notebook opens with, empty if it has none."""
    cells = editions.read(path).cells
    found = re.match(r"# +(.+)", cells[0].source) if cells and cells[0].cell_type == "markdown" else None
    return found[1] if found else ""


def pages_of(path: Path) -> list[Path]:
    """An index and the numbered pages beside it, in their order; any other notebook alone."""
    own = prefix_of(title_of(path)) if path.stem == "index" else ""
    if not own:
        return [path]
    beside = {each: prefix_of(title_of(each)) for each in path.parent.glob("*.ipynb") if each != path}
    below = {each: number for each, number in beside.items() if number.startswith(f"{own}.")}
    return [path, *sorted(below, key=lambda each: [int(part) for part in below[each].split(".")])]
