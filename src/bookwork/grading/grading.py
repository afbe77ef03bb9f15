"""How nbgrader runs a submission: what nbgrader's own preprocessors lose is mended here.

:class:`MendCells` brings back what a learner's editing has damaged. :class:`RunApart` runs the learner's
cells in one kernel and the check cells in another, of which the first knows nothing (see ``answers``): a
submission never sees a hidden check or an expected value, and its output is never read as a grade.
:func:`configure` puts both into nbgrader's pipeline; the configuration of a course folder calls it.
"""

import atexit
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader import preprocessors as stock
from nbgrader.api import Gradebook
from traitlets import Float

from bookwork.grading.answers import HERE, SECONDS
from bookwork.grading.editions import CHECK, SETUP, STUB, grade_id, metadata
from bookwork.grading.kernels import Kernel, error_output
from bookwork.progress import SILENT

REPLAY_SECONDS = 60.0


def in_order(name: str) -> tuple[int, str]:
    """A key by which setup, setup-2, ..., setup-10 come in their order."""
    return len(name), name


class MendCells(stock.NbGraderPreprocessor):
    """Metadata made whole from the gradebook, copies made plain cells, deleted locked cells brought back.

    nbgrader goes by the metadata that a learner's program has written; copied cells, lost metadata and
    deleted cells would abort the run of a class, or leave a submission without a grade.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """The mended notebook."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            source = gradebook.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: cell.max_score for cell in source.grade_cells}
            known = {cell.name: (cell.source, cell.checksum) for cell in source.source_cells}
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
        for name in sorted(whole, key=lambda name: (not name.startswith(SETUP), *in_order(name))):
            if name.endswith(CHECK) or name.startswith(SETUP):
                self.log.warning("Cell %r was missing and is put back", name)
                cell = new_code_cell(known[name][0], metadata={"nbgrader": whole[name]})
                nb.cells.insert(self._place(nb, name), cell)
        for number, cell in enumerate(nb.cells):  # a copy may carry the id of its model
            cell["id"] = grade_id(cell) or f"cell-{number}"
        return nb, resources

    @staticmethod
    def _place(nb: NotebookNode, name: str) -> int:
        """Behind the solution that it checks, else at the end; a setup cell behind earlier ones, or first."""
        names = [grade_id(cell) or "" for cell in nb.cells]
        if name.startswith(SETUP):
            earlier = (n for n in names if n.startswith(SETUP) and in_order(n) < in_order(name))
            return max((names.index(other) + 1 for other in earlier), default=0)
        solution = name.removesuffix(CHECK)
        return names.index(solution) + 1 if solution in names else len(names)


class RunApart(stock.NbGraderPreprocessor):
    """Runs a submission in two kernels: the learner's code in one, locked cells also in the other.

    A cell that takes too long is interrupted. Where its kernel dies or cannot be interrupted, a fresh one
    runs the cells before it again; what that cell would have defined is missing, and the rest is graded.
    """

    seconds = Float(30.0, help="How long a cell of the learner may run.").tag(config=True)
    call_seconds = Float(SECONDS, help="How long a check may wait for one call.").tag(config=True)
    check_seconds = Float(120.0, help="How long a check cell may run.").tag(config=True)

    _graders: dict[str, Kernel] = {}  # noqa: RUF012 -- one per notebook, for all submissions of a run

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """The notebook with the outputs of all its cells."""
        folder = Path(resources.get("metadata", {}).get("path") or ".")
        setup = self._setup(nb)
        self._learner = Kernel(folder.resolve())
        self._done: list[str] = []
        try:
            for cell in nb.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
                    if cell.metadata.get("nbgrader", {}).get("grade"):
                        self._check(cell, setup)
                    else:
                        self._run(cell)
        finally:
            self._learner.stop()
        return nb, resources

    @staticmethod
    def _setup(nb: NotebookNode) -> str:
        """What prepares the checks: the setup cells in their order, wherever a learner has moved them."""
        sources = {name: cell.source for cell in nb.cells if (name := grade_id(cell) or "").startswith(SETUP)}
        return "\n\n".join(sources[name] for name in sorted(sources, key=in_order))

    def _run(self, cell: NotebookNode) -> None:
        """A learner's cell, or one that prepares the exercises."""
        ran = self._learner.run(cell.source, self.seconds)
        cell.outputs = ran.outputs
        if ran.status == "died":
            self._revive()
        else:
            self._done.append(cell.source)

    def _revive(self) -> None:
        """A fresh kernel with all that ran well before; a cell that now ends the kernel is left out, too."""
        while True:
            self.log.warning("The learner's kernel died: starting another")
            self._learner.restart()
            runs = ((source, self._learner.run(source, REPLAY_SECONDS)) for source in self._done)
            fatal = next((source for source, ran in runs if ran.status == "died"), None)
            if fatal is None:
                return
            self._done.remove(fatal)

    def _check(self, cell: NotebookNode, setup: str) -> None:
        """A check cell, in the kernel that the learner's code never enters."""
        grader = self._grader(setup)
        file, pid = self._learner.manager.connection_file, self._learner.pid
        ran = grader.run(f"{HERE}.connect({file!r}, {pid}, {self.call_seconds})", self.check_seconds)
        if ran.status == "ok":
            ran = grader.run(cell.source, self.check_seconds)
            if ran.status == "error":
                # nothing that is handed in does this; 0 points would blame the learner, so there is no grade
                self._drop_graders()
                said = ran.outputs[-1]
                raise RuntimeError(f"the check {grade_id(cell)!r} is broken: {said.ename}: {said.evalue}")
        cell.outputs = ran.outputs
        if ran.status in ("died", "timeout"):
            self._drop_graders()
        if not self._learner.settles():
            self._revive()
        if not is_grade(cell):
            # nbgrader would take anything but a number, or nothing at all, for full marks; and it goes by
            # the first result or error that it meets
            cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
            cell.outputs.append(error_output("NotGraded", "the check gave no number of points: 0 points"))

    def _grader(self, setup: str) -> Kernel:
        """The kernel of the checks, which stays for all submissions of the same notebook."""
        if setup not in self._graders:
            kernel = self._graders[setup] = Kernel()
            ran = kernel.run(setup, REPLAY_SECONDS)
            if ran.status != "ok":
                self._drop_graders()
                raise RuntimeError(f"the setup of the exercises failed: {ran.outputs[-1:]}")
        return self._graders[setup]

    @classmethod
    def _drop_graders(cls) -> None:
        while cls._graders:
            cls._graders.popitem()[1].stop()


atexit.register(RunApart._drop_graders)


def is_grade(cell: NotebookNode) -> bool:
    """Whether the last output of a check cell is a number from 0 to its points, and none is an error."""
    if any(o.output_type == "error" or o.get("name") == "stderr" for o in cell.outputs):
        return False
    try:
        (text,) = (o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")
        return 0.0 <= float(text) <= float(cell.metadata.nbgrader.points)
    except (KeyError, ValueError):
        return False


def configure(config: Any, course_id: str, environment: Mapping[str, str]) -> None:
    """Set up ``config``, nbgrader's ``c``, for a course; kernels get ``environment`` where not set yet."""
    for name, value in {SILENT: "1", **environment}.items():
        os.environ.setdefault(name, value)
    # nbgrader calls alembic, which is installed beside the Python that runs it
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
    config.CourseDirectory.course_id = course_id
    config.ClearSolutions.code_stub = {"python": STUB}
    mend = [stock.ClearOutput, MendCells, stock.OverwriteKernelspec, stock.OverwriteCells]
    run = [RunApart, stock.IgnorePattern, ClearMetadataPreprocessor, stock.LimitOutput]
    grade = [stock.SaveAutoGrades, stock.AssignLatePenalties, stock.CheckCellMetadata]
    config.Autograde.sanitize_preprocessors = [*mend, stock.CheckCellMetadata]
    config.Autograde.autograde_preprocessors = run + grade
