"""Score fusion: the formulas of claims E1–E3, the two additions, and the lists that they make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from ranking import fusion

NAMES = ("click", "like", "collect", "share")
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 12))
WEIGHTS = st.fixed_dictionaries({name: st.floats(0.01, 50) for name in NAMES})
EXPONENTS = st.fixed_dictionaries({name: st.floats(0.1, 3) for name in NAMES})


@st.composite
def predictions(draw, low=0.001, high=0.999):
    """Four rates for a few requests of a few candidates."""
    shape = draw(SHAPES)
    return {name: draw(hnp.arrays(np.float64, shape, elements=st.floats(low, high))) for name in NAMES}


def rest(weights):
    return {name: w for name, w in weights.items() if name != "click"}


def scored(p, w, beta):
    """The score of every formula."""
    return {
        "weighted_sum": fusion.weighted_sum(p, w),
        "click_times_rest": fusion.click_times_rest(p, rest(w)),
        "product_of_powers": fusion.product_of_powers(p, w, beta),
        "rank_fusion": fusion.rank_fusion(p, w),
        "commerce_product": fusion.commerce_product(p, beta),
    }


HUGE = {"a": 1.5e308, "b": 1.5e308}
P = {"click": [0.1, 0.2, 0.05], "like": [0.3, 0.1, 0.6], "watch_time": [10.0, 40.0, 5.0]}


def test_formulas_by_hand():
    w = {"like": 2.0, "watch_time": 0.1}
    np.testing.assert_allclose(fusion.weighted_sum(P, {"click": 1.0, **w}), [1.7, 4.4, 1.75])
    np.testing.assert_allclose(fusion.click_times_rest(P, w), [0.1 * 2.6, 0.2 * 5.2, 0.05 * 2.7])
    np.testing.assert_allclose(
        fusion.product_of_powers(P, {"click": 1.0, **w}, {"click": 1.0, "like": 2.0, "watch_time": 0.5}),
        [1.1 * 1.6**2 * 2**0.5, 1.2 * 1.2**2 * 5**0.5, 1.05 * 2.2**2 * 1.5**0.5],
    )
    np.testing.assert_allclose(
        fusion.rank_fusion(P, {"click": 1.0, "like": 3.0, "watch_time": 0.5}, power=2.0, offset=1.0),
        [1 / 5 + 3 / 5 + 0.5 / 5, 1 / 2 + 3 / 10 + 0.5 / 2, 1 / 10 + 3 / 2 + 0.5 / 10],
    )
    np.testing.assert_allclose(
        fusion.commerce_product(P, {"click": 1.0, "like": 0.5, "watch_time": -1.0}),
        [0.1 * 0.3**0.5 / 10, 0.2 * 0.1**0.5 / 40, 0.05 * 0.6**0.5 / 5],
    )


def test_click_times_rest_adds_up_expected_counts():
    worth = {"like": 3.0, "watch_time": 0.02}
    counts = fusion.per_impression(P)
    np.testing.assert_allclose(
        fusion.click_times_rest(P, worth), fusion.weighted_sum(counts, {"click": 1.0, **worth})
    )


@given(predictions(high=0.9), WEIGHTS, EXPONENTS, st.sampled_from(NAMES), st.floats(1e-6, 0.09))
def test_scores_grow_with_every_prediction(p, w, beta, name, step):
    before = scored(p, w, beta)
    first = {key: values.copy() for key, values in p.items()}
    first[name][0, 0] += step
    for formula, score in scored(first, w, beta).items():
        assert score[0, 0] >= before[formula][0, 0] * (1 - 1e-14), formula
        if formula != "rank_fusion":  # a rank moves only when somebody is overtaken
            assert score[0, 0] > before[formula][0, 0] * (1 - 1e-14), formula
        np.testing.assert_array_less(
            score[0, 1:], before[formula][0, 1:] * (1 + 1e-14) + 1e-300, err_msg=formula
        )


def same_order(a, b):
    """No pair stands one way in ``a`` and clearly the other way in ``b``."""
    difference = (a[..., :, None] - a[..., None, :]) * (b[..., :, None] - b[..., None, :])
    scale = np.abs(a).max() * np.abs(b).max()
    assert difference.min() >= -1e-12 * scale


@given(predictions(), WEIGHTS, EXPONENTS, st.floats(0.01, 100))
def test_a_common_factor_changes_no_order(p, w, beta, factor):
    more = {name: factor * value for name, value in w.items()}
    np.testing.assert_allclose(fusion.weighted_sum(p, more), factor * fusion.weighted_sum(p, w))
    np.testing.assert_allclose(fusion.rank_fusion(p, more), factor * fusion.rank_fusion(p, w))
    powers = {name: factor**0.5 * value for name, value in beta.items()}  # within what a float holds
    np.testing.assert_allclose(
        np.log(fusion.product_of_powers(p, w, powers)),
        factor**0.5 * np.log(fusion.product_of_powers(p, w, beta)),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        np.log(fusion.commerce_product(p, powers)),
        factor**0.5 * np.log(fusion.commerce_product(p, beta)),
        rtol=1e-9,
    )


@given(predictions(), WEIGHTS)
def test_powers_of_one_and_small_weights_come_to_the_weighted_sum(p, w):
    small = 1e-7
    product = fusion.product_of_powers(p, {k: small * v for k, v in w.items()}, dict.fromkeys(NAMES, 1.0))
    total = fusion.weighted_sum(p, w)
    np.testing.assert_allclose((product - 1.0) / small, total, rtol=1e-4)
    apart = np.abs(total[..., :, None] - total[..., None, :]) > 1e-3 * total.max()
    sign = np.sign(total[..., :, None] - total[..., None, :])
    assert (np.sign(product[..., :, None] - product[..., None, :]) == sign)[apart].all()


@given(predictions(), WEIGHTS, st.data())
def test_rank_fusion_is_unchanged_by_any_increasing_map(p, w, data):
    """Every prediction through a map of its own: its distinct values, in order, become any other numbers."""
    moved = {}
    for name, values in p.items():
        _, place = np.unique(values, return_inverse=True)
        count = int(place.max()) + 1
        images = data.draw(st.lists(st.floats(0, 1), min_size=count, max_size=count, unique=True))
        moved[name] = np.sort(images)[place].reshape(values.shape)
    np.testing.assert_array_equal(fusion.rank_fusion(moved, w), fusion.rank_fusion(p, w))


def test_a_steep_power_of_the_rank_leaves_only_the_first():
    score = fusion.rank_fusion({"click": [0.3, 0.2, 0.1]}, {"click": 2.0}, power=1e5, offset=0.0)
    np.testing.assert_array_equal(score, [2.0, 0.0, 0.0])


@given(predictions(), EXPONENTS, st.sampled_from(NAMES), st.floats(0.01, 1))
def test_a_common_scale_leaves_the_commerce_product_in_order(p, beta, name, factor):
    scaled = {**p, name: factor * p[name]}
    same_order(fusion.commerce_product(p, beta), fusion.commerce_product(scaled, beta))


@given(predictions(), WEIGHTS, EXPONENTS)
def test_contributions_add_up(p, w, beta):
    total = scored(p, w, beta)
    sums = {
        "weighted_sum": fusion.contributions(fusion.weighted_sum, p, weights=w),
        "click_times_rest": fusion.contributions(fusion.click_times_rest, p, weights=rest(w)),
        "rank_fusion": fusion.contributions(fusion.rank_fusion, p, weights=w),
    }
    for name, terms in sums.items():
        np.testing.assert_allclose(sum(terms.values()), total[name], rtol=1e-12)
    logs = {
        "product_of_powers": fusion.contributions(fusion.product_of_powers, p, weights=w, exponents=beta),
        "commerce_product": fusion.contributions(fusion.commerce_product, p, exponents=beta),
    }
    for name, terms in logs.items():
        np.testing.assert_allclose(sum(terms.values()), np.log(total[name]), rtol=1e-9, atol=1e-12)
    assert all(list(terms) == list(NAMES) for terms in (sums | logs).values())


def test_ranks_of_equal_scores_are_shared():
    np.testing.assert_array_equal(fusion.ranks([0.5, 0.9, 0.1, 0.5]), [2, 1, 4, 2])


@given(hnp.arrays(np.float64, SHAPES, elements=st.integers(0, 5).map(float)))
def test_ranks_agree_with_scipy(scores):
    np.testing.assert_array_equal(fusion.ranks(scores), rankdata(-scores, method="min", axis=-1))


def test_equal_scores_keep_their_order():
    np.testing.assert_array_equal(fusion.order([[1.0, 2.0, 1.0, 2.0]]), [[1, 3, 0, 2]])


@given(hnp.arrays(np.float64, SHAPES, elements=st.integers(0, 4).map(float)), st.data())
def test_top_k_is_the_head_of_the_order(scores, data):
    k = data.draw(st.integers(1, scores.shape[-1]))
    np.testing.assert_array_equal(fusion.top_k(scores, k), fusion.order(scores)[..., :k])
    np.testing.assert_array_equal(fusion.top_k(scores[0], k), fusion.order(scores[0])[:k])


def test_expected_totals_by_hand():
    outcomes = {"click": [[0.1, 0.2, 0.4], [0.3, 0.5, 0.1]], "likes": [[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]}
    shown = np.array([[2, 0], [1, 2]])
    total = fusion.expected_totals(shown, outcomes)
    np.testing.assert_allclose(total["click"], [0.5, 0.6])
    np.testing.assert_allclose(total["likes"], [5.0, 48.0])
    half = fusion.expected_totals(shown, outcomes, examination=[1.0, 0.5])
    np.testing.assert_allclose(half["likes"], [4.5, 32.0])
    one = fusion.expected_totals(shown[0], {"click": outcomes["click"][0]})
    assert one["click"] == pytest.approx(0.5)


def test_zeros_and_ones():
    p = {"click": [0.0, 0.5], "like": [1.0, 0.0]}
    np.testing.assert_array_equal(fusion.click_times_rest(p, {"like": 2.0}), [0.0, 0.5])
    np.testing.assert_array_equal(fusion.commerce_product(p, {"click": 1.0, "like": 0.5}), [0.0, 0.0])
    np.testing.assert_array_equal(fusion.commerce_product(p, {"click": 0.0, "like": 0.0}), [1.0, 1.0])
    terms = fusion.contributions(fusion.commerce_product, p, exponents={"click": 1.0, "like": 0.0})
    assert terms["click"][0] == -np.inf
    np.testing.assert_array_equal(terms["like"], [0.0, 0.0])
    hidden = {"click": [0.5, 0.5], "hide": [1.0, 0.1]}
    score = fusion.product_of_powers(hidden, {"click": 1.0, "hide": -1.0}, {"click": 1.0, "hide": 2.0})
    np.testing.assert_allclose(score, [0.0, 1.5 * 0.81], atol=1e-15)


def test_a_negative_weight_pushes_down():
    p = {"click": [0.5, 0.5], "hide": [0.3, 0.1]}
    assert list(fusion.order(fusion.weighted_sum(p, {"click": 1.0, "hide": -2.0}))) == [1, 0]
    assert list(fusion.order(fusion.click_times_rest(p, {"hide": -2.0}))) == [1, 0]
    assert list(fusion.order(fusion.rank_fusion(p, {"click": 1.0, "hide": -2.0}))) == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fusion.weighted_sum({}, {}), "predictions must map at least one name"),
        (lambda: fusion.weighted_sum([0.1], {"click": 1}), "predictions must map"),
        (lambda: fusion.weighted_sum(P, {"click": 1, "like": 1}), "missing 'watch_time'"),
        (lambda: fusion.weighted_sum(P, {**dict.fromkeys(P, 1), "save": 1}), "unknown 'save'"),
        (lambda: fusion.weighted_sum(P, [1, 2, 3]), "weights must map names to numbers"),
        (lambda: fusion.weighted_sum(P, dict.fromkeys(P, np.nan)), r"weights\['click'\] must be finite"),
        (lambda: fusion.weighted_sum(P, {key: [1, 2, 3] for key in P}), "must be a single number"),
        (
            lambda: fusion.weighted_sum({"click": [np.nan]}, {"click": 1}),
            r"predictions\['click'\] must be finite",
        ),
        (lambda: fusion.weighted_sum({"click": [1.2]}, {"click": 1}), r"must be in \[0, 1\], got 1.2"),
        (
            lambda: fusion.weighted_sum({"watch_time": [-1.0]}, {"watch_time": 1}),
            "must be at least 0, got -1",
        ),
        (lambda: fusion.weighted_sum({"click": 0.5}, {"click": 1}), "got a single number"),
        (lambda: fusion.weighted_sum({"click": []}, {"click": 1}), "must not be empty"),
        (lambda: fusion.weighted_sum({"a": [0.1], "b": [0.1, 0.2]}, {"a": 1, "b": 1}), "the same shape"),
        (
            lambda: fusion.weighted_sum({"a": [1.0], "b": [1.0]}, HUGE),
            "weights must leave scores that a float can hold",
        ),
        (
            lambda: fusion.click_times_rest({"click": [1.0], "watch_time": [1e9]}, {"watch_time": 1e300}),
            "weights must leave scores that a float can hold",
        ),
        (lambda: fusion.click_times_rest({"like": [0.1]}, {}), "predictions must hold 'click'"),
        (lambda: fusion.click_times_rest(P, {"click": 1, "like": 1, "watch_time": 1}), "unknown 'click'"),
        (
            lambda: fusion.product_of_powers({"hide": [0.1, 0.9]}, {"hide": -2}, {"hide": 0.5}),
            r"weights\['hide'\] must leave 1 \+ w p at 0 or above.*got -0.8",
        ),
        (
            lambda: fusion.product_of_powers({"hide": [1.0]}, {"hide": -1}, {"hide": -1}),
            r"exponents\['hide'\] must be at least 0 where 1 \+ w p is 0",
        ),
        (
            lambda: fusion.product_of_powers(P, dict.fromkeys(P, 1), dict.fromkeys(P, 400)),
            "scores that a float can hold",
        ),
        (lambda: fusion.product_of_powers(P, dict.fromkeys(P, 1), {"click": 1}), "exponents must name"),
        (
            lambda: fusion.product_of_powers({"watch_time": [1e9]}, {"watch_time": 1e300}, {"watch_time": 1}),
            "scores that a float can hold",
        ),
        (lambda: fusion.commerce_product({"pay": [0.0, 0.1]}, {"pay": -1}), "where a prediction is 0"),
        (
            lambda: fusion.commerce_product(
                {"pay": [0.0], "price": [9.0]}, {"pay": 1e308, "price": 1e308}
            ),  # 0 times infinity
            "scores that a float can hold",
        ),
        (lambda: fusion.rank_fusion(P, dict.fromkeys(P, 1), power=0), "power must be above 0"),
        (lambda: fusion.rank_fusion(P, dict.fromkeys(P, 1), offset=-1), "offset must be at least 0"),
        (lambda: fusion.contributions(sum, P), "formula must be one of the functions weighted_sum"),
        (
            lambda: fusion.contributions(fusion.weighted_sum, {"a": [1.0], "b": [1.0]}, weights=HUGE),
            "weights must leave scores that a float can hold",
        ),
        (lambda: fusion.expected_totals([0, 1], {"a": [1e308, 1e308]}), r"outcomes\['a'\] must leave totals"),
        (lambda: fusion.expected_totals([0], [[0.1]]), "outcomes must map names to arrays"),
        (lambda: fusion.per_impression({"click": [0.1]}, click=None), "click must be a str, got NoneType"),
        (lambda: fusion.contributions(["weighted_sum"], P), "formula must be one of the functions"),
        (lambda: fusion.order([0.1, np.nan]), "scores must be finite"),
        (lambda: fusion.top_k([0.1, 0.2], 3), "k must be at most the 2 candidates, got 3"),
        (lambda: fusion.top_k([0.1, 0.2], 0), "k must be a whole number of at least 1"),
        (lambda: fusion.per_impression({"like": [0.1]}), "rates must hold 'click'"),
        (lambda: fusion.expected_totals([0], {}), "outcomes must hold at least one"),
        (lambda: fusion.expected_totals([5], {"click": [0.1]}), "shown must be from 0 to 0, got 5"),
        (lambda: fusion.expected_totals([[0]], {"click": [0.1]}), "shown must have shape"),
        (lambda: fusion.expected_totals([0], {"click": [0.1]}, [1, 1]), "examination must have shape"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
