"""The intercepts at which a world shows the rates that were asked for."""

from collections.abc import Callable
from typing import Any

from scipy.optimize import brentq


def intercept(name: str, wanted: float, mean: Callable[[float], Any]) -> float:
    """The intercept at which ``mean``, which rises with it, is as wanted.

    Raises:
        ValueError: what ``name`` asks for cannot be reached in this world.
    """
    low, high = -25.0, 25.0
    least, most = mean(low), mean(high)
    if not least < wanted < most:
        reached = f"between {least:.4g} and {most:.4g}, what this world can reach"
        raise ValueError(f"{name} must be {reached}, got {wanted}")
    return float(brentq(lambda b: mean(b) - wanted, low, high, xtol=1e-6))
