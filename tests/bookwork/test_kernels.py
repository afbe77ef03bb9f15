"""Kernels whose replies are not overlooked, and what nbclient does with them."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from queue import Empty

import pytest
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from bookwork.kernels import LOOK_AGAIN, AttentiveChannel, AttentiveKernelManager

WIDGET = """
from ipywidgets import FloatSlider, interact
interact(lambda a: print(a), a=FloatSlider(0.1))
"""


@pytest.fixture
def polls(monkeypatch) -> list[float]:
    """How long a socket was polled, each time; it says that a message has come at the third time only."""
    asked: list[float] = []

    async def get_msg(self, timeout=None):
        asked.append(timeout)
        if len(asked) < 3:
            raise Empty
        return {"number": len(asked)}

    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", get_msg)
    return asked


def got(timeout: float | None) -> dict[str, int]:
    async def ask() -> dict[str, int]:
        with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as socket:
            return await AttentiveChannel(socket, session=None).get_msg(timeout)

    with ThreadPoolExecutor(1) as thread:  # a browser's tests keep a loop running in this one
        return thread.submit(asyncio.run, ask()).result()


@pytest.mark.parametrize("timeout", [None, 60, 1.2])
def test_a_channel_looks_again_though_its_socket_told_it_nothing(polls, timeout):
    assert got(timeout) == {"number": 3}
    assert polls == [LOOK_AGAIN, LOOK_AGAIN, timeout - 2 * LOOK_AGAIN if timeout == 1.2 else LOOK_AGAIN]


@pytest.mark.parametrize(("timeout", "last"), [(0, [0]), (0.3, [0.3]), (0.9, [LOOK_AGAIN, 0.4])])
def test_it_waits_no_longer_than_it_is_told(polls, timeout, last):
    with pytest.raises(Empty):
        got(timeout)
    assert polls == last


def test_cells_with_widgets_do_not_wait_for_their_time_limit():
    notebook = new_notebook(cells=[new_code_cell(WIDGET) for _ in range(40)])
    start = time.monotonic()
    NotebookClient(
        notebook, timeout=60, kernel_name="python3", kernel_manager_class=AttentiveKernelManager
    ).execute()
    assert time.monotonic() - start < 55
    outputs = notebook.cells[-1].outputs
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)
