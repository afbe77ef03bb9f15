"""A live figure as one piece of HTML that needs nothing beside it: no kernel, no network, no other file.

It is what viewers show that know neither widgets nor this book: ``jupyter nbconvert --to html``, nbviewer, an
exported notebook. One that strips scripts shows the alternative text.
"""

import json
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from bookwork.explorer import bundle
from bookwork.palette import DEFAULT, Palette


def json_in_script(value: Any) -> str:
    """``value`` as JSON that may stand in a ``<script>``: it holds neither ``</`` nor ``<!--``."""
    packed = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return packed.replace("<", "\\u003c")


def standalone_html(
    package: str,
    module: str,
    state: Any,
    *,
    alt: str,
    caption: str = "",
    palette: Palette = DEFAULT,
) -> str:
    """HTML that shows ``state`` by a module: its script, its state and the style sheet in one piece.

    Any number of them may stand in one document, in frames of their own or not: each brings all that it
    needs, and leaves alone what is there already.

    Args:
        package: whose folder ``js`` has the module.
        module: its name. It is any module with ``export default { render }``, of an explorer or of a figure,
            and its ``model`` has ``get``, ``set`` and ``on`` as anywidget's.
        state: what ``model.get`` gives, by name, as plain JSON data.
        alt: what stands there until the script has run, and where none may.
        caption: Markdown below it.
        palette: its colours.
    """
    said = MarkdownIt("commonmark", {"html": False}).render(caption)
    below = f"<figcaption>{said}</figcaption>" if caption else ""
    codes = (bundle.page_runtime(), bundle.page_script(package, module))
    scripts = "".join("<script>" + code.replace("</", "<\\/") + "</script>\n" for code in codes)
    return (
        f"<style>{bundle.stylesheet(palette)}</style>\n"
        f'<figure class="ranking-figure"><div class="ranking-explorer" data-module="{module}">'
        f'<script type="application/json">{json_in_script(state)}</script>'
        f'<p class="rx-alt">{escape(alt)}</p></div>{below}</figure>\n{scripts}'
    )
