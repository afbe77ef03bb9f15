"""What a learner defined: in the same notebook at first, in another kernel while it is graded.

When a submission is graded, the check cells run in a kernel of their own (see ``grading``), and the learner's
code in another. All that passes between the two is data: arguments go out, numbers, texts, arrays and
containers of these come back. A learner's code therefore never sees a check, and whatever it changes (the
package, NumPy, the checks themselves) it changes on its own side only.
"""

import ast
import base64
import io
import json
import time
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

import numpy as np

LARGEST = 64_000_000  # characters of one answer
LARGEST_ARRAY = 40_000_000  # bytes
SECONDS = 15.0  # that one call of a learner's function may take while it is graded, if nobody says otherwise
HERE = f"__import__({__name__!r}, fromlist=['respond'])"
"""This module, in code that a kernel runs without a name being added to what it holds."""


class AnswerError(Exception):
    """A learner's definition is missing, fails, takes too long, or gives what is no data."""


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A learner's function; an error, or no answer at all, becomes an :class:`AnswerError` that names it."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            answer = function(*arguments, **named)
        except AnswerError:
            raise
        except Exception as error:
            raise AnswerError(f"{name} raised {type(error).__name__}: {error}") from error
        if answer is None:
            raise AnswerError(f"{name} gives None: nothing is returned yet")
        return answer

    return call


class Namespace:
    """Definitions in the same process."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def get(self, name: str) -> Any:
        """The definition of that name: a function that can be called, or a value."""
        if name not in self._names:
            raise AnswerError(f"{name} is not defined: run the cell above first")
        value = self._names[name]
        return guarded(name, value) if callable(value) else value


def encode(value: Any) -> Any:
    """``value`` as JSON data: numbers, texts, arrays, tensors, columns or containers; else a TypeError."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return {type(value).__name__ if type(value) in (list, tuple) else "tuple": [encode(v) for v in value]}
    if isinstance(value, Mapping):
        return {"dict": [[encode(key), encode(v)] for key, v in value.items()]}
    if hasattr(value, "detach"):
        return {"tensor": _array_text(value.detach().cpu().numpy())}
    if hasattr(value, "to_numpy") and not hasattr(value, "columns"):  # a column of a table
        value = value.to_numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        return {"array": _array_text(value)}
    raise TypeError(f"an answer must be numbers, texts or arrays, got {type(value).__name__}")


def _array_text(array: np.ndarray) -> str:
    if array.nbytes > LARGEST_ARRAY:
        raise TypeError(f"an array of shape {array.shape} is too large for an answer")
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return base64.b64encode(buffer.getvalue()).decode()


def decode(data: Any) -> Any:
    """The value again; never runs code, whatever the data is."""
    if not isinstance(data, dict):
        return [] if isinstance(data, list) else data
    kind, content = next(iter(data.items()))
    if kind == "list":
        return [decode(entry) for entry in content]
    if kind == "tuple":
        return tuple(map(decode, content))
    if kind == "dict":
        return {decode(key): decode(value) for key, value in content}
    array = np.load(io.BytesIO(base64.b64decode(content)), allow_pickle=False)
    if kind == "tensor":
        import torch  # only where tensors are used

        return torch.from_numpy(array)
    return array


def respond(names: Mapping[str, Any], name: str, request: str | None) -> str:
    """The learner's side: look a definition up, or call it, and give what comes out as text.

    ``request`` holds arguments as JSON; None asks what the definition is.
    """
    try:
        found = Namespace(names).get(name)
        if request is None:
            answer = {"function": True} if callable(found) else {"value": encode(found)}
        else:
            arguments, named = (decode(part) for part in json.loads(request))
            answer = {"value": encode(found(*arguments, **named))}
    except (AnswerError, TypeError) as error:
        answer = {"error": f"{name}: {error}" if isinstance(error, TypeError) else str(error)}
    return json.dumps(answer)


class OtherKernel:
    """Definitions in a learner's kernel, a process ``pid``, seen from the kernel of the checks."""

    def __init__(self, connection_file: str, pid: int, seconds: float) -> None:
        from jupyter_client import BlockingKernelClient

        self._pid, self._seconds = pid, seconds
        self._lost: str | None = None  # why nothing more is asked
        self.client = BlockingKernelClient(connection_file=connection_file)
        self.client.load_connection_file()
        self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)

    def get(self, name: str) -> Any:
        """The definition of that name: a stand-in for a function, or a copy of a value."""

        def call(*arguments: Any, **named: Any) -> Any:
            request = json.dumps([encode(list(arguments)), encode(named)])
            return decode(self._ask(name, request).get("value"))

        answer = self._ask(name, None)
        return guarded(name, call) if answer.get("function") else decode(answer.get("value"))

    def _ask(self, name: str, request: str | None) -> dict[str, Any]:
        if self._lost:
            raise AnswerError(self._lost)
        code = f"{HERE}.respond(get_ipython().user_ns, {name!r}, {request!r})"
        sent = self.client.execute("", silent=True, user_expressions={"answer": code}, allow_stdin=False)
        reply = reply_to(self.client, sent, self._seconds, lambda: lives(self._pid))
        if reply is None:
            late = f"{name} took more than {self._seconds:g} seconds"
            self._lost = late if lives(self._pid) else f"the kernel died while {name} was asked for"
            raise AnswerError(self._lost)
        content = reply.get("user_expressions", {}).get("answer", {})
        if content.get("status") != "ok":
            raise AnswerError(f"{name} gave no answer: {content.get('ename')} {content.get('evalue')}")
        try:
            text = content["data"]["text/plain"]
            if len(text) > LARGEST:
                raise AnswerError(f"{name} gave too much: {len(text):,} characters")
            answer = json.loads(ast.literal_eval(text))
            if not isinstance(answer, dict):
                raise ValueError(text)
        except (KeyError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
            raise AnswerError(f"{name} gave no answer that can be read") from None
        if "error" in answer:
            raise AnswerError(str(answer["error"]))
        return answer


def reply_to(client: Any, sent: str, seconds: float, alive: Callable[[], bool]) -> dict[str, Any] | None:
    """What a kernel answers to a request that was sent; None if it dies or takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            message = client.get_shell_msg(timeout=0.2)
        except Empty:
            if not alive():
                return None
            continue
        if message["parent_header"].get("msg_id") == sent:
            return message["content"]
    return None


def lives(pid: int) -> bool:
    """Whether that process runs."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


_other: OtherKernel | None = None


def connect(connection_file: str, pid: int, seconds: float = SECONDS) -> None:
    """Take definitions from that kernel from now on."""
    global _other
    if _other is not None:
        _other.client.stop_channels()
    _other = OtherKernel(connection_file, pid, seconds)


def source() -> Namespace | OtherKernel:
    """The learner's kernel if there is a connection to one, else the notebook that runs."""
    if _other is not None:
        return _other
    from IPython import get_ipython

    return Namespace(getattr(get_ipython(), "user_ns", {}))
