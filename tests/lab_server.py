"""JupyterLab driven in a browser: a server of its own, a notebook opened, its cells run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 90
RUN_SECONDS = 180

_SETTINGS = (
    "--no-browser",
    "--ServerApp.allow_root=True",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",  # so that a test can run commands
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(folder: Path | None, scratch: Path, *options: str) -> Iterator[str]:
    """A JupyterLab over ``folder`` that keeps its own files in ``scratch``; gives its address.

    Args:
        folder: what it shows; None where the options say so.
        scratch: for settings, workspaces and the log.
        options: of its command line.

    Raises:
        RuntimeError: if it does not answer in time, with what it had to say.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    environment = {**os.environ, **{place: str(scratch / place.lower()) for place in places}}
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(scratch / "workspaces")
    log = scratch / "jupyterlab.log"
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        *_SETTINGS,
        f"--port={port}",
        *options,
    ]
    if folder is not None:
        command.append(f"--ServerApp.root_dir={folder}")
    with log.open("w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"{address}/api"):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def open_notebook(page: Any, address: str, name: str) -> None:
    """Open the notebook in a fresh workspace and wait for its kernel; cells out of sight are not rendered."""
    page.set_default_timeout(RUN_SECONDS * 1000)
    page.set_viewport_size({"width": 1280, "height": 6000})
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.wait_for_function(
        """() => {
            const session = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session;
            return session?.kernel?.status === 'idle';
        }""",
        timeout=START_SECONDS * 1000,
    )


def run_all(page: Any) -> None:
    """Run all cells and wait until the kernel has answered the last one."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(
        """() => {
            const panel = window.jupyterapp.shell.currentWidget;
            const cells = panel.content.widgets.filter((cell) => cell.model.type === 'code');
            const ran = (cell) => cell.model.executionCount && cell.model.executionState !== 'running';
            return cells.every(ran) && panel.sessionContext.session.kernel.status === 'idle';
        }""",
        timeout=RUN_SECONDS * 1000,
    )
