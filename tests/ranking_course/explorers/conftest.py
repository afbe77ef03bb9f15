"""A recording for the calibration explorer to show."""

from __future__ import annotations

from typing import Any

import pytest
from recordings import made_up_recording


@pytest.fixture(scope="session")
def recording() -> dict[str, Any]:
    """Three rates, one of them no usual stop of the slider; three seeds; five bins, one of them empty."""
    return made_up_recording(rates=[1.0, 0.1, 0.03], seeds=3, bins=5)
