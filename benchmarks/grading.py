"""What grading a class takes: seconds by the clock, and memory of all that runs.

    python benchmarks/grading.py [--learners N] [CHAPTER ...]

For each chapter (by default the first) N learners, by default 30, hand in: in turns the solution, typical
mistakes, an empty notebook, and one in ten an answer that loops for ever. They are graded in one run, as a
teacher does it, each in a sandbox. Printed are the seconds of the run and of one submission, how many have
a grade, and the largest memory that nbgrader and its kernels held together (what processes share counts in
each). Linux only: the figures come from /proc.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from bookwork import command_line
from bookwork.grading import editions, gate, sandbox
from bookwork.grading.course import write_course
from bookwork.grading.processes import family
from bookwork.grading.project import Project

LOOK_SECONDS = 0.25
LOOP = "while True:\n    pass"


def class_of(name: str, learners: int, project: Project, folder: Path) -> None:
    """Hand in what a class hands in."""
    notebook = project.exercises([name])[name]
    authored = editions.read(notebook)
    _, rounds = gate.expected_grades(notebook)
    first = next(editions.exercises(authored)).name
    for at in range(learners):
        mistakes = rounds[at // 3 % len(rounds)]
        codes = {exercise: answer.code for exercise, answer in mistakes.items()} if at % 3 == 1 else {}
        handed_in = editions.learners(authored) if at % 3 == 2 else gate.submission(authored, codes)
        if at % 10 == 9:
            handed_in = gate.submission(authored, {first: LOOP})
        gate.hand_in(folder, f"learner-{at:03}", name, handed_in)


class Memory:
    """The largest memory of a process and its descendants, watched by a thread."""

    def __init__(self, pid: int) -> None:
        self.most, self._pid = 0.0, pid
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while processes := family(self._pid):
            held = 0.0
            for process in processes:
                try:
                    held += process.memory_info().rss / 2**20
                except psutil.Error:
                    continue
            self.most = max(self.most, held)
            time.sleep(LOOK_SECONDS)


def main() -> None:
    """Print a line per chapter."""
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER")
    parser.add_argument("--learners", type=command_line.count, default=30, metavar="N")
    chosen = parser.parse_args()
    project = Project.here()
    names = list(project.exercises(chosen.chapters or None))[: None if chosen.chapters else 1]
    print(f"kept apart by: {sandbox.kind_here()}")
    print(f"{'':20} {'learners':>8} {'graded':>6} {'s':>7} {'s each':>6} {'peak MiB':>8}")
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "course"
            write_course(folder, project, [name])
            class_of(name, chosen.learners, project, folder)
            begin = time.monotonic()
            command = [sys.executable, "-m", "bookwork.grading", "grade", str(folder)]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
                memory = Memory(running.pid)
            seconds = time.monotonic() - begin
            found = gate.grades(folder, name)
            checked = [
                [grade.graded for cell, grade in each.items() if not cell.endswith(editions.WHY)]
                for each in found.values()
            ]
            graded = sum(map(all, checked))
        row = f"{chosen.learners:8} {graded:6} {seconds:7.0f} {seconds / chosen.learners:6.1f}"
        print(f"{name:20} {row} {memory.most:8.0f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
