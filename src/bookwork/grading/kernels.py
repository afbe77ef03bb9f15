"""A kernel that runs cells one at a time, and outlives endless loops and its own death."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple

from jupyter_client.connect import write_connection_file
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from bookwork.grading import limits, sandbox
from bookwork.grading.other_kernel import MOST_LEFT_OVER, client_of, let_go, replied, reply_to
from bookwork.grading.processes import LOOK_SECONDS, Spent, end, family, lives

MOST_OUTPUT = 200_000  # characters kept of what a cell prints and shows
LAST = ("execute_result", "error")  # one of these ends what a cell publishes
START_SECONDS = 120.0
GRACE_SECONDS = 4.0  # to answer after an interrupt
LATE_SECONDS = 5.0  # by which what a cell publishes may come later than the reply that it has run
OPTIONS = [
    "--HistoryManager.hist_file=:memory:",
    # exit and quit would end it a moment later, when the next cell runs already
    "--IPKernelApp.exec_lines=get_ipython().ask_exit = lambda: None",
]
WRAPPERS = ("bwrap", "unshare", "setpriv")


class Ran(NamedTuple):
    """How a cell went: ``status`` is "ok", "error", "timeout" or "died"."""

    status: str
    outputs: list[NotebookNode]


def error_output(name: str, text: str) -> NotebookNode:
    """An error as a cell's output, for what went wrong outside of Python."""
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])


class Kernel:
    """An IPython kernel with a folder of its own, reached through sockets that lie in another.

    Its connection file is gone before the first cell runs: nobody else can find out how to send it code.

    Args:
        kind: of ``sandbox.KINDS``; None for a kernel that runs no learner's code, and needs no limits.
        given: what its environment holds besides what Python needs.
        memory: bytes that one of its processes may take.
        files: what its folder begins with; links are left out.
    """

    def __init__(
        self,
        kind: str | None = None,
        given: Mapping[str, str] | None = None,
        memory: int = limits.MEMORY,
        files: Path | None = None,
    ) -> None:
        self._kind, self._given, self._memory = kind, dict(given or {}), memory
        self._own = Path(tempfile.mkdtemp(prefix="bw-"))
        self._own.chmod(0o711)  # another user passes through it, and reads nothing
        self.home = self._own / "home"
        self.home.mkdir()
        if files is not None:
            shutil.copytree(files, self.home, dirs_exist_ok=True, ignore=_links)
        self.home.chmod(0o711)
        self.start()

    def start(self) -> None:
        """Start the process, without waiting for it; its profile is a new one."""
        self._run = self._own / secrets.token_hex(4)
        self._run.mkdir(mode=0o700)
        transport = "tcp" if os.name == "nt" else "ipc"
        address = "127.0.0.1" if transport == "tcp" else str(self._run / "k")
        self._file = self._run / "connection.json"
        _, found = write_connection_file(
            str(self._file), ip=address, key=secrets.token_hex(32).encode(), transport=transport
        )
        self.connection: dict[str, Any] = {**found, "key": found["key"]}
        self.address = f"tcp://{address}:{_free_port()}" if transport == "tcp" else f"ipc://{address}-answers"
        program = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self._file), *OPTIONS]
        if self._kind is None:
            # it ends with this process, whose number it is given for that
            given = {"PYTHONSAFEPATH": "1", "JPY_PARENT_PID": str(os.getpid())}
            command, environment, before = program, {**os.environ, **given}, None
        else:
            if self._kind != sandbox.NONE:
                sandbox.hand_over(self._run, self.home)
            command = sandbox.command(self._kind, program, [self._run, self.home], self.home)
            environment = sandbox.environment(self.home, self._given)
            before = sandbox.limits_of(self._kind, self._memory)
        environment["IPYTHONDIR"] = str(self._run / "profile")
        self._process = subprocess.Popen(
            command,
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=before,
        )
        self.client: Any = None
        self._command = command

    def ready(self) -> None:
        """Wait until it answers, then remove its connection file."""
        if self.client is not None:
            return
        self.client = client_of(self.connection)
        self.client.start_channels(stdin=False, hb=False)
        end = time.monotonic() + START_SECONDS
        # what it publishes is heard from some moment on: asked until it is, or a cell's end would be missed
        while not self._is_heard():
            if time.monotonic() > end or not self.alive():
                raise RuntimeError(f"the kernel did not start: {' '.join(self._command)[:300]}")
        self._file.unlink(missing_ok=True)

    def _is_heard(self) -> bool:
        """Ask for a sign of life; whether one was published."""
        self.client.kernel_info()
        with contextlib.suppress(Empty):
            self.client.get_iopub_msg(timeout=LOOK_SECONDS)
            return True
        return False

    @property
    def pid(self) -> int:
        """Of its process, or of what wraps it."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None and lives(self.pid)

    def run(self, source: str, seconds: float) -> Ran:
        """Run a cell; after ``seconds`` of processor time, or a multiple by the clock, it is interrupted.

        Where that does not help it is "died": it must be started anew.
        """
        return self.finish(self.send(source), seconds)

    def send(self, source: str) -> str:
        """Begin to run a cell, for :meth:`finish`."""
        self.ready()
        self._drain()
        return self.client.execute(source, allow_stdin=False, stop_on_error=False)

    def _drain(self) -> None:
        """Read what was published while another client asked: a queue that is full loses what comes next."""
        with contextlib.suppress(Empty):
            for _ in range(MOST_LEFT_OVER):
                self.client.get_iopub_msg(timeout=0)

    def finish(self, sent: str, seconds: float) -> Ran:
        """Wait for a cell that was sent, and for no longer than it may take."""
        status, length = "ok", 0
        replied_at: float | None = None
        outputs: list[NotebookNode] = []
        spent = Spent(self.pid, seconds)
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=LOOK_SECONDS)
            except Empty:
                message = None
            if message is not None and message["parent_header"].get("msg_id") == sent:
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    return Ran(status, outputs)
                if kind in LAST or (kind in ("stream", "display_data") and length < MOST_OUTPUT):
                    length += add_output(outputs, output_from_msg(message))
                    status = "error" if kind == "error" else status
            elif message is None and not self.alive():
                outputs.append(error_output("DeadKernel", "the kernel died while this cell ran"))
                return Ran("died", outputs)
            elif replied_at is None and message is None:
                if (reply := replied(self.client, sent)) is not None:
                    replied_at = time.monotonic()
                    status = "error" if reply["status"] == "error" else status
            elif replied_at is not None and time.monotonic() - replied_at > LATE_SECONDS:
                return Ran(status, outputs)  # the message of its end is lost: it has published too much
            if replied_at is None and spent.over():
                outputs.append(error_output("Timeout", f"this cell was stopped after {spent.said}"))
                return Ran("timeout" if self.settles() else "died", outputs)

    def settles(self) -> bool:
        """True if it answers, if need be after an interrupt."""
        for interrupt in (False, True):
            if not self.alive():
                return False
            if interrupt:
                self.interrupt()
            sent = self.client.kernel_info()
            if reply_to(self.client, sent, GRACE_SECONDS / limits.WAITS, self.pid) is not None:
                return True
        return False

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        for process in family(self.pid):
            with contextlib.suppress(Exception):  # it has ended meanwhile
                if process.name() not in WRAPPERS:
                    process.send_signal(signal.SIGINT)

    def restart(self) -> None:
        """A fresh kernel in place of this one."""
        self._end()
        self.start()
        self.ready()

    def _end(self) -> None:
        if self.client is not None:
            let_go(self.client)
        end(self._process)
        shutil.rmtree(self._run, ignore_errors=True)

    def stop(self) -> None:
        """End it with all that it has started, and remove what is its own."""
        self._end()
        shutil.rmtree(self._own, ignore_errors=True)


def _free_port() -> int:
    """Of this machine, for connections from it alone."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _links(folder: str, names: list[str]) -> list[str]:
    """What is not copied: links, which could lead anywhere."""
    return [name for name in names if (Path(folder) / name).is_symlink()]


def add_output(outputs: list[NotebookNode], new: NotebookNode) -> int:
    """Append an output, text to the text before it; gives its length in characters."""
    if new.output_type != "stream":
        outputs.append(new)
        return len(str(new))
    new.text = new.text[:MOST_OUTPUT]
    if outputs and outputs[-1].get("name") == new.name:  # only streams have one
        outputs[-1].text += new.text
    else:
        outputs.append(new)
    return len(new.text)
