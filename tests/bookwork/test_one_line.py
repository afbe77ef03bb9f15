"""What runs a program: errors become one line, and who reads it may go."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bookwork import command_line


def test_who_reads_may_go_and_a_full_console_is_told():
    code = (
        "import sys; from bookwork import command_line as c; sys.exit(c.run('p', lambda: print('x' * 10**6)))"
    )
    shell = f'{sys.executable} -c "{code}" | head -c 1; echo ${{PIPESTATUS[0]}}'
    answer = subprocess.run(["bash", "-c", shell], env={**os.environ}, capture_output=True, text=True)
    assert (answer.stdout, answer.stderr) == ("x1\n", "")
    if Path("/dev/full").exists():
        shell = f'{sys.executable} -c "{code}" > /dev/full'
        answer = subprocess.run(["bash", "-c", shell], env={**os.environ}, capture_output=True, text=True)
        assert (answer.returncode, answer.stderr) == (2, "p: error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("x must be 1,\n  got\t2"), "p: error: x must be 1, got 2\n"),
        (ValueError("got \x1b[31m\udcff"), "p: error: got \\x1b[31m\\udcff\n"),
        (OSError(errno.ENOENT, "No such file", "a"), "p: error: a: No such file\n"),
        (OSError(errno.EACCES, "Denied", "a", None, "b"), "p: error: a to b: Denied\n"),
        (OSError("no answer"), "p: error: no answer\n"),
        (TimeoutError(), "p: error: TimeoutError\n"),
        (
            shutil.Error([("a", "b", "no space: 'a' -> 'b'"), ("c", "d", "no")]),
            "p: error: no space: 'a' -> 'b'\n",
        ),
        (shutil.SameFileError("a and b are one"), "p: error: a and b are one\n"),
        (ValueError("x" * 9_000), f"p: error: {'x' * 2_000} …\n"),
    ],
)
def test_errors_as_lines(capsys, error, said):
    def fail() -> None:
        raise error

    assert command_line.run("p", fail) == 2
    assert capsys.readouterr().err == said


def test_faults_of_the_program_keep_their_traceback_and_stopping_is_no_fault(capsys):
    with pytest.raises(ZeroDivisionError):
        command_line.run("p", lambda: 1 // 0)

    def stopped() -> None:
        raise KeyboardInterrupt

    assert command_line.run("p", stopped) == 130
    assert capsys.readouterr().err == "p: error: stopped\n"
    assert command_line.run("p", lambda: None) == 0
    assert command_line.run("p", lambda: 1) == 1


def test_what_a_console_cannot_print_becomes_an_escape(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    assert command_line.run("p", lambda: print("名")) == 0
    assert console.buffer.getvalue() == b"\\u540d\n"
