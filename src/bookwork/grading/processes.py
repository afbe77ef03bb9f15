"""The processes of a submission: what they have used, and their end."""

import contextlib
import subprocess
import sys
import time

import psutil

from bookwork.grading import limits

LOOK_SECONDS = 0.2  # between two looks at what a process has used


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it has started, as far as they live."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


class Spent:
    """Whether a process and its descendants have used up a time: of the processor, or more by the clock.

    It looks five times a second at most, and not at all before the first fifth: most answers come at once,
    and a look costs more than they do.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid, self._seconds = pid, seconds
        self._begin = self._looked = time.monotonic()
        self._worked: float | None = None
        self.said = ""

    def over(self) -> bool:
        """Whether it is; ``said`` tells which."""
        now = time.monotonic()
        if self.said or now - self._looked < LOOK_SECONDS:
            return bool(self.said)
        self._looked = now
        worked = processor_seconds(self._pid)
        self._worked = worked if self._worked is None else self._worked
        if worked - self._worked > self._seconds:
            self.said = f"{self._seconds:g} seconds of processor time"
        elif now - self._begin > limits.WAITS * self._seconds:
            self.said = f"{limits.WAITS * self._seconds:g} seconds by the clock"
        return bool(self.said)


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its descendants have used, those that have ended included."""
    total = 0.0
    for process in family(pid):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and those of children that were waited for
        except psutil.Error:
            continue
    return total


def lives(pid: int) -> bool:
    """Whether that process runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def adopt_orphans() -> None:
    """Make this process the parent of what its descendants leave behind, so that it can be ended (Linux)."""
    if sys.platform == "linux":
        import ctypes

        set_child_subreaper = 36
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def children() -> set[int]:
    """The processes that this one has started, or adopted."""
    return {each.pid for each in psutil.Process().children()}


def end_children(before: set[int]) -> int:
    """End the children of this process that were not there ``before``, with theirs; gives their number."""
    ended = 0
    while new := [each for each in psutil.Process().children() if each.pid not in before]:
        for process in [*new, *(below for each in new for below in each.children(recursive=True))]:
            with contextlib.suppress(psutil.Error):
                ended += process.status() != psutil.STATUS_ZOMBIE
                process.kill()
        psutil.wait_procs(new, timeout=5)
        before = before | {each.pid for each in new}
    return ended


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started, as far as it is known to be its own."""
    others = family(process.pid)[1:]
    process.kill()
    for each in others:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.wait()
