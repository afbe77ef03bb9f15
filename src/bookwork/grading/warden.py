"""Watches what a learner's kernel takes as a whole, where the system limits each of its processes alone."""

import threading
from pathlib import Path

import psutil

from bookwork.grading.processes import family
from bookwork.grading.sandbox import PROCESSES

LOOK_SECONDS = 0.5
FOLDER_BYTES = 500 * 1024**2  # of all files that a submission writes


class Warden:
    """A thread that ends a kernel's processes when they take too much, and remembers why.

    Args:
        pid: of the kernel's process.
        folder: where it may write.
        memory: bytes that all its processes may hold.
    """

    def __init__(self, pid: int, folder: Path, memory: int) -> None:
        self.why: str | None = None
        self._pid, self._folder, self._memory = pid, folder, memory
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            processes = family(self._pid)
            self.why = self._fault(processes)
            if self.why:
                for process in processes[1:]:  # what wraps the kernel ends by itself, and is waited for
                    try:
                        process.kill()
                    except psutil.Error:
                        continue
                if len(processes) == 1:
                    processes[0].kill()
                return

    def _fault(self, processes: list) -> str | None:
        held = 0
        for process in processes:
            try:
                held += process.memory_info().rss
            except psutil.Error:
                continue
        if held > self._memory:
            return f"it held more than {self._memory / 1024**3:.3g} GiB of memory"
        if len(processes) > PROCESSES:
            return f"it ran more than {PROCESSES} processes"
        if size_of(self._folder) > FOLDER_BYTES:
            return f"it wrote more than {FOLDER_BYTES / 1024**2:.0f} MiB of files"
        return None


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, without what vanishes meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total
