"""Rules for the code of a notebook's cells, read from its syntax tree.

Cells tagged ``claims`` only verify, and all that only verifies is tagged; ``check(...)`` is the one idiom for
it; calls are written out; lines fit the page.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from literal_splats import literal_splats
from nbformat import NotebookNode

from bookwork.claims import CLAIMS
from bookwork.grading import editions

MAX_LINES = 30  # lines of code that a reader sees of one cell: longer code belongs into the package
MAX_WIDTH = 88
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell", CLAIMS}


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def collapsed(cell: NotebookNode) -> dict[str, bool]:
    """Metadata by which JupyterLab folds what pages fold."""
    hidden = {"source_hidden": bool(FOLDED & set(tags(cell))), "outputs_hidden": CLAIMS in tags(cell)}
    return {key: True for key, value in hidden.items() if value}


def folded_in_page(cell: NotebookNode) -> bool:
    """Whether a page folds the code of a cell; it does so with the checks of every exercise."""
    return bool(FOLDED & set(tags(cell))) or (editions.grade_id(cell) or "").endswith(editions.CHECK)


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """All calls of the function of that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """The variables that code reads (``ast.Load``) or sets (``ast.Store``)."""
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }


def only_checks(statements: Sequence[ast.stmt]) -> bool:
    """Whether statements are checks, what they need, and loops of them."""
    for statement in statements:
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Import, ast.ImportFrom)):
            continue
        if isinstance(statement, (ast.For, ast.With)) and only_checks(statement.body):
            continue
        if isinstance(statement, ast.Expr) and statement.value in calls(statement, "check"):
            continue
        return False
    return True


def rule_faults(cells: Sequence[NotebookNode]) -> Iterator[tuple[int, str]]:
    """The number of a cell, and what is wrong with its code; ``cells`` are all of a notebook."""
    trees: dict[int, ast.Module] = {}
    for number, cell in enumerate(cells):
        if cell.cell_type == "code":
            try:
                trees[number] = ast.parse(cell.source)
            except SyntaxError as error:
                yield number, f"is no Python: {error.msg}"
    for number, tree in trees.items():
        cell = cells[number]
        later = {name for other, code in trees.items() if other > number for name in names(code, ast.Load)}
        checks = any(calls(tree, "check"))
        verifies = checks and only_checks(tree.body) and not names(tree, ast.Store) & later
        if verifies and CLAIMS not in tags(cell):
            yield number, f"only checks claims, and must be tagged {CLAIMS}"
        if CLAIMS in tags(cell) and not checks:
            yield number, f"is tagged {CLAIMS} and has no check(...)"
        if CLAIMS in tags(cell) and "hide-input" in tags(cell):
            yield number, f"is tagged {CLAIMS}, which folds it already, and hide-input"
        if any(bool_call in call.args for call in calls(tree, "print") for bool_call in calls(call, "bool")):
            yield number, "prints a truth value: say it with check(statement, holds)"
        for line in literal_splats(tree):
            yield number, f"unpacks a literal in line {line}: write the call out"
        # hidden checks are in no page: what counts is what a reader sees
        lines = editions.visible_of(cell.source).splitlines()
        if len(lines) > MAX_LINES and not folded_in_page(cell):
            yield number, f"shows {len(lines)} lines of code, more than {MAX_LINES}"
        widest = max(map(len, lines), default=0)
        if widest > MAX_WIDTH:
            yield number, f"has a line of {widest} characters, more than {MAX_WIDTH}"
        if cell.metadata.get("jupyter", {}) != collapsed(cell):
            yield number, f"must be as folded in JupyterLab as in pages: {collapsed(cell)}; --fix does it"
