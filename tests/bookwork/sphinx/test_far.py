"""How tall a part of a page will be on a phone, roughly: enough for its place to be kept."""

from __future__ import annotations

import re

import pytest
from docutils import nodes
from docutils.utils import new_document
from myst_nb.sphinx_ import HideCodeCellNode

from bookwork.sphinx import far
from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.offline import ASSETS

CODE = nodes.literal_block("", "\n".join(["x = 1"] * 10))


@pytest.mark.parametrize(
    ("part", "pixels"),
    [
        (nodes.paragraph("", "a" * 420), 11 * far.LINE + far.BETWEEN),
        (CODE, 10 * far.CODE_LINE + far.BETWEEN),
        (HideCodeCellNode("", CODE.deepcopy()), far.FOLD),
        (page_figure(body='<div class="ranking-explorer">', tail=""), far.EXPLORER),
        (page_figure(body='<div class="ranking-plot">', tail=""), far.PICTURE),
        (nodes.tbody("", nodes.row(), nodes.row(), nodes.row()), 3 * far.ROW),
        (nodes.raw("", "<table><tr></tr><tr></tr></table>", format="html"), 2 * far.ROW),
        (nodes.section("", nodes.image(uri="a.svg"), nodes.image(uri="b.svg")), 2 * far.PICTURE),
        (nodes.comment("", "not seen"), 0),
    ],
)
def test_height(part: nodes.Node, pixels: int) -> None:
    assert far.height(part) == pixels


def test_the_nearest_step_in_proportion():
    assert [far.step_of(pixels) for pixels in (0, 300, 420, 430, 1_700, 90_000)] == [0, 0, 0, 1, 3, 7]


def test_each_section_has_a_step_but_those_around_the_first_explorer():
    explorer = page_figure(body='<div class="ranking-explorer">', tail="")
    inner = nodes.section("", nodes.title("", "inner"))
    document = new_document("page")
    document += nodes.section(
        "",
        nodes.title("", "page"),
        nodes.section("", nodes.title("", "part"), inner),
        nodes.section(
            "",
            nodes.title("", "live"),
            nodes.section("", nodes.title("", "before")),
            nodes.section("", nodes.container("", explorer)),
        ),
        nodes.section("", nodes.title("", "live, too"), explorer.deepcopy()),
    )
    far.FarSections(document).run()
    classes = [part["classes"] for part in document.findall(nodes.section)]
    assert classes == [[], ["ranking-far-0"], [], [], ["ranking-far-0"], [], ["ranking-far-2"]]


def test_the_style_sheet_has_the_same_steps():
    rules = (ASSETS / "css" / "far.css").read_text(encoding="utf-8")
    found = re.findall(r"far-(\d) \{ contain-intrinsic-size: auto (\d+)px", rules)
    assert [(int(step), int(height)) for step, height in found] == list(enumerate(far.STEPS))
