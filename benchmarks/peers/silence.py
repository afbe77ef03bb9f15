"""Other libraries print as they train, and ask the network for news."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from unittest import mock


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """deepctr-torch asks the network for its own version on import, in a thread; both print as they train."""
    before = set(threading.enumerate())
    no_network = mock.patch("requests.get", side_effect=OSError("no network in a benchmark"))
    quiet = contextlib.redirect_stderr(io.StringIO())
    with no_network, contextlib.redirect_stdout(io.StringIO()), quiet:
        yield
        for thread in set(threading.enumerate()) - before:
            if not thread.daemon:
                thread.join()
