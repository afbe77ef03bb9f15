"""Claims print with a tick, or stop the chapter."""

import numpy as np
import pytest
import torch

from bookwork.claims import check


def test_what_holds_is_printed(capsys):
    for holds in (True, np.float64(2) > 1, np.array(True), torch.tensor(2) > 1):
        check("two is more than one", holds)
        assert capsys.readouterr().out == "✓ two is more than one\n"


@pytest.mark.parametrize("holds", [False, np.bool_(False), np.nan > 1, np.array(False)])
def test_what_does_not_hold_stops_the_chapter(holds, capsys):
    with pytest.raises(AssertionError, match="this does not hold: one is more than two"):
        check("one is more than two", holds)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("holds", [np.nan, "False", 1, 0.0, None, [True], np.array([True]), np.array([0])])
def test_what_is_no_truth_value_is_refused(holds, capsys):
    with pytest.raises(ValueError, match="holds must be True or False for 'one is more than two', got"):
        check("one is more than two", holds)
    assert capsys.readouterr().out == ""
