from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookwork.slides import deck as slides
from bookwork.slides import writing
from bookwork.slides.__main__ import executed, main, name_of
from bookwork.sphinx.renderers import EXPLORER, PLOTLY
from ranking_course import figures
from ranking_course.explorers import CalibrationExplorer

TEXT = """## A section

What is asked here? This answers the question. That is left to the speaker.

$$
p = \\frac{1}{1 + e^{-z}}
$$

<details>
<summary>A derivation</summary>

Not on a slide.

</details>

- one
- two

### Below

See [chapter 2](other.ipynb) and [this](small.ipynb)."""


def shows(data: dict[str, Any], source: str = "draw()", **metadata: Any) -> NotebookNode:
    return new_code_cell(source, outputs=[new_output("display_data", data=data)], metadata=metadata)


@pytest.fixture(scope="module")
def notebook() -> NotebookNode:
    figure = figures.new_figure(title="A line", alt="Seen.", caption="Said.", x="x", y="y")
    figure.line([1, 2], [3, 4], "raw", target="click")
    data, _ = CalibrationExplorer(sampling_rate=0.1, base_rate=0.1)._repr_mimebundle_()
    printed = new_output("stream", name="stdout", text="✓ a claim\nanother: True\n0.53\n")
    return new_notebook(
        cells=[
            new_markdown_cell("# A chapter\n\nIt opens."),
            new_code_cell("import numpy"),
            new_markdown_cell(TEXT),
            new_code_cell("def f(x):\n    return x", outputs=[printed]),
            shows({PLOTLY: json.loads(figure.to_json()), "text/plain": "Figure()"}),
            shows({EXPLORER: data[EXPLORER], "text/plain": "Explorer()"}),
            shows({"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}),
            new_code_cell('check("a claim", True)', outputs=[printed], metadata={"tags": ["claims"]}),
            new_markdown_cell("## Further reading\n\n- A book."),
        ]
    )


def texts(slide: slides.Slide) -> str:
    return "\n".join(cell.source for cell in slide.cells)


def test_sections_are_slides_and_figures_have_their_own(notebook):
    found = slides.deck(notebook)
    assert [(slide.title, slide.below) for slide in found] == [
        ("A chapter", False),
        ("A section", False),
        ("Below", True),
        ("Below", True),
        ("Below", True),
    ]
    assert 'class="ranking-plot"' in str(found[3].cells)
    assert 'data-module="calibration"' in str(found[4].cells)


def test_a_line_that_leads_to_a_figure_stands_above_it(notebook):
    """Else it would be alone on its slide, and out of sight when the figure comes."""
    figure = notebook.cells[4]
    cells = [
        new_markdown_cell("## Look\n\nOne line leads to it."),
        figure,
        new_markdown_cell("It says this."),
    ]
    shown, after = slides.deck(new_notebook(cells=cells))
    assert [cell.cell_type for cell in shown.cells] == ["markdown", "code"]
    assert after.below
    assert texts(after) == "It says this."
    three = "\n\n".join(f"Line {number} says a little more." for number in range(3))
    apart = slides.deck(new_notebook(cells=[new_markdown_cell(f"## Look\n\n{three}"), figure]))
    assert [len(slide.cells) for slide in apart] == [3, 1]
    tall = copy.deepcopy(figure)
    tall.outputs[0].data[PLOTLY]["layout"]["height"] = 620
    apart = slides.deck(new_notebook(cells=[cells[0], tall]))
    assert [len(slide.cells) for slide in apart] == [1, 1]


def test_a_slide_shows_the_lead_and_notes_hold_the_whole(notebook):
    section = slides.deck(notebook)[1]
    assert "What is asked here? This answers the question." in texts(section)
    assert "the speaker" not in texts(section)
    assert "left to the speaker" in section.notes[0]
    assert "derivation" not in texts(section)
    assert "Not on a slide" not in texts(section)
    assert "\\frac" in texts(section)


def test_code_is_kept_where_it_defines_and_ticks_are_left_out(notebook):
    below = slides.deck(notebook)[2]
    assert [cell.source for cell in below.cells if cell.metadata.get("bookwork")] == [
        "def f(x):\n    return x"
    ]
    assert below.cells[-1].outputs[0].text == "0.53"
    assert str(slides.deck(notebook)).count("0.53") == 1  # the cell of claims is not there


@pytest.mark.parametrize(
    ("paragraph", "shown"),
    [
        (
            "One sentence stands here, and it is long enough. Two.",
            "One sentence stands here, and it is long enough.",
        ),
        (
            "**Bold.** One goes on until the line is full. Two.",
            "**Bold.** One goes on until the line is full.",
        ),
        (
            "It says $0.1. Now$ in a formula, and no more. Two.",
            "It says $0.1. Now$ in a formula, and no more.",
        ),
        (
            "One sentence stands here, and it is long enough. Two. It follows:",
            "One sentence stands here, and it is long enough. It follows:",
        ),
        (
            "A number such as 0.5 is not cut, e.g. X is not. Two.",
            "A number such as 0.5 is not cut, e.g. X is not.",
        ),
    ],
)
def test_the_lead_of_a_paragraph(paragraph, shown):
    assert slides.lead(paragraph) == shown


def test_what_does_not_fit_goes_on_below():
    items = "\n".join(f"- item {number}, and some words so that it takes its line" for number in range(40))
    found = slides.deck(new_notebook(cells=[new_markdown_cell(f"## Long\n\n{items}")]))
    assert len(found) > 1
    assert all(slide.below for slide in found[1:])
    assert all(slide.lines <= slides.LINES for slide in found)
    assert sum(len(slide.cells) for slide in found) == 40


def test_links_lead_to_slides_or_nowhere():
    text = "[a](small.ipynb), [b](other.ipynb#x), [c](https://example.org/n.ipynb)"
    small = {"small": ["index", "more"]}
    assert writing.links_to_slides(text, small) == "[a](small.html), b, [c](https://example.org/n.ipynb)"
    text = "[a](../small/index.ipynb#y), [b](../not_small/index.ipynb), [c](exercises.ipynb)"
    assert writing.links_to_slides(text, small) == "[a](small.html#y), b, c"
    text = "[a](../small/more.ipynb), [b](../small/exercises.ipynb), [c](more.ipynb)"
    assert writing.links_to_slides(text, small) == "[a](small.html), b, c"


def test_slides_are_named_after_the_chapter():
    assert name_of(Path("book/01_first/index.ipynb")) == "01_first"
    assert name_of(Path("book/intro.ipynb")) == "intro"


def test_a_chapter_of_several_pages_is_one_deck_in_their_order(tmp_path, capsys):
    folder = tmp_path / "01_first"
    folder.mkdir()
    titles = {"index": "1. First", "late": "1.1 Second", "early": "1.2 Third", "exercises": "Exercises 1"}
    for name, title in titles.items():
        cells = [new_markdown_cell(f"# {title}\n\nThat is {name}, see [the next](late.ipynb).")]
        cells.append(new_markdown_cell("## Further reading\n\n- A book."))
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    assert main([str(tmp_path / "out"), str(folder / "index.ipynb")]) == 0
    (page,) = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert page.name == "01_first.html"
    html = page.read_text(encoding="utf-8")
    assert re.findall(r"That is (\w+), see the next", html) == ["index", "late", "early"]
    assert "01_first.html" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_notebook_without_a_heading_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must have a heading each, got none in 'x'"):
        writing.write_slides(tmp_path, {"x": writing.Chapter(tmp_path, {"x": new_notebook()})})


def test_missing_notebooks_are_named(tmp_path, capsys):
    assert main([str(tmp_path / "out"), str(tmp_path / "none.ipynb")]) == 2
    assert "none.ipynb" in capsys.readouterr().err


def test_a_notebook_that_is_in_no_cache_is_executed(tmp_path):
    path = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A"), new_code_cell("print(1 + 1)")]), path)
    assert executed(path, tmp_path / "no caches").cells[1].outputs[0].text == "2\n"


@pytest.mark.browser
def test_slides_live_without_any_other_host(notebook, chromium: Any, tmp_path: Path) -> None:
    chapters = {"small": writing.Chapter(tmp_path, {"small": notebook})}
    (page_path,) = writing.write_slides(tmp_path / "out", chapters, ["ranking_course"])
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.on("request", lambda request: request.url.startswith("file:") or faults.append(request.url))
    page.goto(page_path.as_uri())
    page.wait_for_function("globalThis.Reveal?.isReady()")
    current = "section.present:not(.stack)"
    assert page.locator(f"{current} h1").text_content() == "A chapter"

    page.keyboard.press("ArrowRight")
    assert page.locator(f"{current} h2").text_content() == "A section"
    assert page.locator(f"{current} mjx-container svg").first.is_visible()
    page.keyboard.press("ArrowDown")
    assert page.locator(f"{current} details.code").is_visible()
    assert page.locator(f"{current} a").get_attribute("href") == "small.html"
    page.keyboard.press("ArrowDown")
    assert page.locator(f"{current} .rx-picture").first.bounding_box()["width"] > 800
    page.keyboard.press("ArrowDown")
    slider = page.locator(f"{current} input[type=range]").first
    before = slider.input_value()
    slider.press("ArrowRight")
    assert slider.input_value() != before
    assert page.locator(f"{current} input[type=range]").first.is_visible(), (
        "the slider's key moved the slides"
    )

    page.goto((tmp_path / "out" / "index.html").as_uri())
    page.get_by_role("link", name="A chapter").click()
    page.wait_for_function("globalThis.Reveal?.isReady()")
    page.close()
    assert faults == []
