"""The learner's kernel, seen from the kernel of the checks while a submission is graded."""

import contextlib
import json
import secrets
from queue import Empty
from typing import Any

import zmq
from jupyter_client import BlockingKernelClient

from bookwork.grading import answers, data, limits, serving
from bookwork.grading.answers import AnswerError
from bookwork.grading.processes import LOOK_SECONDS, Spent, lives

HERE = f"__import__({__name__!r}, fromlist=['connect'])"
LARGEST_MESSAGE = 2 * data.LARGEST  # bytes; what is larger closes the connection
MOST_LEFT_OVER = 100_000  # messages that are read at a time
GRACE_SECONDS = 3.0  # for the learner's side to say itself that a call took too long
AGAIN_MILLISECONDS = 5  # until a connection that the other side does not accept yet is tried again


class OtherKernel:
    """Definitions in a learner's kernel.

    Args:
        connection: how its kernel is reached.
        address: where it answers, a ZeroMQ endpoint (see ``serving``).
        pid: its process, or an ancestor of it.
        seconds: of processor time that a call may take.
    """

    def __init__(self, connection: dict[str, Any], address: str, pid: int, seconds: float) -> None:
        self._address, self._pid, self._seconds = address, pid, seconds
        self._lost: str | None = None  # why nothing more is asked
        self._cell: str | None = None  # the cell in which it answers
        self._number = 0
        self._context = zmq.Context()
        self._line: Any = None
        self._client = client_of(connection)
        self._client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)

    def get(self, name: str) -> Any:
        """The definition of that name: a stand-in for a function, or a copy of a value."""

        def call(*arguments: Any, **named: Any) -> Any:
            return self._read(name, self._ask(name, data.written([list(arguments), named])))

        answer = self._ask(name, None)
        return call if answer.get("function") is True else self._read(name, answer)

    def close(self) -> None:
        """Say goodbye, so that the other kernel can run the next cell."""
        if self._line is not None:
            with contextlib.suppress(zmq.Again):
                self._line.send(b"", zmq.DONTWAIT)
        self._context.destroy(linger=int(1000 * LOOK_SECONDS))
        let_go(self._client)

    @staticmethod
    def _read(name: str, answer: dict[str, Any]) -> Any:
        try:
            return data.read(answer["value"])
        except (KeyError, TypeError, ValueError):
            raise AnswerError(f"{name} gave no answer that can be read") from None

    def _ask(self, name: str, request: str | None) -> dict[str, Any]:
        if self._lost:
            raise AnswerError(self._lost)
        if self._cell is None:
            self._begin()
        self._number += 1
        self._line.send(json.dumps([self._number, name, request, self._seconds]).encode())
        try:
            answer = json.loads(self._answer(name))
            if not isinstance(answer, dict):
                raise ValueError(answer)
        except (ValueError, RecursionError, MemoryError):
            raise AnswerError(f"{name} gave no answer that can be read") from None
        if "error" in answer:
            raise AnswerError(str(answer["error"])[:2000])
        return answer

    def _begin(self) -> None:
        """Have the other kernel answer, at first or after the cell in which it did has ended."""
        if self._line is not None:
            self._line.close(linger=0)  # what was asked before is not asked again
        where = self._address
        if where.startswith("ipc:"):  # a file, which the socket before may still remove
            where = f"{where}-{secrets.token_hex(4)}"
        code = f"{serving.HERE}.serve({where!r}, get_ipython().user_ns)"
        self._cell = self._client.execute(code, silent=True, allow_stdin=False, stop_on_error=False)
        self._line = self._context.socket(zmq.PAIR)
        self._line.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        self._line.setsockopt(zmq.RECONNECT_IVL, AGAIN_MILLISECONDS)
        self._line.connect(where)

    def _answer(self, name: str) -> bytes:
        """The answer to what was asked last; an AnswerError if none comes."""
        spent = Spent(self._pid, self._seconds + GRACE_SECONDS)
        while not spent.over():
            if self._line.poll(1000 * LOOK_SECONDS):
                number, _, text = self._line.recv().partition(b" ")
                if number == str(self._number).encode():
                    return bytes(text)
            elif not lives(self._pid):
                break
            elif (ended := replied(self._client, str(self._cell))) is not None:
                self._cell = None
                raise AnswerError(f"{name} gave no answer: {ended.get('ename')} {ended.get('evalue')}")
        late = limits.said_of_time(name, self._seconds)
        self._lost = late if lives(self._pid) else f"the kernel died while {name} was asked for"
        raise AnswerError(self._lost)


def client_of(connection: Any) -> Any:
    """A client of a kernel, whose connection is said, and whose messages may not be boundless."""
    client = BlockingKernelClient()
    client.load_connection_info(connection)
    # a message above this closes the connection instead of filling the memory
    client.context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
    return client


def let_go(client: Any) -> None:
    """Close a client's connections; without this its context would wait for ever for what was not sent."""
    client.stop_channels()
    client.context.destroy(linger=0)


def reply_to(client: Any, sent: str, seconds: float, pid: int) -> dict[str, Any] | None:
    """What a kernel answers to a request that was sent; None if it dies or takes too long.

    ``seconds`` are of processor time of the process ``pid`` and its descendants, and a multiple by the clock.
    """
    spent = Spent(pid, seconds)
    while not spent.over():
        try:
            message = client.get_shell_msg(timeout=LOOK_SECONDS)
        except Empty:
            if not lives(pid):
                return None
            continue
        if message["parent_header"].get("msg_id") == sent:
            return message["content"]
    return None


def replied(client: Any, sent: str) -> dict[str, Any] | None:
    """What a kernel has answered to a request that was sent, if it has; does not wait."""
    with contextlib.suppress(Empty):
        for _ in range(MOST_LEFT_OVER):
            message = client.get_shell_msg(timeout=0)
            if message["parent_header"].get("msg_id") == sent:
                return message["content"]
    return None


def connect(connection: dict[str, Any], address: str, pid: int, seconds: float = limits.CALL_SECONDS) -> None:
    """Take definitions from that kernel from now on."""
    disconnect()
    answers.use(OtherKernel(connection, address, pid, seconds))


def disconnect() -> None:
    """Let go of the kernel that definitions are taken from, if they are."""
    before = answers.source()
    if isinstance(before, OtherKernel):
        answers.use(None)
        before.close()
