"""All that a page loads comes with the book; what would ask another host is dropped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.explorer import bundle
from bookwork.palette import Palette, palette_named

FOLDER = "ranking"
"""Folder below ``_static`` of the output. It is no folder of the sources: those load on every page."""

EXPLORERS = "explorers"
"""Folder below that one: one script per explorer, and the runtime that mounts them."""

MATHJAX = "tex-svg.js"
ASSETS = Path(__file__).parent / "assets"
THEBE = "sphinx_thebe"  # live kernels on a foreign host, which stock Jupyter Book prepares on every page
THEBE_STYLE = "sphinx-thebe.css"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def mathjax_source() -> Path:
    """MathJax as one script that needs no fonts, from the wheel that carries it."""
    found = [path for path in distribution("sphinx-mathjax-offline").files or [] if path.name == MATHJAX]
    return Path(str(found[0].locate()))


def plotly_page_script(palette: Palette) -> str:
    """The script that draws the plotly figures of a page, told which colours stand for which ink."""
    script = (ASSETS / "plotly_page.js").read_text(encoding="utf-8")
    return script.replace("/* NEUTRAL */ {}", json.dumps(dict(palette.neutral)))


def set_config(app: Sphinx, config: Config) -> None:
    """Take the local MathJax, and none of the widget scripts (the pages have no kernel)."""
    config.nb_ipywidgets_js = {}
    config.mathjax_path = f"{FOLDER}/{MATHJAX}"
    # The menu would make every formula a stop of the Tab key, and fetches more scripts when it is used.
    mathjax = {"options": {"enableMenu": False}, "svg": {"mtextInheritFont": True}}
    config.mathjax3_config = {**mathjax, **(config.mathjax3_config or {})}


def write_scripts(app: Sphinx) -> None:
    """Write all scripts that pages may load, before the first page is written."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / FOLDER
    (folder / EXPLORERS).mkdir(parents=True, exist_ok=True)
    palette = palette_named(app.config.bookwork_palette)
    write_live_scripts(folder, folder / EXPLORERS, app.config.bookwork_explorers, palette)


def write_live_scripts(folder: Path, beside: Path, explorers: Sequence[str], palette: Palette) -> None:
    """Write what formulas and figures need into ``folder``, and what explorers need into ``beside``.

    Args:
        folder: one that exists.
        beside: another, or the same.
        explorers: packages that bring explorers.
        palette: colours of the figures.
    """
    plotly = files("plotly").joinpath("package_data", "plotly.min.js")
    write(folder / MATHJAX, mathjax_source().read_bytes())
    write(folder / "plotly.min.js", plotly.read_bytes())
    write(folder / "plotly_page.js", plotly_page_script(palette).encode())
    write(beside / "runtime.js", bundle.page_runtime().encode())
    for name, script in bundle.page_scripts(explorers).items():
        write(beside / f"{name}.js", script.encode())


def write(path: Path, content: bytes) -> None:
    """Write a file unless it holds just that."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def drop_thebe(app: Sphinx, config: Config) -> None:
    """Undo what Thebe's extension has connected, so that it leaves no trace in any page."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == THEBE:
                app.disconnect(listener.id)


def drop_assets(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave out Thebe's style sheet, and the stored state of widgets, which no script of the page reads."""
    for key in ("script_files", "css_files"):
        context[key] = [asset for asset in context.get(key, []) if not is_dropped(asset)]


def is_dropped(asset: Any) -> bool:
    """True for what no page needs."""
    kind = getattr(asset, "attributes", {}).get("type")
    return kind == WIDGET_STATE or str(getattr(asset, "filename", asset)).endswith(THEBE_STYLE)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx.

    ``bookwork_explorers`` names the packages that bring explorers in a folder ``js``, ``bookwork_palette``
    the book's colours as ``"module:NAME"``.
    """
    app.add_config_value("bookwork_explorers", [], "env", list)
    app.add_config_value("bookwork_palette", "", "env", str)
    app.connect("config-inited", set_config)
    app.connect("builder-inited", write_scripts)
    app.connect("config-inited", drop_thebe)
    app.connect("html-page-context", drop_assets, priority=900)  # after all that add scripts
