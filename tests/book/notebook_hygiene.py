"""Notebooks are kept without outputs, but for the small checked ones that nbval compares.

``python tests/book/notebook_hygiene.py FILES`` names every fault; ``--fix`` strips what does not belong;
``--refresh`` runs the notebooks and stores the outputs of checked cells anew. Used by pre-commit and tests.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

import nbformat
from cell_rules import collapsed, rule_faults
from nbformat import NotebookNode

from bookwork.grading import editions
from bookwork.grading.faults import faults as exercise_faults
from ranking.progress import SILENT

CHECKED = "nbval-check-output"
MAX_OUTPUT = 2_000  # characters of one checked output: something a reader can compare by eye
KEPT_METADATA = ("mystnb", "description")  # the latter tells search engines what the page is about
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
PROGRESS_BAR = re.compile(r"\d%\|")  # as tqdm draws it
# Paths of one machine say nothing to the next reader.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(home|root|tmp|Users|work|private|opt)/\w")
# JupyterLab takes a line that begins with a year and a full stop for the item of a new list.
YEAR_FIRST = re.compile(r"^\s*\d{3,}\. ", re.MULTILINE)


def is_checked(cell: NotebookNode) -> bool:
    """Whether nbval compares this cell's output."""
    return CHECKED in cell.metadata.get("tags", [])


def output_texts(cell: NotebookNode) -> list[str]:
    """The plain texts of a code cell's outputs."""
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            texts.append(output.text)
        elif output.output_type in ("execute_result", "display_data"):
            texts.append(output.data.get("text/plain", ""))
        else:
            texts.append("\n".join(output.get("traceback", [])))
    return texts


def cell_faults(cell: NotebookNode) -> list[str]:
    """What is wrong with one code cell."""
    found = []
    if cell.execution_count is not None and not is_checked(cell):
        found.append("carries an execution count")
    if cell.outputs and not is_checked(cell):
        found.append(f"has stored outputs without the tag {CHECKED}")
    if is_checked(cell):
        if not cell.outputs:
            found.append(f"is tagged {CHECKED} but stores no output, so nbval compares nothing")
        elif cell.execution_count is None:
            found.append("stores an output without an execution count, which nbval takes for a mistake")
        if any(output.output_type == "error" for output in cell.outputs):
            found.append("stores an error as its checked output")
        if any(PROGRESS_BAR.search(text) for text in output_texts(cell)):
            found.append("stores a progress bar, which no second run repeats")
        if any(set(output.get("data", {})) - {"text/plain"} for output in cell.outputs):
            found.append("stores an output that is not plain text")
        if sum(map(len, output_texts(cell))) > MAX_OUTPUT:
            found.append(f"stores more than {MAX_OUTPUT} characters of output")
        if cell.source.rstrip().endswith(";"):
            found.append("ends in ';', which hides from nbval what it should compare")
    if any(MACHINE_PATH.search(text) for text in [cell.source, *output_texts(cell)]):
        found.append("names a path of one machine")
    return found


def faults(path: Path) -> list[str]:
    """What is wrong with one notebook, as messages that name file and cell."""
    notebook = nbformat.read(path, as_version=4)
    found = []
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        found.append(f"{path}: not a valid notebook: {error.message}")
    if dict(notebook.metadata.get("kernelspec", {})) != KERNEL:
        found.append(f"{path}: kernelspec must be {KERNEL}")
    if extra := set(notebook.metadata) - {"kernelspec", "language_info", *KEPT_METADATA}:
        found.append(f"{path}: metadata that does not belong here: {', '.join(sorted(extra))}")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if code and not any(is_checked(cell) for cell in code):
        found.append(f"{path}: no cell is tagged {CHECKED}, so nbval compares nothing")
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        found.append(f"{path}: must open with a title cell, '# …'")
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [f"{path}: cell {number} {fault}" for fault in cell_faults(cell)]
        elif MACHINE_PATH.search(cell.source):
            found.append(f"{path}: cell {number} names a path of one machine")
        if cell.cell_type == "markdown" and YEAR_FIRST.search(cell.source):
            found.append(f"{path}: cell {number} has a line that begins with a number and reads as a list")
    found += [f"{path}: cell {number} {fault}" for number, fault in rule_faults(notebook.cells)]
    if path.stem == editions.NAME:
        found += [f"{path}: {fault}" for fault in exercise_faults(notebook)]
    return found


def fix(notebook: NotebookNode) -> NotebookNode:
    """Strip outputs of unchecked cells, counts and foreign metadata; fold in JupyterLab what pages fold."""
    notebook.metadata = nbformat.from_dict(
        {
            **{key: notebook.metadata[key] for key in KEPT_METADATA if key in notebook.metadata},
            "kernelspec": KERNEL,
            "language_info": {"name": "python"},
        }
    )
    checked = 0
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("jupyter", None)
        if hidden := collapsed(cell):
            cell.metadata["jupyter"] = hidden
        if not is_checked(cell):
            cell.outputs = []
        # nbval wants a count where there is an output; ours does not change with what runs before.
        checked += bool(cell.outputs)
        cell.execution_count = checked if cell.outputs else None
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count
            if "data" in output:
                output.data = {key: value for key, value in output.data.items() if key == "text/plain"}
    return notebook


def refresh(path: Path) -> NotebookNode:
    """Run the notebook where it lies and keep the outputs of its checked cells."""
    from nbclient import NotebookClient

    from bookwork.kernels import AttentiveKernelManager

    os.environ.setdefault(SILENT, "1")  # the kernel inherits it: a progress bar is no output to compare
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook,
        timeout=300,
        coalesce_streams=True,
        resources=resources,
        kernel_manager_class=AttentiveKernelManager,
    ).execute()
    return fix(notebook)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--fix", action="store_true", help="strip what does not belong")
    parser.add_argument("--refresh", action="store_true", help="run, and store checked outputs anew")
    options = parser.parse_args(arguments)
    status = 0
    for path in options.files:
        if options.fix or options.refresh:
            clean = refresh(path) if options.refresh else fix(nbformat.read(path, as_version=4))
            nbformat.write(clean, path)
        for fault in faults(path):
            print(fault, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    raise SystemExit(main())
