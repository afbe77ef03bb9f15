"""What of a submission's outputs is kept: text and pictures, as much as can be read, and no scripts."""

import base64
import binascii
import re

from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbformat import NotebookNode

MOST_TEXT = 20_000  # characters of one output
MOST_PICTURE = 2_000_000  # characters of one picture, as text
MOST_OUTPUTS = 20  # of one cell
MOST_OF_ALL = 2_000_000  # characters of a notebook's outputs
PICTURES = {"image/png": b"\x89PNG\r\n", "image/jpeg": b"\xff\xd8\xff"}
CUT = "\n[cut: more than is kept]"
HTML = re.compile(r"<[a-zA-Z/!?]")
ACTS = re.compile(
    r"<\s*(script|iframe|object|embed|svg|link|form|base|meta)\b|\bon[a-z]+\s*=|javascript:", re.IGNORECASE
)
"""What does something in a browser, and stands in no honest answer; tables and bold text do not."""


def clean(cells: list[NotebookNode]) -> bool:
    """Clean cells in place: outputs, and HTML in text; True if something that could act was left out."""
    acted, left = False, MOST_OF_ALL
    for cell in cells:
        if cell.cell_type != "code":
            acted |= _clean_text(cell)
        else:
            kept = []
            for output in cell.outputs[:MOST_OUTPUTS] + cell.outputs[MOST_OUTPUTS:][-1:]:
                acted |= _reduce(output)
                left -= len(str(output))
                if left > 0 or output is cell.outputs[-1]:
                    kept.append(output)
            cell.outputs = kept
    return acted


def _clean_text(cell: NotebookNode) -> bool:
    """Escape HTML in text that could act; text without any stays as it was written."""
    before = cell.source
    if HTML.search(before):
        SanitizeHTML().preprocess_cell(cell, {}, 0)
        cell.cell_type = "markdown"  # raw cells become pages as they are
    return bool(ACTS.search(before))


def _reduce(output: NotebookNode) -> bool:
    """Keep of one output what is text or a picture."""
    if output.output_type == "stream":
        output.text = _cut(output.text)
        return False
    if output.output_type == "error":
        output.ename, output.evalue = _cut(str(output.ename)), _cut(str(output.evalue))
        output.traceback = [_cut("\n".join(map(str, output.traceback)))]
        return False
    kept = {kind: text for kind, text in output.data.items() if _is_picture(kind, text)}
    if isinstance(text := output.data.get("text/plain"), str):
        kept["text/plain"] = _cut(text)
    left_out = {kind: text for kind, text in output.data.items() if kind not in kept}
    acts = "application/javascript" in left_out or bool(ACTS.search(str(left_out.values())))
    output.data, output.metadata = NotebookNode(kept), NotebookNode()
    return acts


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + CUT


def _is_picture(kind: str, text: object) -> bool:
    """Whether it is a picture by its first bytes, and not by its name alone."""
    if kind not in PICTURES or not isinstance(text, str) or len(text) > MOST_PICTURE:
        return False
    try:
        return base64.b64decode(text, validate=False).startswith(PICTURES[kind])
    except (binascii.Error, ValueError):
        return False
