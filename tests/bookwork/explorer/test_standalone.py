"""Explorers for viewers that know neither widgets nor this book: HTML that is live by itself, and a text."""

from __future__ import annotations

import re
from html import unescape

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from bookwork.explorer import QuizExplorer, RecordedExplorer
from bookwork.explorer.standalone import standalone_html


def line(slope):
    """A picture to record."""
    axis = {"label": "</script><b>x</b>"}
    series = {"name": "line", "kind": "line", "x": [0, 1], "y": [0, slope]}
    return {"x": axis, "y": {"label": "y"}, "series": [series], "sentence": f"It rises by {slope}."}


def recorded(**more):
    return RecordedExplorer(line, {"slope": [1, 2]}, title="Slopes", **more)


def output(explorer):
    return explorer._repr_mimebundle_()[0]


def test_an_output_has_html_and_a_text():
    data = output(recorded(alt="A line & a slider.", caption="It is *steep*."))
    assert data["text/plain"] == "A line & a slider."
    assert "<figcaption><p>It is <em>steep</em>.</p>" in data["text/html"]
    assert '<p class="rx-alt">A line &amp; a slider.</p>' in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_what_is_left_without_scripts_is_the_text():
    html = output(recorded(alt="A line & a slider."))["text/html"]
    left = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert unescape(re.sub(r"<[^>]*>", "", left)).split() == ["A", "line", "&", "a", "slider."]


def test_no_address_and_no_end_of_a_script_inside():
    html = standalone_html("bookwork", "quiz", {"text": "</script><!--"}, alt="A quiz.")
    assert html.count("</script>") == 3  # state, runtime, module
    assert "<!--" not in html
    assert set(re.findall(r"https?://[^\s\"']*", html)) == {"http://www.w3.org/2000/svg"}  # a name


@pytest.mark.browser
def test_several_in_an_exported_notebook_are_live(chromium, tmp_path):
    options = [{"text": text, "explanation": text, "right": text == "yes"} for text in ("yes", "no")]
    quiz = QuizExplorer([{"id": "one", "text": "Is it so?", "options": options}])
    cells = [
        new_code_cell("", outputs=[new_output("display_data", data=output(explorer))])
        for explorer in (recorded(), recorded(), quiz)
    ]
    exporter = HTMLExporter(exclude_input=True, mathjax_url="", require_js_url="", mermaid_js_url="")
    html, _ = exporter.from_notebook_node(new_notebook(cells=cells))
    (tmp_path / "exported.html").write_text(html, encoding="utf-8")
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "exported.html").as_uri())
    page.locator(".rx-question").wait_for()
    assert page.locator(".rx").count() == 3
    assert page.locator(".rx-alt").count() == 0
    page.get_by_role("slider").nth(1).press("ArrowRight")
    said = page.locator(".rx-sentence").all_inner_texts()
    assert said[:2] == ["It rises by 1.", "It rises by 2."]  # each has a model of its own
    page.close()
    assert errors == []
