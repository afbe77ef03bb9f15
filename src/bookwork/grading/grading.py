"""How nbgrader runs a submission: what nbgrader's own preprocessors lose is mended here.

``mending.MendCells`` brings back what a learner's editing has damaged. :class:`RunApart` runs the learner's
cells in one kernel, in a sandbox, and the check cells in another, of which the first knows nothing (see
``answers``): a submission never sees a hidden check or an expected value, and its output is never read as a
grade. :func:`configure` puts both into nbgrader's pipeline; the configuration of a course folder calls it.
"""

import ast
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbgrader import preprocessors as stock
from traitlets import Dict, Enum, Float, Integer

from bookwork.grading import cleaning, limits, other_kernel, processes, sandbox
from bookwork.grading.editions import SETUP, STUB, TEXT_STUB, grade_id, visible_of
from bookwork.grading.kernels import Kernel, error_output
from bookwork.grading.mending import ABOUT, MendCells, in_order, note
from bookwork.grading.warden import Warden
from bookwork.progress import SILENT

REPLAY_SECONDS = 60.0


class RunApart(stock.NbGraderPreprocessor):
    """Runs a submission in two kernels: the learner's code in one, locked cells also in the other.

    Both are made for this submission and end with it, with all that they have started. A cell that takes too
    long is interrupted. Where its kernel dies or cannot be interrupted, a fresh one runs the cells before it
    again; what that cell would have defined is missing, and the rest is graded.
    """

    isolation = Enum(("auto", *sandbox.KINDS), "auto", help="How submissions are kept apart.").tag(
        config=True
    )
    seconds = Float(limits.CELL_SECONDS, help="Processor time of a learner's cell.").tag(config=True)
    call_seconds = Float(limits.CALL_SECONDS, help="Processor time of a call by a check.").tag(config=True)
    check_seconds = Float(120.0, help="Processor time of a check cell.").tag(config=True)
    total_seconds = Float(900.0, help="How long a submission may take, by the clock.").tag(config=True)
    memory = Integer(limits.MEMORY, help="Bytes that a submission may hold in memory.").tag(config=True)
    environment = Dict(help="What a learner's kernel finds in its environment.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """The notebook with the outputs of all its cells."""
        folder = Path(resources.get("metadata", {}).get("path") or ".").resolve()
        for name in nb.metadata.get(ABOUT, {}).pop("links", ()):
            (folder / name).unlink(missing_ok=True)
        self._nb, self._end = nb, time.monotonic() + self.total_seconds
        self._done: list[str] = []  # what the learner's kernel has run
        self._kind = sandbox.kind_here() if self.isolation == "auto" else self.isolation
        nb.metadata.setdefault(ABOUT, {"notes": []})["isolation"] = self._kind
        setup = self._setup(nb)
        processes.adopt_orphans()
        before = processes.children()
        self._grader = Kernel()
        self._learner = Kernel(self._kind, self.environment, self.memory, folder)
        self._warden = Warden(self._learner.pid, self._learner.home, self.memory)
        try:
            self._grader.ready()  # and its connection file gone, before the learner's code begins
            prepared = self._grader.send(setup)
            self._run_all(prepared)
        finally:
            self._warden.stop()
            self._learner.stop()
            self._grader.stop()
            if left := processes.end_children(before):
                note(nb, f"it left {left} processes behind, which were ended")
            if left := sandbox.sweep(self._kind):
                note(nb, f"it left {left} files outside of its folder, which were removed")
        locked = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("locked")]
        if cleaning.clean([cell for cell in nb.cells if cell not in locked]):
            note(nb, "what it could do in a browser was left out")
        return nb, resources

    def _run_all(self, prepared: str) -> None:
        """All cells in their order; ``prepared`` is the setup that runs in the kernel of the checks."""
        waits = True
        for cell in self._nb.cells:
            if cell.cell_type != "code":
                continue
            cell.outputs, cell.execution_count = [], None
            if not _is_check(cell):
                self._run(cell)
                continue
            if waits:
                ran, waits = self._grader.finish(prepared, REPLAY_SECONDS), False
                if ran.status != "ok":
                    raise RuntimeError(f"the setup of the exercises failed: {ran.outputs[-1:]}")
            self._check(cell)

    @staticmethod
    def _setup(nb: NotebookNode) -> str:
        """What prepares the checks: the setup cells in their order, wherever a learner has moved them."""
        named = {grade_id(cell) or "": cell.source for cell in nb.cells}
        names = sorted((name for name in named if name.startswith(SETUP)), key=in_order)
        return "\n\n".join(named[name] for name in names)

    def _left(self, seconds: float) -> float:
        """At most ``seconds``, and at most what is left of the time of the submission."""
        return max(min(seconds, self._end - time.monotonic()), 0.01)

    def _run(self, cell: NotebookNode) -> None:
        """A learner's cell, or one that prepares the exercises."""
        if self._end < time.monotonic():
            said = f"the submission has taken more than {self.total_seconds:g} seconds"
            note(self._nb, said)
            cell.outputs = [error_output("Timeout", said)]
            return
        ran = self._learner.run(cell.source, self._left(self.seconds))
        cell.outputs = ran.outputs
        if ran.status in ("died", "timeout"):
            note(self._nb, str(ran.outputs[-1].evalue))
        if ran.status == "died":
            self._revive()
        else:
            self._done.append(cell.source)

    def _revive(self) -> None:
        """A fresh kernel with all that ran well before; a cell that now ends the kernel is left out, too."""
        while True:
            self._warden.stop()
            why = f": {self._warden.why}" if self._warden.why else ""
            note(self._nb, f"the learner's kernel died, and another was started{why}")
            self._learner.restart()
            self._warden = Warden(self._learner.pid, self._learner.home, self.memory)
            runs = ((source, self._learner.run(source, self._left(REPLAY_SECONDS))) for source in self._done)
            fatal = next((source for source, ran in runs if ran.status == "died"), None)
            if fatal is None:
                return
            self._done.remove(fatal)

    def _check(self, cell: NotebookNode) -> None:
        """A check cell, in the kernel that the learner's code never enters."""
        # what the checks in sight import and define is there in a learner's notebook, too
        known = definitions(visible_of(cell.source))
        if self._learner.run(known, self._left(self.seconds)).status == "died":
            self._revive()
        self._done.append(known)
        where = self._learner.connection, self._learner.address, self._learner.pid
        connect = f"{other_kernel.HERE}.connect(*{where!r}, {self.call_seconds})"
        ran = self._grader.run(connect, self.check_seconds)
        if ran.status == "ok":
            ran = self._grader.run(cell.source, self._left(self.check_seconds))
        # nbgrader gives nothing for a line on stderr, where libraries write what is no fault of a learner
        cell.outputs = [output for output in ran.outputs if output.get("name") != "stderr"]
        if ran.status in ("died", "timeout"):
            self._grader.restart()
            self._grader.run(self._setup(self._nb), REPLAY_SECONDS)
            # nbgrader goes by the first result or error that it meets
            cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
        elif not is_grade(cell):
            # nothing that is handed in does this; 0 points would blame the learner, so there is no grade
            error = next((output for output in ran.outputs if output.output_type == "error"), None)
            said = f"{error.ename}: {error.evalue}" if error else "it gives no number of points"
            raise RuntimeError(f"the check {grade_id(cell)!r} is broken: {said}")
        else:
            self._grader.run(f"{other_kernel.HERE}.disconnect()", self.check_seconds)
        if not self._learner.settles():
            self._revive()


def _is_check(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and about.get("grade"))


def definitions(source: str) -> str:
    """What a check cell leaves behind besides its checks: imports, functions and values."""
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    body: list[ast.stmt] = [
        node
        for node in ast.parse(source).body
        if isinstance(node, kept) and not getattr(node, "decorator_list", None)
    ]
    return ast.unparse(ast.Module(body, []))


def is_grade(cell: NotebookNode) -> bool:
    """Whether the last output of a check cell is a number from 0 to its points, and none is an error."""
    if any(o.output_type == "error" for o in cell.outputs):
        return False
    try:
        (text,) = (o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")
        return 0.0 <= float(text) <= float(cell.metadata.nbgrader.points)
    except (KeyError, ValueError):
        return False


def configure(config: Any, course_id: str, environment: Mapping[str, str]) -> None:
    """Set up ``config``, nbgrader's ``c``, for a course; kernels get ``environment`` where not set yet."""
    given = {SILENT: "1", **environment}
    for name, value in given.items():
        os.environ.setdefault(name, value)
    # nbgrader calls alembic, which is installed beside the Python that runs it
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
    config.CourseDirectory.course_id = course_id
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    config.RunApart.environment = {name: os.environ[name] for name in given}
    config.HTMLExporter.sanitize_html = True  # what learners wrote opens in a teacher's browser
    mend = [stock.ClearOutput, MendCells, stock.OverwriteKernelspec, stock.OverwriteCells]
    run = [RunApart, stock.IgnorePattern, ClearMetadataPreprocessor, stock.LimitOutput]
    grade = [stock.SaveAutoGrades, stock.AssignLatePenalties, stock.CheckCellMetadata]
    config.Autograde.sanitize_preprocessors = [*mend, stock.CheckCellMetadata]
    config.Autograde.autograde_preprocessors = run + grade
