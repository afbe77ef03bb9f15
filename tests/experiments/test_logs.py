"""Experiments can draw their world by seed, and a log is asked for the truth of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.logs import recent_log, true, truth_in_first_place, world
from ranking_course import course_world


def test_a_log_is_of_the_course_unless_another_world_is_asked_for():
    for world_seed in (0, 1):
        wanted = course_world(seed=world_seed).simulate(5_000, seed=2).with_statistics().after(days=30)
        found = recent_log(2, 5_000, world_seed)
        pd.testing.assert_frame_equal(found.rows, wanted.rows, check_exact=True)
        pd.testing.assert_frame_equal(found.truth, wanted.truth, check_exact=True)
    assert world() is world(0) is course_world()
    assert (world(0).seed, world(1).seed) == (0, 1)


def test_the_truth_in_first_place_is_that_of_the_logs_own_world():
    ours, other = recent_log(0, 5_000), recent_log(0, 5_000, world_seed=1)
    for log, its in ((ours, None), (ours, world()), (other, world(1))):
        first = (log.rows["position"] == 1).to_numpy()
        p = truth_in_first_place(log, its).p_click
        np.testing.assert_allclose(p[first], true(log, "p_click")[first], rtol=1e-5)
        assert (p[~first] > true(log, "p_click")[~first]).all()
    for log, its in ((other, None), (ours, world(1))):
        with pytest.raises(ValueError, match="log must be of the given world, whose seed is"):
            truth_in_first_place(log, its)
