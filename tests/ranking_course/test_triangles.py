from __future__ import annotations

import json

import numpy as np
import pytest

from bookwork.figure import picture_of
from ranking_course.palette import PALETTE, TARGET_COLOURS
from ranking_course.triangles import triangle_figure

TEXTS = {"title": "A title", "alt": "What is seen.", "caption": "A caption.", "x": "step"}
CORNERS = {"1": "expert 1", "2": "expert 2", "3": "expert 3"}
PANELS = {0: [[1 / 3, 1 / 3, 1 / 3]], 30: [[0.98, 0.01, 0.01], [0.0, 0.0, 1.0]]}


def series():
    figure = triangle_figure(PANELS, CORNERS, **TEXTS)
    return picture_of(json.loads(figure.to_json()), PALETTE)["series"]


def test_a_dot_lies_where_its_shares_say():
    _, _, early, _, _, late = triangle_figure(PANELS, CORNERS, target="like", **TEXTS).data
    np.testing.assert_allclose([early.x, early.y], [[0.5], [0.25]])
    np.testing.assert_allclose(late.x[1] - 1.25, 0.5)  # all of the third is the upper corner
    np.testing.assert_allclose(late.y[1], 0.75)
    assert late.marker.color == TARGET_COLOURS["like"]


def test_shares_are_read_out_and_tabled_and_nothing_else():
    data = [each for each in series() if not each.get("decoration")]
    assert [each["name"] for each in data] == ["step 0", "step 30"]
    assert data[1]["said"][0] == "expert 1: 0.98\nexpert 2: 0.01\nexpert 3: 0.01"
    assert data[1]["own"] == [
        ["step", [30, 30]],
        ["expert 1", [0.98, 0]],
        ["expert 2", [0.01, 0]],
        ["expert 3", [0.01, 1]],
    ]


def test_frames_and_letters_are_only_drawn():
    drawn = [each for each in series() if each.get("decoration")]
    assert [each["kind"] for each in drawn] == ["line", "points"] * 2
    assert drawn[1]["texts"] == ["1", "2", "3"]


def test_panels_stand_side_by_side_and_say_what_they_are():
    axis = triangle_figure(PANELS, CORNERS, **TEXTS).layout.xaxis
    assert (axis.tickvals, axis.ticktext, axis.range) == ((0.5, 1.75), ("0", "30"), (-0.15, 2.4))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"panels": {}}, "panels must map at least one panel to its shares, got {}"),
        ({"panels": [[1, 0, 0]]}, "panels must map at least one panel"),
        ({"panels": {0: [1, 0, 0]}}, r"panels\[0\] must have shape \(points, 3\), got \(3,\)"),
        ({"panels": {0: [[0.5, 0.5]]}}, r"panels\[0\] must have shape \(points, 3\), got \(1, 2\)"),
        ({"panels": {0: np.empty((0, 3))}}, r"panels\[0\] must not be empty"),
        ({"panels": {"a": [[0.5, 0.5, 0.5]]}}, r"panels\['a'\] must hold shares from 0 to 1 that sum to 1"),
        ({"panels": {0: [[1.5, -0.5, 0]]}}, "must hold shares from 0 to 1"),
        ({"corners": {"1": "one"}}, "corners must name three shares, got 1: 1"),
        ({"corners": ["a", "b", "c"]}, "corners must map corners to names of shares"),
        ({"target": "clicks"}, "target must be one of"),
    ],
)
def test_what_is_no_share_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        triangle_figure(**({"panels": PANELS, "corners": CORNERS} | TEXTS | changed))
