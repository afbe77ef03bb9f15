"""The learner's side of a connection between two kernels: it answers while a check asks.

A cell of the learner's kernel runs :func:`serve`. One cell for all that a check asks is several times faster
than a cell for each question.
"""

import json
from collections.abc import Mapping
from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp

from bookwork.grading import answers

HERE = f"__import__({__name__!r}, fromlist=['serve'])"
"""This module, in code that a kernel runs without a name being added to what it holds."""


def serve(address: str, names: Mapping[str, Any]) -> None:
    """Answer what is asked at ``address``, from the definitions ``names``, until an empty message ends it.

    A question is JSON, ``[number, name, request, seconds]``; its answer is the number, a space, and what
    :func:`answers.respond` gives.
    """
    # one of its own would start threads, for which a learner may have left no room
    context: Any = IPKernelApp.instance().context
    with context.socket(zmq.PAIR) as line:
        line.linger = 0
        line.bind(address)
        while asked := line.recv():
            number, name, request, seconds = json.loads(asked)
            line.send(f"{number} {answers.respond(names, name, request, seconds)}".encode())
