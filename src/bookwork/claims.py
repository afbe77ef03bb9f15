"""Statements of a chapter, tied to what its cells computed.

A sentence in prose and the number behind it can drift apart without anybody noticing. A chapter therefore
repeats its claims in a cell, next to the condition that makes them true.
"""

from typing import Any

CLAIMS = "claims"
"""Tag of a cell that only verifies: folded to one line in a page, collapsed in JupyterLab, not in slides."""

TICK = "✓ "


def check(statement: str, holds: Any) -> None:
    """Print ``statement`` with a tick if it holds, else raise.

    Args:
        statement: a short sentence, as the text says it.
        holds: True or False, also NumPy's, or an array of one such value without dimensions.

    Raises:
        AssertionError: naming the statement, if it does not hold.
        ValueError: if ``holds`` is anything else: a number or a text would be true by accident.
    """
    kind = holds.dtype if getattr(holds, "shape", None) == () else type(holds).__name__
    if str(kind) not in ("bool", "torch.bool"):  # NumPy and torch have truth values without dimensions
        raise ValueError(f"holds must be True or False for {statement!r}, got {holds!r:.80}")
    if not holds:
        raise AssertionError(f"this does not hold: {statement}")
    print(f"{TICK}{statement}")
