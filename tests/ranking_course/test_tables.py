"""How tables of the book write numbers."""

from __future__ import annotations

import pytest

from ranking.evaluation import margin
from ranking_course.tables import plus_minus


def test_a_mean_stands_with_its_margin():
    values = [0.2, 0.3, 0.25]
    assert plus_minus(values) == f"25.0 ± {100 * margin(values):.1f}"
    assert plus_minus(values, digits=3, scale=1) == f"0.250 ± {margin(values):.3f}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5],), "at least 2 runs"),
        (([[0.5, 0.4]],), r"shape \(worlds,\)"),
        (([0.5, 0.4], -1), "digits"),
        (([0.5, 0.4], 1, 0), "scale"),
    ],
)
def test_what_is_no_row_of_worlds_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plus_minus(*arguments)
