"""Of outputs text and pictures are kept; what acts in a browser is left out, and only that is told of."""

from __future__ import annotations

import base64

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

from bookwork.grading import cleaning

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()


def shown(**data: str):
    kinds = {kind.replace("_", "/", 1).replace("_", "+"): text for kind, text in data.items()}
    return new_output("display_data", kinds)


def test_tables_and_pictures_of_an_honest_answer_are_no_news():
    cell = new_code_cell("", outputs=[shown(text_html="<table><tr><td>1</td></tr></table>", text_plain="1")])
    cell.outputs.append(shown(image_png=PNG))
    assert not cleaning.clean([cell, new_markdown_cell("$a<b$ and <b>bold</b>, 2 < 3")])
    assert cell.outputs[0].data == {"text/plain": "1"}
    assert cell.outputs[1].data == {"image/png": PNG}


def test_what_acts_is_left_out_and_told_of():
    for data in (
        {"application_javascript": "1"},
        {"text_html": "<SCRIPT>1</SCRIPT>"},
        {"image_svg_xml": "<svg onload=alert(1)>"},
    ):
        cell = new_code_cell("", outputs=[shown(text_plain="mine", **data)])
        assert cleaning.clean([cell])
        assert cell.outputs[0].data == {"text/plain": "mine"}
    for cell in (new_markdown_cell("<script>1</script>"), new_raw_cell("<img src=x onerror=alert(1)>")):
        assert cleaning.clean([cell])
        assert "<script>" not in cell.source
        assert "onerror" not in cell.source or "&lt;img" in cell.source
        assert cell.cell_type == "markdown"


def test_a_picture_is_one_by_its_content():
    cell = new_code_cell(
        "", outputs=[shown(image_png="<script>1</script>"), shown(image_png="A" * 3_000_000)]
    )
    cleaning.clean([cell])
    assert [output.data for output in cell.outputs] == [{}, {}]


def test_outputs_are_cut():
    stream = new_output("stream", text="x" * 100_000)
    error = new_output("error", ename="E", evalue="y" * 100_000, traceback=["z" * 100_000] * 3)
    cell = new_code_cell("", outputs=[stream, error, *(shown(text_plain="1") for _ in range(500))])
    cleaning.clean([cell])
    assert len(cell.outputs) <= cleaning.MOST_OUTPUTS + 1
    assert len(str(cell.outputs)) < 4 * cleaning.MOST_TEXT + 5_000
    assert cell.outputs[0].text.endswith(cleaning.CUT)
