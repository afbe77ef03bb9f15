"""Claims print with a tick, or stop the chapter."""

import numpy as np
import pytest

from bookwork.claims import check


def test_what_holds_is_printed(capsys):
    check("two is more than one", np.float64(2) > 1)
    assert capsys.readouterr().out == "✓ two is more than one\n"


@pytest.mark.parametrize("holds", [False, np.bool_(False), np.nan > 1, np.array([0])])
def test_what_does_not_hold_stops_the_chapter(holds, capsys):
    with pytest.raises(AssertionError, match="this does not hold: one is more than two"):
        check("one is more than two", holds)
    assert capsys.readouterr().out == ""
