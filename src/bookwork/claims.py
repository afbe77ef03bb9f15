"""Statements of a chapter, tied to what its cells computed.

A sentence in prose and the number behind it can drift apart without anybody noticing. A chapter therefore
repeats its claims in a cell, next to the condition that makes them true.
"""

from __future__ import annotations

from typing import Any


def check(statement: str, holds: Any) -> None:
    """Print ``statement`` with a tick if it holds, else raise.

    Args:
        statement: a short sentence, as the text says it.
        holds: True or False; NumPy's booleans and arrays of one element count.

    Raises:
        AssertionError: naming the statement, if it does not hold.
    """
    if not bool(holds):
        raise AssertionError(f"this does not hold: {statement}")
    print(f"✓ {statement}")
