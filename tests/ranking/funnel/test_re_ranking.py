"""MMR and greedy DPP against direct implementations; the scatter rules by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.funnel import broken_rules, greedy_dpp, mmr, relative, scatter_order, similarity_of


def draw(seed: int, n: int = 14, dim: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random(n), similarity_of(rng.standard_normal((n, dim)) + 0.7, rng.integers(0, 4, n))


def dpp_by_determinants(scores, similarity, keep, theta, window):
    """Greedy choice with every determinant computed outright."""
    chosen = []
    while len(chosen) < keep:
        recent = chosen[max(0, len(chosen) - window) :]
        values = {}
        for i in range(len(scores)):
            if i in chosen:
                continue
            both = np.ix_([*recent, i], [*recent, i])
            ratio = np.linalg.det(similarity[both]) / np.linalg.det(similarity[np.ix_(recent, recent)])
            values[i] = theta * scores[i] + (1 - theta) * np.log(ratio)
        chosen.append(max(values, key=values.get))
    return chosen


def mmr_by_definition(scores, similarity, keep, theta, window):
    chosen = []
    while len(chosen) < keep:
        recent = chosen[max(0, len(chosen) - window) :]
        values = {
            i: theta * scores[i] - (1 - theta) * max((similarity[i, j] for j in recent), default=0.0)
            for i in range(len(scores))
            if i not in chosen
        }
        chosen.append(max(values, key=values.get))
    return chosen


@pytest.mark.parametrize("window", [1, 2, 4, 12, None])
@pytest.mark.parametrize("theta", [0.0, 0.3, 0.7, 0.95, 1.0])
def test_both_methods_choose_as_their_definitions_do(theta: float, window: int | None) -> None:
    for seed in range(5):
        scores, similarity = draw(seed)
        arguments = (scores, similarity, 12, theta)
        expected = dpp_by_determinants(*arguments, window or 12)
        assert greedy_dpp(*arguments, window=window).tolist() == expected
        expected = mmr_by_definition(*arguments, window or 12)
        assert mmr(*arguments, window=window).tolist() == expected


def test_dpp_is_the_greedy_map_of_the_kernel_it_names() -> None:
    """θ Σ s + (1 − θ) ln det S against ln det of L = diag(r) S diag(r), ln r = θ s / (2 (1 − θ))."""
    scores, similarity = draw(3)
    theta = 0.8
    r = np.exp(theta * scores / (2 * (1 - theta)))
    kernel = r[:, None] * similarity * r
    chosen: list[int] = []
    for _ in range(8):
        left = [i for i in range(len(scores)) if i not in chosen]
        dets = [np.linalg.slogdet(kernel[np.ix_([*chosen, i], [*chosen, i])])[1] for i in left]
        chosen.append(left[int(np.argmax(dets))])
    assert greedy_dpp(scores, similarity, 8, theta).tolist() == chosen


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-6, 1e6, 1e300])
def test_dpp_chooses_the_same_whatever_the_scale_of_the_matrix(scale: float) -> None:
    for seed in range(5):
        scores, similarity = draw(seed)
        for window in (None, 3):
            chosen = greedy_dpp(scores, similarity, 14, 0.7, window)
            assert greedy_dpp(scores, scale * similarity, 14, 0.7, window).tolist() == chosen.tolist()
    lopsided = np.array([[1.0, 0.5], [0.1, 1.0]])
    indefinite = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    for method in (mmr, greedy_dpp):
        with pytest.raises(ValueError, match="symmetric"):
            method([0.1, 0.2], scale * lopsided, 1)
    with pytest.raises(ValueError, match="positive semi-definite"):
        greedy_dpp([1.0, 1.0, 1.0], scale * indefinite, 3, 0.5)


def test_dpp_chooses_the_same_whatever_the_scale_of_single_items() -> None:
    """A small item is no repeat: it adds little to the volume, and which of two it is still decides."""
    chosen = greedy_dpp([0.5, 0.4, 0.3], np.diag([1.0, 1e-10, 1e-11]), 3, 0.9)
    assert chosen.tolist() == dpp_by_determinants([0.5, 0.4, 0.3], np.diag([1.0, 1e-10, 1e-11]), 3, 0.9, 3)
    assert greedy_dpp([0.5, 0.3, 0.4], np.diag([1.0, 1e-10, 1e-13]), 3, 0.5).tolist() == [0, 1, 2]


def test_theta_of_one_sorts_by_score() -> None:
    scores, similarity = draw(0)
    for method in (mmr, greedy_dpp):
        assert method(scores, similarity, 14, 1.0).tolist() == np.argsort(-scores).tolist()


def test_a_repeat_waits_until_its_twin_has_left_the_window() -> None:
    scores = np.array([1.0, 0.99, 0.5, 0.4, 0.3])
    similarity = np.eye(5)
    similarity[0, 1] = similarity[1, 0] = 1.0  # the two best are the same thing
    for method in (mmr, greedy_dpp):
        assert method(scores, similarity, 5, 0.5, window=2).tolist()[:4] == [0, 2, 3, 1]
        assert method(scores, similarity, 5, 0.5).tolist()[-1] == 1


def test_dpp_goes_on_by_score_once_the_rank_is_used_up() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((9, 2))
    scores = rng.random(9)
    chosen = greedy_dpp(scores, vectors @ vectors.T / 10 + 1e-12 * np.eye(9), 9, 0.9)
    rest = chosen[2:]
    assert rest.tolist() == rest[np.argsort(-scores[rest])].tolist()


@pytest.mark.parametrize("method", [mmr, greedy_dpp])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [0.1, np.nan]}, "scores must be finite"),
        ({"scores": []}, "scores must not be empty"),
        ({"similarity": np.ones((2, 3))}, "similarity"),
        ({"similarity": np.array([[1.0, 0.5], [0.1, 1.0]])}, "symmetric"),
        ({"similarity": np.zeros((2, 2))}, "above 0"),
        ({"keep": 0}, "keep must be a whole number of at least 1"),
        ({"keep": 3}, "keep must be at most the 2"),
        ({"trade_off": 1.5}, r"trade_off must be in \[0, 1\]"),
        ({"window": 0}, "window must be a whole number"),
    ],
)
def test_bad_input_is_named(method, change: dict, message: str) -> None:
    good = {"scores": [0.1, 0.2], "similarity": np.eye(2), "keep": 1}
    with pytest.raises(ValueError, match=message):
        method(**(good | change))


def test_dpp_refuses_what_is_no_kernel() -> None:
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    with pytest.raises(ValueError, match="positive semi-definite"):
        greedy_dpp([1.0, 1.0, 1.0], bad, 3, 0.5)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_rules_hold_but_where_it_is_said(pairs: list[tuple[int, int]], author: int, topic: int) -> None:
    keys = {"author": np.array([a for a, _ in pairs]), "topic": np.array([t for _, t in pairs])}
    apart = {"author": author, "topic": topic}
    result = scatter_order(keys, apart, keep=len(pairs))
    assert sorted(result.order) == list(range(len(pairs)))  # nothing lost, nothing twice
    for place, at in enumerate(result.order):
        breaks = any(
            (keys[name][result.order[max(0, place - k + 1) : place]] == keys[name][at]).any()
            for name, k in apart.items()
        )
        assert breaks == (place in result.relaxed)
        if breaks:  # then truly nobody could have done better than break a rule
            for other in result.order[place:]:
                assert any(
                    (keys[name][result.order[max(0, place - k + 1) : place]] == keys[name][other]).any()
                    for name, k in apart.items()
                )
        else:  # nobody who came earlier and meets the rules was passed over
            for other in result.order[place:]:
                if other < at:
                    assert any(
                        (keys[name][result.order[max(0, place - k + 1) : place]] == keys[name][other]).any()
                        for name, k in apart.items()
                    )
    shown = {name: values[result.order] for name, values in keys.items()}
    assert (sum(broken_rules(shown, apart).values()) == 0) == (not result.relaxed)


def test_fallback_breaks_fewest_rules_and_keeps_repeats_far() -> None:
    keys = {"author": [1, 1, 2, 2], "topic": [5, 5, 5, 5]}
    result = scatter_order(keys, {"author": 2, "topic": 3}, keep=4)
    assert result.order.tolist() == [0, 2, 1, 3]
    assert result.relaxed == (1, 2, 3)


def test_scatter_names_bad_input() -> None:
    with pytest.raises(ValueError, match="apart must be one of 'author'"):
        scatter_order({"author": [1]}, {"topic": 2}, 1)
    with pytest.raises(ValueError, match="keep must be at most the 1"):
        scatter_order({"author": [1]}, {"author": 2}, 2)
    with pytest.raises(ValueError, match=r"apart\['author'\]"):
        scatter_order({"author": [1]}, {"author": 0}, 1)
    with pytest.raises(ValueError, match="keys must name"):
        scatter_order({}, {}, 1)


def test_relative_and_similarity() -> None:
    assert relative([3.0, 1.0, 2.0]).tolist() == [1.0, 0.0, 0.5]
    assert relative([2.0, 2.0]).tolist() == [1.0, 1.0]
    assert relative([-1.5e308, 1.5e308, 0.0]).tolist() == [0.0, 1.0, 0.5]
    for scale in (1e-200, 1e200):
        small = similarity_of([[2.0 * scale, 0.0], [scale, scale]], [1, 2])
        np.testing.assert_allclose(small[0, 1], 0.5**1.5)
    s = similarity_of([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], ["music", "music", "film"])
    np.testing.assert_allclose(s, [[1, 0.5, 0.5], [0.5, 1, 0], [0.5, 0, 1]], atol=1e-12)
    with pytest.raises(ValueError, match="vectors must not be 0"):
        similarity_of([[0.0, 0.0]], [1])
    with pytest.raises(ValueError, match=r"topics \(n,\), got \(1, 2\) and \(2,\)"):
        similarity_of([[0.0, 1.0]], [1, 2])
