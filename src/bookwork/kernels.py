"""Execution of notebooks with widgets that does not stand still.

While nbclient waits for the reply to a cell, a widget's answer to the kernel goes out through the same
ZeroMQ socket. That can consume the socket's only sign that the reply has come; then nbclient sleeps until
the cell's whole time limit is over, for ever where there is none
(https://github.com/jupyter/nbclient/issues/312). The remedy is to look again, twice a second.
"""

from math import inf
from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from traitlets import DottedObjectName, Type

LOOK_AGAIN = 0.5  # seconds


class AttentiveChannel(AsyncZMQSocketChannel):
    """A channel that looks for a message twice a second, whatever its socket says."""

    async def get_msg(  # type: ignore[override]
        self, timeout: float | None = None
    ) -> dict[str, Any]:
        """The next message; ``queue.Empty`` if none comes in ``timeout`` seconds (None: wait for ever)."""
        left = inf if timeout is None else timeout
        while left > LOOK_AGAIN:
            try:
                return await super().get_msg(LOOK_AGAIN)
            except Empty:
                left -= LOOK_AGAIN
        return await super().get_msg(left)


class AttentiveKernelClient(AsyncKernelClient):
    """A kernel client whose shell channel looks again."""

    shell_channel_class = Type(AttentiveChannel)


class AttentiveKernelManager(AsyncKernelManager):
    """``kernel_manager_class`` for nbclient: the client of its kernels looks again."""

    client_class = DottedObjectName(f"{__name__}.AttentiveKernelClient")
    client_factory = Type(AttentiveKernelClient)
