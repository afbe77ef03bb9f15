"""Document nodes and their HTML: live figures with a caption, and cells that are folded away."""

from html import escape
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, HideInputCells
from sphinx.transforms.post_transforms import SphinxPostTransform

from bookwork.claims import CLAIMS, TICK
from bookwork.sphinx.folds import later


class page_figure(nodes.General, nodes.Element):
    """A figure whose body is HTML.

    Unlike that of a raw node, its HTML (states, tables of numbers) stays out of the search index: ``body``
    before the caption, ``tail`` after it. Its children are the caption and are indexed.
    """


def visit_page_figure(translator: Any, node: page_figure) -> None:
    """Open the figure, write its body, open the caption."""
    caption = "<figcaption>" if node.children else ""
    translator.body.append(translator.starttag(node, "figure", "") + node["body"] + caption)


def depart_page_figure(translator: Any, node: page_figure) -> None:
    """Close the caption, write what follows it, close the figure."""
    caption = "</figcaption>" if node.children else ""
    translator.body.append(f"{caption}{node['tail']}</figure>\n")


def visit_folded(translator: Any, node: HideCodeCellNode) -> None:
    """Open a folded part of a cell; what is seen of it is also its name for assistive technology."""
    part = "code" if "above-input" in node["classes"] else "output"
    said = ""
    for verb, state in (("Show", "closed"), ("Hide", "open")):
        prompt = node[f"prompt_{verb.lower()}"]  # stock, or of the cell's own
        shown = f"{verb} {part}" if prompt.startswith(f"{verb} code cell ") else prompt
        said += f'<span class="ranking-{state}">{escape(shown)}</span>'
    translator.body.append(f'<details class="ranking-code"><summary>{said}</summary>\n')
    node["from"] = len(translator.body)


def depart_folded(translator: Any, node: HideCodeCellNode) -> None:
    """Close it."""
    inner = "".join(translator.body[node["from"] :])
    translator.body[node["from"] :] = [later(inner), "</details>\n"]


class FoldClaims(SphinxPostTransform):
    """Neighbouring cells tagged ``claims`` fold to one line: how many hold; it opens to code and ticks."""

    default_priority = HideInputCells.default_priority - 1  # which folds what is marked here
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Mark each such cell as one that is hidden whole, under its count."""
        for cell in list(self.document.findall(_is_claims)):
            before = cell.parent[cell.parent.index(cell) - 1]
            if before is not cell and _is_claims(before):
                before.extend(cell.children)
                cell.parent.remove(cell)
                cell = before
            parts = [part for part in cell.children if part["nb_element"] == "cell_code_output"]
            printed = [output.astext() for part in parts for output in part.children]
            count = sum(line.startswith(TICK) for text in printed for line in text.split("\n"))
            said = f"{count} claim{'' if count == 1 else 's'} checked" if count else "Claims, not checked"
            cell["hide_mode"], cell["prompt_show"], cell["prompt_hide"] = "all", said, said


def _is_claims(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and f"tag_{CLAIMS}" in node["classes"]


def _fold_that_opens(cell: nodes.Node | None) -> HideCodeCellNode | None:
    """The fold around the code with which a cell begins, if it is a cell that does."""
    if isinstance(cell, nodes.container) and cell.get("nb_element") == "cell_code" and not _is_claims(cell):
        for first in cell.children[:1]:
            if isinstance(first, HideCodeCellNode) and "above-input" in first["classes"]:
                return first
    return None


class OneFoldForNeighbours(SphinxPostTransform):
    """Folded cells that follow each other, with no output between them, open with one click."""

    default_priority = HideInputCells.default_priority + 1
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Move the code of each such cell into the fold of the next."""
        for cell in list(self.document.findall(nodes.container)):
            after = cell.next_node(descend=False, siblings=True)
            fold, next_fold = _fold_that_opens(cell), _fold_that_opens(after)
            if fold is None or next_fold is None or len(cell.children) > 1:
                continue
            if fold["prompt_show"] == next_fold["prompt_show"]:
                next_fold.insert(0, fold.children)
                cell.parent.remove(cell)
