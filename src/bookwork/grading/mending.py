"""What a learner's editing has damaged is mended before a submission is run; what was changed is noted."""

import hashlib
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import preprocessors as stock
from nbgrader.api import Gradebook
from nbgrader.utils import compute_checksum

from bookwork.grading.editions import CHECK, SETUP, TEXT_STUB, WHY, grade_id, metadata, visible_of

ABOUT = "bookwork"
"""The key of a graded notebook's metadata: digests of what was graded, how it was kept apart, and notes."""


def in_order(name: str) -> tuple[int, str]:
    """A key by which setup, setup-2, ..., setup-10 come in their order."""
    return len(name), name


def submission_digest(path: Path) -> str:
    """Of a file that was handed in: whether it is still the one that was graded."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checks_digest(gradebook: Gradebook, assignment: str) -> str:
    """Of an assignment's locked cells: whether a submission was graded by the checks of today."""
    found = hashlib.sha256()
    for notebook in sorted(gradebook.find_assignment(assignment).notebooks, key=lambda each: each.name):
        for cell in sorted(notebook.source_cells, key=lambda each: each.name):
            if cell.locked:
                found.update(f"{notebook.name}\0{cell.name}\0{cell.source}\0".encode())
    return found.hexdigest()


def note(nb: NotebookNode, said: str) -> None:
    """Remember something that a teacher should know of a submission."""
    notes = nb.metadata[ABOUT]["notes"]
    if said not in notes:
        notes.append(said)


class MendCells(stock.NbGraderPreprocessor):
    """Metadata made whole from the gradebook, copies made plain cells, deleted locked cells brought back.

    nbgrader goes by the metadata that a learner's program has written; copied cells, lost metadata and
    deleted cells would abort the run of a class, or leave a submission without a grade. It also warns of
    every locked cell, since hidden checks make its checksum differ: only a real edit is noted here.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """The mended notebook."""
        about = resources["nbgrader"]
        nb.metadata[ABOUT] = {"notes": []}  # what a learner may have written there is gone
        with Gradebook(about["db_url"]) as gradebook:
            source = gradebook.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: cell.max_score for cell in source.grade_cells}
            known = {cell.name: (cell.source, cell.checksum) for cell in source.source_cells}
            nb.metadata[ABOUT]["checks"] = checks_digest(gradebook, about["assignment"])
        handed_in = Path(resources.get("metadata", {}).get("path") or ".") / f"{about['notebook']}.ipynb"
        if handed_in.is_symlink():
            raise RuntimeError(f"{handed_in} must be a file, and is a link")
        links = [path for path in handed_in.parent.rglob("*") if path.is_symlink()]
        if links:  # nbgrader has copied what they lead to
            note(nb, f"{len(links)} links in its folder were left out")
        nb.metadata[ABOUT]["links"] = [str(path.relative_to(handed_in.parent)) for path in links]
        nb.metadata[ABOUT]["submission"] = submission_digest(handed_in)
        whole = {
            name: NotebookNode({**metadata(name, points.get(name)), "checksum": checksum})
            for name, (_, checksum) in known.items()
        }
        for cell in nb.cells:
            about_cell = cell.metadata.pop("nbgrader", None)
            said = about_cell.get("grade_id") if isinstance(about_cell, dict) else None
            # a cell's id is its name, too; both may be anything, not only texts
            name = next((n for n in (said, cell.get("id")) if isinstance(n, str) and n in known), None)
            if name in whole:
                cell.metadata["nbgrader"] = whole.pop(name)
                self._compare(nb, cell, known[name][0])
        for name in sorted(whole, key=lambda name: (not name.startswith(SETUP), *in_order(name))):
            if name.endswith((CHECK, WHY)) or name.startswith(SETUP):
                note(nb, f"{name!r} was missing and is put back")
                cell = _cell(name, known[name][0], whole[name])
                nb.cells.insert(self._place(nb, name), cell)
        for number, cell in enumerate(nb.cells):  # a copy may carry the id of its model
            cell["id"] = grade_id(cell) or f"cell-{number}"
        return nb, resources

    @staticmethod
    def _compare(nb: NotebookNode, cell: NotebookNode, source: str) -> None:
        """Note a locked cell that a learner has changed; of the others nbgrader shall not warn."""
        if not cell.metadata.nbgrader.locked:
            cell.cell_type = "markdown" if str(grade_id(cell)).endswith(WHY) else cell.cell_type
            return
        handed_out = visible_of(source)
        if cell.source.strip() != handed_out.strip() and cell.source.strip() != source.strip():
            note(nb, f"{grade_id(cell)!r}, which is locked, was changed and is put back")
        cell.source = source
        if cell.cell_type != "code":
            cell.cell_type = "code"
            cell.update(outputs=[], execution_count=None)
        cell.metadata.nbgrader["checksum"] = compute_checksum(cell)

    @staticmethod
    def _place(nb: NotebookNode, name: str) -> int:
        """Behind the solution that it checks, else at the end; a setup cell behind earlier ones, or first."""
        names = [grade_id(cell) or "" for cell in nb.cells]
        if name.startswith(SETUP):
            earlier = (n for n in names if n.startswith(SETUP) and in_order(n) < in_order(name))
            return max((names.index(other) + 1 for other in earlier), default=0)
        solution = name.removesuffix(CHECK).removesuffix(WHY)
        return names.index(solution) + 1 if solution in names else len(names)


def _cell(name: str, source: str, about: NotebookNode) -> NotebookNode:
    """A cell that was deleted."""
    if name.endswith(WHY):
        return new_markdown_cell(TEXT_STUB, metadata={"nbgrader": about})
    return new_code_cell(source, metadata={"nbgrader": about})
