"""The fusion explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import copy
import json
from itertools import pairwise

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    assert_laid_out,
    columns,
    open_groups,
    press,
    rows,
    sentence,
    slider,
    value,
)

from bookwork.explorer.base import MIME_TYPE
from ranking import fusion
from ranking.calibration import downsampled
from ranking.simulator import World
from ranking_course.explorers import FusionExplorer
from ranking_course.explorers.fusion import (
    FORMULAS,
    SIMULATED,
    TERMS,
    WEIGHTS,
    checked_candidates,
    simulated_candidates,
)

NAMES = {
    "weighted_sum": "weighted sum",
    "click_times_rest": "click × the rest",
    "product_of_powers": "product of powers",
    "rank_fusion": "rank fusion",
    "commerce_product": "e-commerce product",
}
LABELS = {**dict(zip(TERMS, TERMS, strict=True)), "watch_time": "watch time"}
OUTCOMES = {"clicks": "click", "likes": "like", "collects": "collect", "shares": "share"}
LIST = "ol[aria-label^='Candidates in A']"


@pytest.fixture(scope="module")
def world():
    return World.build(seed=0)


@pytest.fixture(scope="module")
def simulated(world):
    return simulated_candidates(world)


def made_up(count=12, seed=0, truth=True, terms=TERMS):
    """Candidates as any model might rate them."""
    rng = np.random.default_rng(seed)

    def rates():
        found = dict(zip(TERMS, np.round(rng.random(6), 4).tolist(), strict=True))
        found["watch_time"] *= 60
        return {term: found[term] for term in terms}

    keys = ("predictions", "truth") if truth else ("predictions",)
    return [{"item": f"item {i + 1}", **{key: rates() for key in keys}} for i in range(count)]


def scored(predictions, setting):
    """The scores by the package, and what each prediction adds to them."""
    formula = getattr(fusion, setting["formula"])
    weights = setting["weights"]
    arguments = {
        "weighted_sum": {"weights": weights},
        "click_times_rest": {"weights": {term: w for term, w in weights.items() if term != "click"}},
        "product_of_powers": {"weights": weights, "exponents": setting["exponents"]},
        "rank_fusion": {
            "weights": setting["rank_weights"],
            "power": setting["power"],
            "offset": setting["offset"],
        },
        "commerce_product": {"exponents": setting["exponents"]},
    }[setting["formula"]]
    return formula(predictions, **arguments), fusion.contributions(formula, predictions, **arguments)


def setting_of(explorer):
    return {name: getattr(explorer, name) for name in explorer.kept}


def random_setting(rng, formula, terms):
    """Weights and exponents, some of them 0."""

    def draw(high):
        values = rng.uniform(0, high, len(terms)) * (rng.random(len(terms)) > 0.2)
        return dict(zip(terms, values.tolist(), strict=True))

    return {
        "formula": formula,
        "weights": draw(20),
        "exponents": draw(3),
        "rank_weights": draw(5),
        "power": float(rng.uniform(0.2, 3)),
        "offset": float(rng.choice([0.0, 1.0, 60.0])),
        "scored_by": "predictions",
    }


def shown_items(page, number=0):
    """The items in the order of a list's rows in the document, which is that on the screen."""
    items = page.locator(".rx-rows").nth(number).locator("li")
    tops = items.evaluate_all("(all) => all.map((row) => row.getBoundingClientRect().top)")
    assert tops == sorted(tops)
    return items.locator(".rx-name").all_text_contents()


def expected_items(explorer):
    scores, _ = scored(explorer.given(), setting_of(explorer))
    return [explorer.candidates[i]["item"] for i in fusion.order(scores)]


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = FusionExplorer(made_up())
    seen = []
    explorer.observe(lambda change: seen.append(change.name), list(explorer.settings))
    explorer.formula = "rank_fusion"
    explorer.weights = {**explorer.weights, "like": np.float32(3)}
    explorer.shown = 3
    assert seen == ["formula", "weights", "shown"]
    assert explorer.weights["like"] == 3.0
    assert explorer.start["formula"] == "click_times_rest"
    assert set(explorer.start) == set(explorer.settings)
    assert "12 candidates ordered by one score made of 6 predictions, by the formula rank" in explorer.alt


def test_the_setting_kept_is_by_default_the_click_alone():
    explorer = FusionExplorer(made_up(), formula="product_of_powers", offset=10.0)
    assert explorer.kept["formula"] == "weighted_sum"
    assert explorer.kept["weights"] == {**dict.fromkeys(TERMS, 0.0), "click": 1.0}
    assert explorer.kept["offset"] == 10.0
    assert explorer.start["kept"] == explorer.kept


def test_a_setting_to_keep_may_name_only_what_it_changes():
    explorer = FusionExplorer(made_up(), kept={"formula": "rank_fusion", "offset": 5})
    assert explorer.kept == {**setting_of(explorer), "formula": "rank_fusion", "offset": 5.0}


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("formula", "mean", "formula"),
        ("weights", {"like": 2.0}, "weights must map exactly the names click, like"),
        (
            "weights",
            {**dict.fromkeys(TERMS, 1.0), "like": -1.0},
            r"weights\['like'\] must be a number from 0",
        ),
        ("exponents", dict.fromkeys(TERMS, float("nan")), r"exponents\['click'\]"),
        ("rank_weights", dict.fromkeys(TERMS, True), r"rank_weights\['click'\]"),
        ("power", 0.0, "power must be a number from 0.01"),
        ("offset", -1.0, "offset must be a number from 0"),
        ("scored_by", "hope", "scored_by"),
        ("shown", 13, "shown must be at most the number of candidates, 12, got 13"),
        ("shown", 0, "shown must be a whole number from 1"),
        ("kept", {"weights": {}}, r"kept\['weights'\]: weights must map exactly"),
        ("kept", {"form": "rank_fusion"}, "kept must map exactly the names formula, weights"),
        ("kept", 3, "kept"),
    ],
)
def test_bad_settings_are_refused(name, bad, message):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=message):
        FusionExplorer(made_up(), **setting)


def test_state_is_plain_json():
    data, _ = FusionExplorer(made_up())._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert state["candidates"] == made_up()


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        ([], made_up(1), "candidates must hold from 2 to 40 entries, got 1"),
        ([], made_up(41), "candidates must hold from 2 to 40 entries, got 41"),
        ([], "abc", "candidates must be a list of at least one entry, got 'abc'"),
        ([3, "item"], "item 1", "candidates must not hold an item twice"),
        ([3, "item"], None, r"candidates\[3\] must be a mapping with the key 'item'"),
        ([3, "predictions"], None, r"candidates\[3\] must be a mapping with the key 'predictions'"),
        ([3, "truth"], None, "must have a truth all or none, got 11 of 12"),
        (
            [3, "predictions", "like"],
            None,
            r"candidates\[3\]\['predictions'\] must have the terms click, like, .*, got click, collect, ",
        ),
        ([3, "truth", "share"], None, r"\[3\]\['truth'\] must have the terms click, like, collect, share, "),
        ([3, "predictions", "click"], None, r"\['predictions'\] must have click .* missing: \['click'\]"),
        ([3, "predictions", "hide"], 0.1, r"\['predictions'\] must have click .* unknown: \['hide'\]"),
        ([3, "predictions", "like"], 1.5, r"candidates\[3\]\['predictions'\]\['like'\] must be in \[0, 1\]"),
        ([3, "truth", "watch_time"], -1.0, r"\['truth'\]\['watch_time'\] must be at least 0"),
        ([3, "truth", "click"], float("nan"), r"\['truth'\]\['click'\] must be finite"),
        ([3, "truth", "click"], [0.1], r"\['truth'\]\['click'\] must be a number, got \[0.1\]"),
    ],
)
def test_bad_candidates_are_refused(path, bad, message):
    spoilt = made_up() if path else bad
    place = spoilt
    for key in path[:-1]:
        place = place[key]
    if path and bad is None:
        del place[path[-1]]
    elif path:
        place[path[-1]] = bad
    with pytest.raises(ValueError, match=message):
        FusionExplorer(spoilt)


def test_candidates_without_truth_cannot_be_ordered_by_it():
    for name, given in (("scored_by", "truth"), ("kept", {"scored_by": "truth"})):
        setting = {name: given}
        with pytest.raises(traitlets.TraitError, match="where candidates have no truth"):
            FusionExplorer(made_up(truth=False), **setting)
    explorer = FusionExplorer(made_up(truth=False))
    with pytest.raises(traitlets.TraitError, match="where candidates have no truth"):
        explorer.scored_by = "truth"


def test_what_the_formula_is_given():
    explorer = FusionExplorer(made_up())
    predicted = np.array([[c["predictions"][term] for term in TERMS] for c in explorer.candidates])
    np.testing.assert_array_equal(np.column_stack(list(explorer.given().values())), predicted)
    explorer.scored_by = "uncalibrated"
    np.testing.assert_array_equal(explorer.given()["click"], downsampled(predicted[:, 0], 0.1))
    np.testing.assert_array_equal(explorer.given()["like"], predicted[:, 1])
    explorer.scored_by = "truth"
    assert explorer.given()["like"].tolist() == [c["truth"]["like"] for c in explorer.candidates]


def test_terms_are_those_of_the_candidates():
    explorer = FusionExplorer(made_up(terms=("watch_time", "click", "like")))
    assert explorer.terms == ("click", "like", "watch_time")
    for name in ("weights", "exponents", "rank_weights"):
        assert tuple(getattr(explorer, name)) == tuple(explorer.start[name]) == explorer.terms
    assert list(explorer.kept["weights"]) == list(explorer.given()) == list(explorer.terms)
    assert "made of 3 predictions" in explorer.alt
    with pytest.raises(traitlets.TraitError, match="must map exactly the names click, like, watch_time, got"):
        explorer.weights = dict.fromkeys(TERMS, 1.0)
    with pytest.raises(traitlets.TraitError, match="candidates must have the terms click, like, watch_time"):
        explorer.candidates = made_up()
    explorer.candidates = made_up(seed=1, terms=explorer.terms)


# ---- candidates from the simulator


def test_simulated_candidates_are_the_worlds(world):
    found = simulated_candidates(world)
    assert found == FusionExplorer().candidates == checked_candidates(found)
    assert found != simulated_candidates(world, seed=1)
    assert len(found) == 12
    assert all(tuple(c[key]) == SIMULATED for c in found for key in ("predictions", "truth"))
    assert len({c["item"].split()[0] for c in found}) >= 6
    exact = simulated_candidates(world, error=0.0)
    for candidate in exact:
        assert candidate["predictions"] == pytest.approx(candidate["truth"], rel=2e-3)


PRICES = {term: WEIGHTS[term] for term in SIMULATED}
REST = {term: WEIGHTS[term] for term in SIMULATED[1:]}


def columns_of(candidates, key):
    return {term: np.array([c[key][term] for c in candidates]) for term in SIMULATED}


def clicks(candidates, formula, weights, shown=5):
    top = fusion.top_k(formula(columns_of(candidates, "predictions"), weights), shown)
    return columns_of(candidates, "truth")["click"][top].sum()


def test_both_lists_begin_as_they_would_with_all_candidates(world):
    few, many = (simulated_candidates(world, count=count) for count in (12, 40))
    for formula, weights in ((fusion.weighted_sum, PRICES), (fusion.click_times_rest, REST)):
        tops = []
        for candidates in (few, many):
            scores = formula(columns_of(candidates, "predictions"), weights)
            tops.append([candidates[i]["item"] for i in fusion.top_k(scores, 6)])
        assert tops[0] == tops[1]


def test_the_default_seed_is_one_in_the_middle(world):
    halved = []
    for seed in range(40):
        candidates = simulated_candidates(world, seed=seed)
        summed = clicks(candidates, fusion.weighted_sum, PRICES)
        halved.append(summed / clicks(candidates, fusion.click_times_rest, REST))
    assert np.median(halved) == pytest.approx(0.5, abs=0.005)
    assert sorted(halved).index(halved[0]) in (19, 20)


def test_simulated_candidates_show_what_the_formulas_are_about(world):
    """What the chapter says to look for can be found in the explorer as it opens."""
    explorer = FusionExplorer(simulated_candidates(world))
    assert explorer.weights == PRICES
    given = explorer.given()
    raw = {**given, "click": downsampled(given["click"], 0.1)}

    def moves(formula, **settings):
        return (fusion.order(formula(given, **settings)) != fusion.order(formula(raw, **settings))).any()

    assert given["click"].max() > 10 * given["click"].min()
    # hardly clicked, high up
    summed = fusion.weighted_sum(given, PRICES)
    assert given["click"][fusion.top_k(summed, 3)].min() < 0.2 * given["click"].max()
    assert moves(fusion.click_times_rest, weights=REST)
    assert moves(fusion.weighted_sum, weights={**PRICES, "click": 10.0})
    assert not moves(fusion.rank_fusion, weights=explorer.rank_weights)


def test_simulated_predictions_err_as_they_say(world, monkeypatch):
    monkeypatch.setattr("ranking_course.explorers.fusion.POOL", 40)  # keep all: leading ones err upwards
    logit, gaps, seconds = (lambda p: np.log(p / (1 - p))), [], []
    for seed in range(15):
        for candidate in simulated_candidates(world, count=40, seed=seed, error=0.6):
            true, predicted = candidate["truth"], candidate["predictions"]
            gaps.append(logit(predicted["click"]) - logit(true["click"]))
            seconds.append(np.log(predicted["watch_time"] / true["watch_time"]))
    assert np.std(gaps) == pytest.approx(0.6, rel=0.1)
    assert np.std(seconds) == pytest.approx(0.3, rel=0.1)
    assert abs(np.mean(gaps)) < 0.08


@pytest.mark.parametrize(
    ("bad", "message"),
    [({"count": 1}, "count"), ({"count": 41}, "count"), ({"seed": -1}, "seed"), ({"error": -0.1}, "error")],
)
def test_bad_arguments_of_simulated_candidates(bad, message):
    with pytest.raises(ValueError, match=f"{message} must be"):
        simulated_candidates(**bad)


# ---- in a browser


@pytest.mark.browser
@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_agree_with_the_package(show, formula):
    page = show(FusionExplorer(made_up()))
    open_groups(page)
    calls, expected = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 40))
        predictions = {term: rng.random(n) for term in TERMS}
        predictions["watch_time"] = rng.lognormal(2.5, 1.4, n)
        if seed % 3 == 0:
            del predictions["completion"]
        for term in list(predictions) if seed % 2 else ():  # ties, and candidates with the same scores
            predictions[term] = np.round(predictions[term], 1)
            predictions[term][n // 2 :] = predictions[term][: n - n // 2]
        if seed % 5 == 0:
            predictions["like"][0] = 0.0
            predictions["share"][-1] = 1.0
        setting = random_setting(rng, formula, list(predictions))
        if seed % 7 == 0:
            setting["weights"] = {term: w * 1e-9 for term, w in setting["weights"].items()}
        if formula == "rank_fusion" and setting["offset"] == 0.0:
            setting["power"] = 1.0
        calls.append([formula, {term: p.tolist() for term, p in predictions.items()}, setting])
        expected.append(scored(predictions, setting))
    found = page.evaluate(CALL, ["fusion", "scores", calls])
    parts = page.evaluate(CALL, ["fusion", "contributions", calls])
    orders = page.evaluate(CALL, ["fusion", "order", [[scores.tolist()] for scores, _ in expected]])
    for (scores, apart), own, own_parts, own_order in zip(expected, found, parts, orders, strict=True):
        np.testing.assert_allclose(own, scores, rtol=1e-12)
        assert list(own_parts) == list(apart)
        for term in apart:
            np.testing.assert_allclose(own_parts[term], apart[term], rtol=1e-12)
        assert own_order == fusion.order(scores).tolist()


@pytest.mark.browser
def test_ranks_totals_and_uncalibrated_clicks_agree(show):
    page = show(FusionExplorer(made_up()))
    open_groups(page)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = np.round(rng.random(20), 1)
        assert page.evaluate(CALL, ["fusion", "ranks", [[values.tolist()]]]) == [
            fusion.ranks(values).tolist()
        ]
        truth = {term: rng.random(20) for term in TERMS}
        shown = rng.permutation(20)[:6]
        given = [shown.tolist(), {term: p.tolist() for term, p in truth.items()}]
        (found,) = page.evaluate(CALL, ["fusion", "expectedTotals", [given]])
        totals = fusion.expected_totals(shown, fusion.per_impression(truth))
        expected = [*(totals[term] for term in OUTCOMES.values()), totals["watch_time"] / 60]
        np.testing.assert_allclose(list(found.values()), expected, rtol=1e-12)
        calls = [[float(p), 0.1] for p in truth["click"]]
        own = page.evaluate(CALL, ["fusion", "downsampled", calls])
        np.testing.assert_allclose(own, downsampled(truth["click"], 0.1), rtol=1e-12)


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["simulated", "made up"])
def test_rows_stand_in_the_packages_order(show, simulated, kind):
    candidates = simulated if kind == "simulated" else made_up(20, seed=3)
    explorer = FusionExplorer(candidates)
    page = show(FusionExplorer(candidates))
    open_groups(page)
    by_click = sorted(explorer.candidates, key=lambda c: -c["predictions"]["click"])
    assert shown_items(page, 1) == [c["item"] for c in by_click]
    kinds = {"truth": "the truth", "uncalibrated": "clicks uncalibrated", "predictions": "predictions"}
    for formula, name in NAMES.items():
        page.get_by_role("radio", name=name, exact=True).check()
        explorer.formula = formula
        for by, text in kinds.items() if kind == "made up" else [("predictions", "predictions")]:
            page.get_by_role("radio", name=text).check()
            explorer.scored_by = by
            items = expected_items(explorer)
            assert shown_items(page) == items
            assert [row[:2] for row in rows(page, 0)[1:]] == [[str(i + 1), x] for i, x in enumerate(items)]
            assert sentence(page).startswith(f"A puts {items[0]} first")


@pytest.mark.browser
def test_uncalibrated_clicks_leave_rank_fusion_alone(show):
    page = show(FusionExplorer(made_up(), formula="rank_fusion"))
    open_groups(page)
    before = shown_items(page)
    page.get_by_role("radio", name="clicks uncalibrated").check()
    assert shown_items(page) == before
    page.get_by_role("radio", name="click × the rest").check()
    uncalibrated = shown_items(page)
    page.get_by_role("radio", name="predictions").check()
    assert shown_items(page) != uncalibrated


@pytest.mark.browser
@pytest.mark.parametrize("formula", FORMULAS)
def test_every_slider_of_a_formula_by_keyboard(show, simulated, formula):
    explorer = FusionExplorer(
        simulated, formula="weighted_sum" if formula != "weighted_sum" else "rank_fusion"
    )
    page = show(explorer)
    open_groups(page)
    radio = page.get_by_role("radio", name=NAMES[formula], exact=True)
    radio.focus()
    page.keyboard.press("Space")
    assert page.evaluate(MODEL, "formula") == formula
    traits = {
        "weighted_sum": {"weights": "weight w"},
        "click_times_rest": {"weights": "weight w"},
        "product_of_powers": {"weights": "Weights w, inside the powers", "exponents": "exponent β"},
        "rank_fusion": {"rank_weights": "weight w"},
        "commerce_product": {"exponents": "exponent β"},
    }[formula]
    terms = SIMULATED[1:] if formula == "click_times_rest" else SIMULATED
    used = [(trait, label, term) for term in terms for trait, label in traits.items()]
    more = {"power a": "power", "offset b": "offset"} if formula == "rank_fusion" else {}
    more = {**more, "Shown: top k": "shown"}
    assert page.get_by_role("slider").count() == len(used) + len(more)
    for trait, label, term in used:
        inner = formula == "product_of_powers" and trait == "weights"
        control = slider(page, LABELS[term], label) if inner else slider(page, label, LABELS[term])
        before, list_before = page.evaluate(MODEL, trait)[term], rows(page, 0)
        press(control, "ArrowRight")
        after = page.evaluate(MODEL, trait)
        assert after[term] > before
        later = terms[terms.index(term) + 1 :]
        assert {k: after[k] for k in later} == {k: getattr(explorer, trait)[k] for k in later}
        assert value(control).split(" ")[0] == f"{after[term]:g}"
        assert rows(page, 0) != list_before
    for label, trait in more.items():
        press(slider(page, label), "ArrowRight")
        assert page.evaluate(MODEL, trait) > getattr(explorer, trait)
    page.get_by_role("button", name="Reset").click()
    assert page.evaluate(MODEL, "formula") == explorer.formula


@pytest.mark.browser
def test_scores_are_taken_apart(show, simulated):
    explorer = FusionExplorer(simulated)
    page = show(explorer)
    open_groups(page)
    names = [candidate["item"] for candidate in explorer.candidates]
    for formula, name in NAMES.items():
        page.get_by_role("radio", name=name, exact=True).check()
        explorer.formula = formula
        scores, parts = scored(explorer.given(), setting_of(explorer))
        head, *table = rows(page, 0)
        in_logarithms = "ln score" in head
        assert in_logarithms == (formula in ("product_of_powers", "commerce_product"))
        for row in table:
            cells = dict(zip(head, row, strict=True))
            i = names.index(cells["candidate"])
            number = {
                k: float(v.replace("−", "-").split(" ")[0]) for k, v in cells.items() if k != "candidate"
            }
            assert number["score"] == pytest.approx(scores[i], rel=0.06)
            assert "completion: adds" not in number
            for term in SIMULATED:
                assert number[f"{LABELS[term]}: adds"] == pytest.approx(parts[term][i], rel=0.06, abs=1e-4)
            total = sum(part[i] for part in parts.values())
            assert number["ln score" if in_logarithms else "score"] == pytest.approx(total, rel=0.06)
        # the bars: as long as their parts, in one measure for all rows, and side by side
        found = page.locator(LIST).evaluate("""(list) => [...list.children].map((row) => [
            row.querySelector('.rx-name').textContent,
            [...row.querySelectorAll('i')].map((s) => [parseFloat(s.style.left), parseFloat(s.style.width)]),
            row.querySelector('.rx-parts').textContent,
        ])""")
        lengths, drawn = [], []
        for item, segments, text in found:
            i = names.index(item)
            lengths += [abs(parts[term][i]) for term in SIMULATED]
            drawn += [width for _, width in segments]
            ends = sorted((left, left + width) for left, width in segments)
            assert ends[0][0] >= -1e-3
            assert ends[-1][1] <= 100 + 1e-3
            assert all(after[0] >= before[1] - 1e-3 for before, after in pairwise(ends))
            assert text.startswith("click ")
        scale = max(drawn) / max(lengths)
        np.testing.assert_allclose(drawn, np.array(lengths) * scale, rtol=1e-3, atol=1e-3)


@pytest.mark.browser
def test_the_weighted_sum_halves_the_clicks_of_the_list_it_opens_with(show):
    page = show(FusionExplorer(kept={}))  # as chapter 5 opens
    page.get_by_role("radio", name="weighted sum", exact=True).check()
    assert "−50% clicks" in sentence(page)
    controls = page.locator(".rx input[type=range]:visible").count()
    assert controls == len(SIMULATED)  # beside the formula: six in sight, and no slider for a completion
    assert page.get_by_role("group", name="completion").count() == 0


@pytest.mark.browser
def test_totals_of_both_settings(show):
    explorer = FusionExplorer(made_up())
    page = show(explorer)
    open_groups(page)
    truth = {term: np.array([c["truth"][term] for c in explorer.candidates]) for term in TERMS}
    outcomes = fusion.per_impression(truth)
    click = explorer.given()["click"]
    for k in (5, 6, 7):
        scores, _ = scored(explorer.given(), setting_of(explorer))
        a, b = (fusion.expected_totals(fusion.top_k(s, k), outcomes) for s in (scores, click))
        table = columns(page, 1 + 1)
        assert list(table) == [*OUTCOMES, "minutes"]
        for name, (in_a, in_b, difference, most) in table.items():
            term, unit = (OUTCOMES[name], 1) if name in OUTCOMES else ("watch_time", 60)
            assert float(in_a) == pytest.approx(a[term] / unit, rel=0.006)
            assert float(in_b) == pytest.approx(b[term] / unit, rel=0.006)
            change = float(difference.replace("−", "-").replace("±", "").rstrip("%")) / 100
            assert change == pytest.approx(a[term] / b[term] - 1, abs=0.0051)
            assert f"{difference} {name}" in sentence(page)
            assert float(most) == pytest.approx(np.sort(outcomes[term])[-k:].sum() / unit, rel=0.006)
        marked = page.locator(".rx-rows").nth(1).locator("li:has(.rx-mark-both:not([hidden])) .rx-name")
        both = set(shown_items(page)[:k]) & set(shown_items(page, 1)[:k])
        assert set(marked.all_text_contents()) == both
        assert f"{k - len(both)} of A's top {k}" in sentence(page)
        press(slider(page, "Shown: top k"), "ArrowRight")


@pytest.mark.browser
def test_changes_of_place_are_said_and_shown(show):
    explorer = FusionExplorer(made_up())
    page = show(explorer)
    open_groups(page)
    before, after = shown_items(page, 1), shown_items(page)
    assert before != after
    texts = page.locator(f"{LIST} .rx-change").all_text_contents()
    for item, text in zip(after, texts, strict=True):
        move = before.index(item) - after.index(item)
        if move == 0:
            assert text == "=same place as in B"
        else:
            arrow, word = ("▲", "up") if move > 0 else ("▼", "down")
            assert text == f"{arrow}{abs(move)}{word} {abs(move)} against B"
    moved = sum(a != b for a, b in zip(before, after, strict=True))
    assert f"Against B (click), {moved} of 12 candidates change places" in sentence(page)


@pytest.mark.browser
def test_on_a_phone_the_formula_is_one_line_that_stays_in_sight(show):
    page = show(FusionExplorer(made_up()), width=390)
    page.set_viewport_size({"width": 390, "height": 700})
    formula = page.get_by_role("group", name="Formula", exact=True)
    options = formula.get_by_role("radio")
    assert len({round(option.bounding_box()["y"]) for option in options.all()}) == 1
    assert formula.bounding_box()["height"] < 100
    last = formula.get_by_text("e-commerce product")
    assert last.bounding_box()["x"] > 390
    options.last.check()
    box = last.bounding_box()
    assert box["x"] + box["width"] <= 390
    page.locator(".rx-row").nth(3).evaluate("row => row.scrollIntoView({ block: 'center' })")
    assert formula.bounding_box()["y"] == 0


@pytest.mark.browser
def test_keep_swap_and_reset(show):
    explorer = FusionExplorer(made_up())
    page = show(explorer)
    open_groups(page)
    first, clicks = shown_items(page), shown_items(page, 1)
    page.get_by_role("button", name="Swap A and B").click()
    assert [shown_items(page), shown_items(page, 1)] == [clicks, first]
    assert page.get_by_role("radio", name="weighted sum").is_checked()
    page.get_by_role("button", name="Swap A and B").click()
    assert [shown_items(page), shown_items(page, 1)] == [first, clicks]
    page.get_by_role("button", name="Keep A as B").click()
    assert [shown_items(page), shown_items(page, 1)] == [first, first]
    assert "orders all 12 candidates as B does (click × the rest), so" in sentence(page)
    assert {cells[2] for cells in columns(page, 2).values()} == {"±0%"}
    press(slider(page, "weight w", "like"), "End")
    assert shown_items(page, 1) == first
    assert "Against B (click × the rest, as kept), " in sentence(page)
    page.get_by_role("radio", name="rank fusion").check()
    assert "Against B (click × the rest), " in sentence(page)
    page.get_by_role("button", name="Reset").click()
    assert [shown_items(page), shown_items(page, 1)] == [first, clicks]
    for name in explorer.settings:
        assert page.evaluate(MODEL, name) == explorer.start[name]


@pytest.mark.browser
def test_equal_scores_keep_their_order(show):
    same = made_up()
    for candidate in same[1:]:
        candidate["predictions"] = copy.deepcopy(same[0]["predictions"])
    page = show(FusionExplorer(same))
    open_groups(page)
    for name in NAMES.values():
        page.get_by_role("radio", name=name, exact=True).check()
        assert shown_items(page) == [candidate["item"] for candidate in same]
    page.get_by_role("radio", name="weighted sum").check()
    for term in TERMS:
        press(slider(page, "weight w", LABELS[term]), "Home")
    assert "A: nothing: all scores are equal" in page.locator(".rx-note").first.inner_text()
    assert shown_items(page) == [candidate["item"] for candidate in same]


@pytest.mark.browser
def test_a_prediction_of_0_under_a_power(show):
    candidates = made_up()
    candidates[4]["predictions"]["share"] = 0.0
    page = show(FusionExplorer(candidates, formula="commerce_product"))
    open_groups(page)
    last = rows(page, 0)[-1]
    assert last[1] == "item 5"
    assert last[3] == "0"
    assert "−∞" in last
    assert_laid_out(page)
    press(slider(page, "exponent β", "share"), "Home")
    assert "−∞" not in rows(page, 0)[-1]


@pytest.mark.browser
def test_candidates_without_truth(show):
    page = show(FusionExplorer(made_up(truth=False)))
    open_groups(page)
    assert page.get_by_role("radio", name="the truth").count() == 0
    assert "By the predictions" in page.locator(".rx-note").last.inner_text()
    scores = [c["predictions"]["click"] for c in made_up(truth=False)]
    found = float(columns(page, 2)["clicks"][1])
    assert found == pytest.approx(sum(sorted(scores)[-5:]), rel=0.006)


@pytest.mark.browser
def test_rows_move_but_not_under_reduced_motion(show):
    # what is asked for is noted, as a movement may be over before a busy machine looks
    watch = """() => {
        window.moves = [];
        const animate = Element.prototype.animate;
        Element.prototype.animate = function (way, options) {
            window.moves.push(options.duration);
            return animate.call(this, way, options);
        };
    }"""
    page = show(FusionExplorer(made_up()), reduced_motion="no-preference")
    open_groups(page)
    page.evaluate(watch)
    page.get_by_role("radio", name="rank fusion").check()
    assert set(page.evaluate("window.moves")) == {150}
    page.wait_for_function("document.getAnimations().length === 0")
    quiet = show(FusionExplorer(made_up()))
    quiet.evaluate(watch)
    before = shown_items(quiet)
    quiet.get_by_role("radio", name="rank fusion").check()
    assert quiet.evaluate("window.moves") == []
    assert shown_items(quiet) != before


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 660, 1280])  # 660: two columns, none to spare, as in the book
def test_every_outcome_is_named(show, simulated, width):
    page = show(FusionExplorer(simulated), width=width)
    open_groups(page)
    named = page.locator(".rx-figure").last.locator(".rx-axis text").all_text_contents()
    assert [name for name in (*OUTCOMES, "minutes") if name not in named] == []


@pytest.mark.browser
def test_parts_of_a_score_stand_in_one_line_of_the_book(show):
    page = show(FusionExplorer())
    page.locator("main").evaluate("(main) => { main.style.width = '694px'; }")  # at a window of 1280 px
    lines = """(all) => all.map((row) => {
        const parts = [...row.children].filter((part) => !part.hidden);
        return [parts.length, new Set(parts.map((part) => part.offsetTop)).size];
    })"""
    assert page.locator(".rx-parts").evaluate_all(lines) == [[5, 1]] * 12


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"like": "<b>点赞</b>", "weight": "权重 w", "sentence": "{moved} {new}", "shown": "前 k"}
    page = show(FusionExplorer(made_up(), labels=labels))
    open_groups(page)
    assert page.get_by_role("group", name="<b>点赞</b>").get_by_role("slider", name="权重 w").count() == 1
    assert slider(page, "前 k").count() == 1
    assert "<b>点赞</b>: adds" in rows(page, 0)[0]
    assert all(part.isdigit() for part in sentence(page).split(" "))
