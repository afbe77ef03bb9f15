"""What is wrong with an authored notebook of exercises, and how its checks weigh."""

import ast
from collections import Counter
from collections.abc import Iterator

from nbformat import NotebookNode

from bookwork.grading.editions import (
    BEGIN_HIDDEN,
    BEGIN_SOLUTION,
    CHECK,
    END_HIDDEN,
    END_SOLUTION,
    FOLD,
    UNFOLD,
    WHY,
    cut,
    exercises,
    grade_id,
    is_paragraph,
    metadata,
    model_of,
    shown_of,
    visible_of,
)

IN_SIGHT = 0.5  # of the weight of an exercise's checks, at least


def faults(notebook: NotebookNode) -> list[str]:
    """What keeps an authored notebook from being graded, or from keeping its secrets."""
    times = Counter(name for name in map(grade_id, notebook.cells) if name)
    found = [f"two cells are named {name!r}" for name, count in sorted(times.items()) if count > 1]
    for number, cell in enumerate(notebook.cells):
        name = grade_id(cell)
        if name is None:
            if "nbgrader" in cell.metadata or any(m in cell.source for m in (BEGIN_SOLUTION, BEGIN_HIDDEN)):
                found.append(f"cell {number} has markers or metadata of an exercise, but no grade id")
            continue
        checks, why = name.endswith(CHECK), name.endswith(WHY)
        solves = not cell.metadata.nbgrader.locked and not why
        points = cell.metadata.nbgrader.get("points") if checks or why else None
        said = {
            "must have that id and the metadata that follows from its name": cell.id == name
            and dict(cell.metadata.nbgrader) == metadata(name, points),
            "must end in checks.score()": not checks or cell.source.rstrip().endswith("checks.score()"),
            "has no hidden check": not checks or BEGIN_HIDDEN in cell.source,
            f"must be text, a model answer between {FOLD!r} and {UNFOLD!r}": not why or _is_folded(cell),
            "marks no solution": not solves or BEGIN_SOLUTION in cell.source,
            "must be tagged hide-input": not solves or "hide-input" in cell.metadata.get("tags", []),
        }
        found += [f"cell {name!r} {fault}" for fault, holds in said.items() if not holds]
        for begin, end in ((BEGIN_SOLUTION, END_SOLUTION), (BEGIN_HIDDEN, END_HIDDEN)):
            try:
                cut(cell.source, begin, end)
            except ValueError as error:
                found.append(f"cell {name!r}: {error}")
        found += [f"cell {name!r} {fault}" for fault in unbalanced(cell.source)] if checks else []
    try:
        return found if list(exercises(notebook)) else [*found, "has no exercise"]
    except ValueError as error:
        return [*found, str(error)]


def _is_folded(cell: NotebookNode) -> bool:
    """Whether a paragraph is folded in pages and in JupyterLab, where a reader tries first."""
    around = cell.source.startswith(f"{FOLD}\n\n") and cell.source.endswith(f"\n\n{UNFOLD}")
    return is_paragraph(cell) and around and bool(model_of(cell))


def weights(source: str) -> tuple[float, float, float]:
    """Of a check cell: the weight of its checks in sight, of the hidden ones, and what it says of all.

    A cell whose weights are no plain numbers is a ValueError.
    """
    found = []
    for code in (visible_of(source), shown_of(source)):
        try:
            tree = ast.parse(code)
        except SyntaxError as error:
            raise ValueError(f"a check cell must be Python: {error.msg}") from error
        found.append(sum(_weight(call) for call in _decorators(tree)))
    totals = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "Checks"]
    if len(totals) != 1:
        raise ValueError(f"a check cell must make its Checks once, found {len(totals)} times")
    return found[0], found[1] - found[0], _number(totals[0], "total", None)


def _decorators(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls of ``checks`` that make a function a check."""
    for node in ast.walk(tree):
        for made in getattr(node, "decorator_list", ()):
            if isinstance(made, ast.Call) and _called(made) == "checks":
                yield made


def _called(call: ast.Call) -> str | None:
    return call.func.id if isinstance(call.func, ast.Name) else None


def _weight(call: ast.Call) -> float:
    return _number(call, "weight", 1.0)


def _number(call: ast.Call, name: str, default: float | None) -> float:
    values = [keyword.value for keyword in call.keywords if keyword.arg == name]
    value = values[0].value if values and isinstance(values[0], ast.Constant) else default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (values and value is default):
        raise ValueError(f"{name} of {_called(call)} must be a plain number")
    return float(value)


def unbalanced(source: str) -> Iterator[str]:
    """What is wrong with the weights of a check cell."""
    try:
        seen, hidden, total = weights(source)
    except ValueError as error:
        yield f"has weights that cannot be read: {error}"
        return
    if abs(seen + hidden - total) > 1e-9:
        yield f"must have total={seen + hidden:g}, the weight of all its checks, got {total:g}"
    if seen < IN_SIGHT * total - 1e-9:
        yield f"must show checks of at least half the weight, {IN_SIGHT * total:g}, got {seen:g}"
