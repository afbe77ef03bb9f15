"""What a submission's processes use is counted, and all of them come to an end."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

from bookwork.grading import limits, processes
from bookwork.grading.sandbox import limits_of
from bookwork.grading.warden import Warden, size_of

BUSY = "while True: pass"
PARENT = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {!r}])\ntime.sleep(99)"


@pytest.fixture
def started():
    """Starts Python with some code, and ends it."""
    running = []

    def start(code: str, **options: object) -> subprocess.Popen:
        running.append(subprocess.Popen([sys.executable, "-c", code], **options))
        return running[-1]

    yield start
    for process in running:
        processes.end(process)


def until(holds, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_processor_time_counts_descendants(started):
    process = started(PARENT.format(BUSY))
    assert until(lambda: processes.processor_seconds(process.pid) > 0.5)
    assert len(processes.family(process.pid)) == 2


def test_a_time_is_over_by_the_processor_or_by_the_clock(started, monkeypatch):
    busy, waiting = started(BUSY), started("import time; time.sleep(99)")
    spent = processes.Spent(busy.pid, 0.3)
    assert not spent.over()
    assert until(spent.over)
    assert spent.said == "0.3 seconds of processor time"
    monkeypatch.setattr(limits, "WAITS", 1)
    spent = processes.Spent(waiting.pid, 0.4)
    assert until(spent.over)
    assert spent.said == "0.4 seconds by the clock"


def test_a_process_ends_with_what_it_has_started(started):
    process = started(PARENT.format("import time; time.sleep(99)"))
    assert until(lambda: len(processes.family(process.pid)) == 2)
    (child,) = processes.family(process.pid)[1:]
    processes.end(process)
    assert until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert not processes.lives(process.pid)
    assert processes.family(process.pid) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans over")
def test_what_makes_itself_independent_is_found(started):
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(98)\n"
    test = f"""import subprocess, sys, time, psutil
from bookwork.grading import processes
processes.adopt_orphans()
before = processes.children()
subprocess.run([sys.executable, "-c", {code!r}])
print(processes.end_children(before), len(psutil.Process().children()))"""
    told = subprocess.run([sys.executable, "-c", test], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["1", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of memory are Linux's")
def test_memory_has_a_limit(started):
    before = limits_of("none", 512 * 1024**2)
    process = started("bytearray(2**30)", preexec_fn=before, stderr=subprocess.PIPE, text=True)
    assert "MemoryError" in process.communicate()[1]


@pytest.mark.parametrize(
    ("code", "memory", "why"),
    [
        ("kept = bytearray(b'x' * 90_000_000); import time; time.sleep(99)", 60 << 20, "GiB of memory"),
        ("open('much', 'wb').write(bytes(2_000_000)); import time; time.sleep(99)", 1 << 40, "MiB of files"),
    ],
)
def test_the_warden_ends_what_takes_too_much_as_a_whole(started, tmp_path, monkeypatch, code, memory, why):
    monkeypatch.setattr("bookwork.grading.warden.FOLDER_BYTES", 1_000_000)
    process = started(code, cwd=tmp_path)
    warden = Warden(process.pid, tmp_path, memory)
    assert until(lambda: process.poll() is not None)
    warden.stop()
    assert why in warden.why
    assert size_of(tmp_path) >= 0
