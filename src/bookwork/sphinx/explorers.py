"""Explorers come first, then figures: what a page needs for them is asked for before all else it loads."""

import hashlib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from bookwork.explorer import bundle
from bookwork.figure.html import MODULE
from bookwork.sphinx.nodes import page_figure
from bookwork.sphinx.offline import EXPLORERS, FOLDER, write

STATES = "states"  # folder beside that of the explorers' scripts, for large states


def load_first(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Ask for the scripts of a page's explorers at the top of its head, and write its large states.

    The scripts are ``async``: nothing waits for them, and they run as soon as they are there, perhaps while
    the page is still being read. What its first explorer needs has precedence over what the others do.
    """
    found = _explorers(doctree)
    if not found:
        return
    _write_states(Path(app.outdir) / "_static" / FOLDER / STATES, found)
    scripts = bundle.page_scripts(app.config.bookwork_explorers)
    lines = [_script(context, f"{EXPLORERS}/runtime.js", bundle.page_runtime(), "high")]
    for module in dict.fromkeys(node["module"] for node in found):
        priority = "high" if module == found[0]["module"] else "low"
        lines.append(_script(context, f"{EXPLORERS}/{module}.js", scripts[module], priority))
    if first := found[0]["begins_with"]:
        lines.insert(2, _script(context, f"{STATES}/{first}.js", "", "high", f' data-state="{first}"'))
    context["metatags"] = "\n    " + "\n    ".join(lines) + context.get("metatags", "")


def _explorers(doctree: nodes.document | None) -> list[page_figure]:
    """Those of a page in their order, and after them its figures."""
    found = [node for node in doctree.findall(page_figure) if "module" in node] if doctree else []
    return sorted(found, key=lambda node: node["module"] == MODULE)


def _write_states(folder: Path, found: list[page_figure]) -> None:
    for node in found:
        for name, script in node["states"].items():
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / f"{name}.js", script.encode())


def _script(context: dict[str, Any], name: str, content: str, priority: str, more: str = "") -> str:
    """A script that is loaded without holding up the page; browsers take it anew when its content changes."""
    version = f"?v={hashlib.sha256(content.encode()).hexdigest()[:8]}" if content else ""
    address = context["pathto"](f"_static/{FOLDER}/{name}", 1) + version
    return f'<script async fetchpriority="{priority}" src="{address}"{more}></script>'


def setup(app: Sphinx) -> None:
    """Connect it, before other additions to the head."""
    app.connect("html-page-context", load_first, priority=100)
