"""The learner's kernel, seen from the kernel of the checks while a submission is graded."""

import ast
import json
from queue import Empty
from typing import Any

from bookwork.grading import answers, data, limits
from bookwork.grading.answers import AnswerError
from bookwork.grading.processes import LOOK_SECONDS, Spent, lives

HERE = f"__import__({__name__!r}, fromlist=['connect'])"
LARGEST_MESSAGE = 2 * data.LARGEST  # bytes; what is larger closes the connection
GRACE_SECONDS = 3.0  # for the learner's side to say itself that a call took too long


class OtherKernel:
    """Definitions in a learner's kernel, the process ``pid`` or a descendant."""

    def __init__(self, connection: dict[str, Any], pid: int, seconds: float) -> None:
        self._pid, self._seconds = pid, seconds
        self._lost: str | None = None  # why nothing more is asked
        self.client = client_of(connection)
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)

    def get(self, name: str) -> Any:
        """The definition of that name: a stand-in for a function, or a copy of a value."""

        def call(*arguments: Any, **named: Any) -> Any:
            return self._read(name, self._ask(name, data.written([list(arguments), named])))

        answer = self._ask(name, None)
        return call if answer.get("function") is True else self._read(name, answer)

    @staticmethod
    def _read(name: str, answer: dict[str, Any]) -> Any:
        try:
            return data.read(answer["value"])
        except (KeyError, TypeError, ValueError):
            raise AnswerError(f"{name} gave no answer that can be read") from None

    def _ask(self, name: str, request: str | None) -> dict[str, Any]:
        if self._lost:
            raise AnswerError(self._lost)
        code = f"{answers.HERE}.respond(get_ipython().user_ns, {name!r}, {request!r}, {self._seconds!r})"
        sent = self.client.execute("", silent=True, user_expressions={"answer": code}, allow_stdin=False)
        reply = reply_to(self.client, sent, self._seconds + GRACE_SECONDS, self._pid)
        if reply is None:
            late = limits.said_of_time(name, self._seconds)
            self._lost = late if lives(self._pid) else f"the kernel died while {name} was asked for"
            raise AnswerError(self._lost)
        content = reply.get("user_expressions", {}).get("answer", {})
        if content.get("status") != "ok":
            raise AnswerError(f"{name} gave no answer: {content.get('ename')} {content.get('evalue')}")
        try:
            text = content["data"]["text/plain"]
            if len(text) > LARGEST_MESSAGE:
                raise AnswerError(f"{name} gave too much: {len(text):,} characters")
            answer = json.loads(ast.literal_eval(text))
            if not isinstance(answer, dict):
                raise ValueError(text)
        except (KeyError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
            raise AnswerError(f"{name} gave no answer that can be read") from None
        if "error" in answer:
            raise AnswerError(str(answer["error"])[:2000])
        return answer


def client_of(connection: Any) -> Any:
    """A client of a kernel, whose connection is said, and whose messages may not be boundless."""
    import zmq
    from jupyter_client import BlockingKernelClient

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


def connect(connection: dict[str, Any], pid: int, seconds: float = limits.CALL_SECONDS) -> None:
    """Take definitions from that kernel from now on, and let go of the one before."""
    before = answers.source()
    answers.use(OtherKernel(connection, pid, seconds))
    if isinstance(before, OtherKernel):
        let_go(before.client)
