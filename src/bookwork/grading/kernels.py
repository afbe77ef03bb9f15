"""A kernel that runs cells one at a time, and outlives endless loops and its own death."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from queue import Empty
from typing import NamedTuple

from jupyter_client import KernelManager
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from bookwork.grading.answers import reply_to

MOST_OUTPUT = 200_000  # characters kept of one cell's output
START_SECONDS = 120.0
GRACE_SECONDS = 4.0  # to answer after an interrupt


class Ran(NamedTuple):
    """How a cell went: ``status`` is "ok", "error", "timeout" or "died"."""

    status: str
    outputs: list[NotebookNode]


def error_output(name: str, text: str) -> NotebookNode:
    """An error as a cell's output, for what went wrong outside of Python."""
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])


class Kernel:
    """An IPython kernel, its profile its own, in ``folder`` or an empty one: no file passes for a module."""

    def __init__(self, folder: Path | None = None) -> None:
        self._own = Path(tempfile.mkdtemp(prefix="bookwork-kernel-"))
        self._folder = self._own / "work" if folder is None else folder
        self._folder.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # What one kernel leaves in its profile must not start up with the next.
        profile = tempfile.mkdtemp(dir=self._own)
        environment = {**os.environ, "IPYTHONDIR": profile, "PYTHONSAFEPATH": "1"}
        self.manager = KernelManager(kernel_name="python3")
        # exit and quit would end it a moment later, when the next cell runs already
        stays = "--IPKernelApp.exec_lines=get_ipython().ask_exit = lambda: None"
        options = ["--HistoryManager.hist_file=:memory:", stays]
        self.manager.start_kernel(cwd=str(self._folder), env=environment, extra_arguments=options)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=START_SECONDS)

    @property
    def pid(self) -> int:
        """Of its process."""
        return int(self.manager.provisioner.pid)  # type: ignore[union-attr]

    def run(self, source: str, seconds: float) -> Ran:
        """Run a cell; after ``seconds`` it is interrupted, and where that does not help, killed."""
        sent = self.client.execute(source, allow_stdin=False)
        status, length = "ok", 0
        outputs: list[NotebookNode] = []
        end = time.monotonic() + seconds
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except Empty:
                message = None
            if message is not None and message["parent_header"].get("msg_id") == sent:
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    return Ran(status, outputs)
                if kind in ("stream", "display_data", "execute_result", "error") and length < MOST_OUTPUT:
                    length += add_output(outputs, output_from_msg(message))
                    status = "error" if kind == "error" else status
            elif message is None and not self.manager.is_alive():
                outputs.append(error_output("DeadKernel", "the kernel died while this cell ran"))
                return Ran("died", outputs)
            if time.monotonic() > end:
                outputs.append(error_output("Timeout", f"this cell ran for more than {seconds:.0f} seconds"))
                return Ran("timeout" if self.settles() else "died", outputs)

    def settles(self) -> bool:
        """True if it answers, if need be after an interrupt."""
        for interrupt in (False, True):
            if not self.manager.is_alive():
                return False
            if interrupt:
                self.manager.interrupt_kernel()
            sent = self.client.kernel_info()
            if reply_to(self.client, sent, GRACE_SECONDS, self.manager.is_alive) is not None:
                return True
        return False

    def restart(self) -> None:
        """A fresh kernel in place of this one."""
        self._end()
        self.start()

    def _end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def stop(self) -> None:
        """End it, and remove what is its own."""
        self._end()
        shutil.rmtree(self._own, ignore_errors=True)


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
