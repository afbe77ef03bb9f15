from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from myst_nb.core.render import MimeData

from bookwork.figure.jupyter import CAPTION
from bookwork.sphinx import renderers
from bookwork.sphinx.nodes import page_figure
from ranking_course import figures


class Renderer:
    """Stands for myst-nb's renderer, and notes what it is asked for."""

    def __init__(self, extensions=("bookwork.sphinx",)) -> None:
        self.scripts: list[str | None] = []
        self.warnings: list[str] = []
        config = SimpleNamespace(bookwork_explorers=["ranking_course"], bookwork_palette="")
        app = SimpleNamespace(extensions=dict.fromkeys(extensions), config=config)
        self.renderer = SimpleNamespace(sphinx_env=SimpleNamespace(app=app, config=config))
        self.logger = SimpleNamespace(warning=lambda message, **_: self.warnings.append(message))

    def add_js_file(self, key, uri, options) -> None:
        self.scripts.append(uri)


def figure(**meta) -> dict:
    made = figures.new_figure(title="Raw & <b>calibrated</b>", alt="Seen.", caption="Said.", x="x", y="y")
    made.line([1, 2], [3, 4], "raw", target="click")
    made.layout.meta = meta
    return json.loads(made.to_json())


def rendered(renderer, kind, mime_type, content) -> page_figure:
    (node,) = kind.handle_mime(renderer, MimeData(mime_type, content), False)
    return node


def test_a_plotly_figure_has_title_picture_and_table():
    renderer = Renderer()
    node = rendered(
        renderer, renderers.PlotlyRenderer, renderers.PLOTLY, figure(alt='Seen "so".', caption="")
    )
    assert '<p class="ranking-title">Raw &amp; calibrated</p>' in node["body"]
    assert 'role="img" aria-label="Seen &quot;so&quot;."' in node["body"]
    assert "<details" in node["tail"]
    assert "<table>" not in node["tail"]  # made when it is opened
    assert node["module"] == "drawn"  # its script is asked for as those of explorers are
    assert renderer.scripts == []


def test_a_caption_that_jupyterlab_shows_below_a_figure_is_not_shown_again():
    caption = MimeData(CAPTION, {})
    (node,) = renderers.PlotlyRenderer.handle_mime(Renderer(), caption, False)
    assert node.tagname == "comment"  # not nothing: myst-nb would take the Markdown beside it
    assert renderers.PlotlyRenderer.handle_mime(Renderer(extensions=()), caption, False) is None
    assert ("html", CAPTION, 2) in renderers.PlotlyRenderer.mime_priority_overrides  # before Markdown


def test_the_figure_itself_is_left_as_it_was():
    content = figure(alt="Seen.", caption="")
    before = json.dumps(content)
    rendered(Renderer(), renderers.PlotlyRenderer, renderers.PLOTLY, content)
    assert json.dumps(content) == before


def test_missing_texts_are_warnings():
    renderer = Renderer()
    rendered(renderer, renderers.PlotlyRenderer, renderers.PLOTLY, figure())
    assert [message.split(":")[0] for message in renderer.warnings] == [
        "a plotly figure has no layout.meta.alt",
        "a plotly figure has no layout.meta.caption",
    ]


def test_what_pages_cannot_draw_is_a_warning_that_names_it():
    renderer = Renderer()
    content = figure(alt="Seen.", caption="")
    content["layout"]["shapes"] = [{"type": "line"}]
    node = rendered(renderer, renderers.PlotlyRenderer, renderers.PLOTLY, content)
    assert renderer.warnings[-1] == "a plotly figure uses what pages cannot draw: layout.shapes"
    assert node["body"] == "<p>Seen.</p>"


def test_an_explorer_brings_its_state_and_its_script():
    renderer = Renderer()
    state = {"text": "</script><!-- <b>", "rate": 0.1}
    content = {"module": "calibration", "state": state, "alt": "Two & sliders", "caption": ""}
    node = rendered(renderer, renderers.ExplorerRenderer, renderers.EXPLORER, content)
    inside = node["body"].split('<script type="application/json">')[1].split("</script>")[0]
    assert json.loads(inside) == state
    assert "<!--" not in inside
    assert "<noscript><p>Two &amp; sliders</p></noscript>" in node["body"]
    assert (node["module"], node["states"]) == ("calibration", {})
    assert renderer.scripts == []  # they are asked for before all others: test_explorers_first


def test_a_widget_becomes_a_note():
    node = rendered(Renderer(), renderers.WidgetRenderer, renderers.WIDGET_VIEW_MIMETYPE, {"model_id": "1"})
    assert node.astext() == renderers.KERNEL_NOTE


@pytest.mark.parametrize(
    ("kind", "mime_type"),
    [
        (renderers.PlotlyRenderer, renderers.PLOTLY),
        (renderers.ExplorerRenderer, renderers.EXPLORER),
        (renderers.WidgetRenderer, renderers.WIDGET_VIEW_MIMETYPE),
    ],
)
def test_other_outputs_and_other_books_are_left_alone(kind, mime_type):
    assert kind.handle_mime(Renderer(), MimeData("text/plain", "2"), False) is None
    assert kind.handle_mime(Renderer(), MimeData(mime_type, {}), True) is None
    assert kind.handle_mime(Renderer(extensions=()), MimeData(mime_type, {}), False) is None
