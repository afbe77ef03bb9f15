"""Which scripts a page loads, and when: none that it has no use for, and the theme's after all others."""

import re
from typing import Any

from sphinx.application import Sphinx

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
THEME_SCRIPTS = {
    "pydata_sphinx_theme": "scripts/pydata-sphinx-theme.js",
    "sphinx_book_theme": "scripts/sphinx-book-theme.js",
}
"""By extension. What of them needs Bootstrap or Sphinx's own scripts is done by ``js/frame.js``."""

LATE = 900  # the order of scripts: explorers and figures have 500
NEVER = "(?!)"
NEEDED_FOR = {
    r"clipboard\.min\.js|copybutton\.js": NEVER,  # js/copy.js stands for them
    r"togglebutton|\btoggle(Hint|OpenOnPrint)": r'class="[^"]*(?<![\w-])(?:toggle|dropdown)(?![\w-])',
    r"design-tabs\.js": "sd-tab-set",
    r"documentation_options|doctools|sphinx_highlight|^DOCUMENTATION_OPTIONS": NEVER,
}
"""Scripts, by their address or their text, and what the body of a page contains that needs them."""


def add_theme_scripts(app: Sphinx) -> None:
    """Load the theme's own scripts after all others, without those that its templates load."""
    for extension, script in THEME_SCRIPTS.items():
        if extension in app.extensions:
            app.add_js_file(script, priority=LATE, loading_method="defer")


def is_needed(asset: Any, body: str) -> bool:
    """Whether a page with this body has a use for a script."""
    attributes, name = getattr(asset, "attributes", {}), str(getattr(asset, "filename", asset) or "")
    if attributes.get("type") == WIDGET_STATE:  # no script of the page reads it
        return False
    if name.removeprefix("_static/") in THEME_SCRIPTS.values() and "defer" not in attributes:
        return False
    said = name or attributes.get("body", "")
    needs = (need for script, need in NEEDED_FOR.items() if re.search(script, said))
    return all(re.search(need, body) for need in needs)


def choose_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out what the page has no use for, and let the rest wait until it is parsed."""
    body = context.get("body", "")
    context["script_files"] = [asset for asset in context.get("script_files", []) if is_needed(asset, body)]
    for asset in context["script_files"]:
        attributes = getattr(asset, "attributes", None)
        if attributes is not None and asset.filename and "async" not in attributes:
            attributes.setdefault("defer", "defer")


def setup(app: Sphinx) -> None:
    """Connect what stands above."""
    app.connect("builder-inited", add_theme_scripts)
    app.connect("html-page-context", choose_scripts, priority=900)  # after all that add some
