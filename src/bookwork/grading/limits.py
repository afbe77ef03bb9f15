"""What an answer may take: one set of limits, in the notebook and while it is graded.

Time is that of the processor, of all threads, so that a busy machine costs nobody a point.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

CELL_SECONDS = 30.0  # of a learner's cell
CALL_SECONDS = 15.0  # of one call of a learner's function
WAITS = 4  # times as long by the clock, for what waits and does not work
MEMORY = 2 * 1024**3  # bytes


class TimeUp(BaseException):
    """A call has used its time; not an ``Exception``, which an answer might catch."""


def said_of_time(name: str, seconds: float) -> str:
    """What a learner reads."""
    return f"{name} took more than {seconds:g} seconds of processor time"


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeUp` in the block once it has used ``seconds`` of processor time.

    Where the system cannot interrupt (Windows, or another thread than the main one), when the block ends.
    """
    begin = time.process_time()
    interrupts = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGPROF, stop) if interrupts else None
    try:
        if interrupts:
            # once more each second: what catches everything is stopped in the end
            signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
        yield
    finally:
        if interrupts:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, signal.SIG_DFL if before is None else before)
    if time.process_time() - begin > seconds:
        raise TimeUp


class Watch:
    """Says after a cell of a notebook that it is too slow to be graded."""

    def __init__(self) -> None:
        self._began = time.process_time()

    def before(self, _info: object = None) -> None:
        """A cell begins."""
        self._began = time.process_time()

    def after(self, _result: object = None) -> None:
        """A cell has ended."""
        took = time.process_time() - self._began
        if took > CELL_SECONDS:
            said = f"This cell took {took:.0f} seconds of processor time: when your work is graded,"
            print(f"{said} it is stopped after {CELL_SECONDS:g}.")


_watch: Watch | None = None


def watch_notebook() -> None:
    """Watch the cells of the notebook that runs, once, if one does."""
    global _watch
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or _watch is not None:
        return
    _watch = Watch()
    shell.events.register("pre_run_cell", _watch.before)
    shell.events.register("post_run_cell", _watch.after)
