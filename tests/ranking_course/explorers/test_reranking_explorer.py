"""The re-ranking explorer: what it takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    columns,
    pictures,
    press,
    rows,
    sentence,
    slider,
    value,
)
from recordings import slate_recording
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from ranking.funnel import re_ranking
from ranking.funnel.stages import relative, similarity_vectors
from ranking_course.explorers import RerankingExplorer
from ranking_course.explorers.reranking import METHODS, checked_recording

THETA = "Trade-off θ weight of the score; the rest is for variety"
WINDOW = "Window places before, from which a new item must differ"
SLATES = """([name, scores, similarity, settings]) => settings.map(
    (setting) => rankingExplorers.definitions.reranking.formulas[name](scores, similarity, ...setting)
)"""
CHOOSE = {"mmr": re_ranking.mmr, "dpp": re_ranking.greedy_dpp}


def similarity_of(vectors):
    """Cosine of every two; of one with itself exactly 1, so that equal items do tie."""
    unit = np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, 1.0)
    return similarity


def slate_of(recorded, method, theta, window, shown=12):
    """What the funnel's own re-ranking makes of the candidates: positions by falling score."""
    scores = [candidate["score"] for candidate in recorded["candidates"]]
    similarity = similarity_of(recorded["vectors"])
    return CHOOSE[method](relative(scores), similarity, shown, theta, window).tolist()


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = RerankingExplorer(slate_recording())
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["trade_off", "window", "method"])
    explorer.trade_off = np.float32(0.25)
    explorer.window = 3
    explorer.method = "dpp"
    assert seen == [("trade_off", 0.25), ("window", 3), ("method", "dpp")]
    assert explorer.start == {"trade_off": 0.5, "window": 5, "method": "mmr"}
    assert "A slate of 12 out of 40 candidates, chosen by greedy DPP with trade-off 0.25" in explorer.alt
    assert repr(explorer) == "RerankingExplorer(trade_off=0.25, window=3, method='dpp')"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("trade_off", -0.1),
        ("trade_off", 1.01),
        ("trade_off", float("nan")),
        ("window", 0),
        ("window", 1.5),
        ("method", "random"),
        ("shown", 1),
        ("shown", 21),
    ],
)
def test_bad_settings_are_refused(name, bad):
    setting = {name: bad}
    with pytest.raises(traitlets.TraitError, match=name):
        RerankingExplorer(slate_recording(), **setting)


def test_state_holds_candidates_by_falling_score_and_unit_vectors():
    recorded = slate_recording()
    data, _ = RerankingExplorer(recorded)._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    kept = state["recorded"]
    assert set(kept) == {"candidates", "vectors"}
    assert set(kept["candidates"][0]) == {"item", "topic", "score"}
    scores = [candidate["score"] for candidate in kept["candidates"]]
    assert scores == sorted(scores, reverse=True)
    np.testing.assert_allclose(np.linalg.norm(kept["vectors"], axis=1), 1.0, atol=1e-5)
    item = {c["item"]: v for c, v in zip(recorded["candidates"], recorded["vectors"], strict=True)}
    for candidate, vector in zip(kept["candidates"], kept["vectors"], strict=True):
        given = np.array(item[candidate["item"]])
        np.testing.assert_allclose(vector, given / np.linalg.norm(given), atol=1e-5)


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["candidates"], [], r"recorded\['candidates'\] must be a list of at least one entry"),
        (["candidates", 3, "score"], -0.5, r"\['candidates'\]\[3\]\['score'\] must be at least 0, got -0.5"),
        (["candidates", 3, "score"], float("nan"), r"\[3\]\['score'\] must be finite"),
        (["candidates", 3, "topic"], None, r"\[3\] must be a mapping with the key 'topic'"),
        (["candidates", 3, "item"], 1000, r"must not hold an item twice"),
        (["vectors"], None, r"recorded must be a mapping with the key 'vectors'"),
        (["vectors", 0], [0.0] * 8, r"recorded\['vectors'\] must not be 0, got that at index 0"),
        (["vectors"], [[1.0, 0.0]], r"recorded\['vectors'\] must hold 40 × any number of numbers, got 1 × 2"),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    with pytest.raises(ValueError, match=message):
        RerankingExplorer(spoilt(slate_recording(), path, bad))


def test_too_few_and_too_many_candidates_are_refused():
    with pytest.raises(ValueError, match="must be at least shown=12, got 6"):
        RerankingExplorer(slate_recording(candidates=6))
    with pytest.raises(ValueError, match="must hold from 1 to 200 entries, got 201"):
        RerankingExplorer(slate_recording(candidates=201))
    worthless = slate_recording()
    for candidate in worthless["candidates"]:
        candidate["score"] = 0
    with pytest.raises(ValueError, match="must have a score above 0"):
        RerankingExplorer(worthless)


# ---- in a browser


@pytest.mark.browser
def test_formulas_agree_with_the_funnel(show):
    page = show(RerankingExplorer(slate_recording()))
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(12, 60))
        vectors = similarity_vectors(rng.normal(size=(n, 16)), rng.integers(0, 5, n))
        scores = rng.random(n)
        similarity = similarity_of(vectors)
        (found,) = page.evaluate(CALL, ["reranking", "similarityOf", [[vectors.tolist()]]])
        np.testing.assert_allclose(found, similarity, rtol=1e-12, atol=1e-12)
        (found,) = page.evaluate(CALL, ["reranking", "relative", [[scores.tolist()]]])
        np.testing.assert_allclose(found, relative(scores), rtol=1e-12, atol=1e-12)
        settings = [
            [keep, theta, window]
            for keep in (1, 12)
            for theta in (0.0, 0.3, 0.5, 0.9, 1.0)
            for window in (1, 2, 5, 12)
        ]
        for name, choose in (("mmr", re_ranking.mmr), ("greedyDpp", re_ranking.greedy_dpp)):
            given = [name, relative(scores).tolist(), similarity.tolist(), settings]
            found = page.evaluate(SLATES, given)
            assert found == [choose(relative(scores), similarity, *setting).tolist() for setting in settings]


@pytest.mark.browser
def test_gains_are_quotients_of_determinants(show):
    page = show(RerankingExplorer(slate_recording()))
    similarity = similarity_of(np.random.default_rng(8).normal(size=(15, 20)))
    window = [3, 11, 0, 7]
    (found,) = page.evaluate(CALL, ["reranking", "gains", [[similarity.tolist(), window]]])
    base = np.linalg.det(similarity[np.ix_(window, window)])
    for i in sorted(set(range(15)) - set(window)):
        larger = [*window, i]
        expected = np.linalg.det(similarity[np.ix_(larger, larger)]) / base
        assert found[i] == pytest.approx(expected, rel=1e-9)


@pytest.mark.browser
def test_relative_scores_that_are_all_equal(show):
    page = show(RerankingExplorer(slate_recording()))
    assert page.evaluate(CALL, ["reranking", "relative", [[[0.3, 0.3]]]]) == [[1, 1]]


@pytest.mark.browser
def test_the_slate_is_the_funnels(show):
    recorded = checked_recording(slate_recording())
    page = show(RerankingExplorer(slate_recording()))
    assert page.locator(".rx-picture").count() == 3
    similarity = similarity_of(recorded["vectors"])
    scores = np.array([candidate["score"] for candidate in recorded["candidates"]])
    pairs = np.triu_indices(12, 1)

    def check(method, theta, window):
        slate = slate_of(recorded, method, theta, window)
        shown = rows(page, 0)[1:]
        assert [row[1] for row in shown] == [str(recorded["candidates"][i]["item"]) for i in slate]
        assert [int(row[4]) - 1 for row in shown] == slate
        # topics by letter, in the picture as in the table
        letters = page.locator(".rx-series[data-name=letters] text").all_text_contents()
        assert letters == [row[2][0] for row in shown]
        part = similarity[np.ix_(slate, slate)]
        matrix = [[cell.replace("−", "-") for cell in row[1:]] for row in rows(page, 1)[1:]]
        np.testing.assert_allclose(np.array(matrix, dtype=float), part, atol=0.0051)
        kept = f"keeps {scores[slate].sum() / scores[:12].sum():.0%} of the score"
        mean = f"to {part[pairs].mean():.2f} and topics from".replace("-", "−")
        assert (kept in sentence(page) and mean in sentence(page)) or sorted(slate) == list(range(12))

    check("mmr", 0.5, 5)
    press(slider(page, THETA), "PageDown")
    assert value(slider(page, THETA)) == "0.40"
    check("mmr", 0.4, 5)
    page.get_by_role("radio", name="greedy DPP").check()
    assert page.evaluate(MODEL, "method") == "dpp"
    check("dpp", 0.4, 5)
    press(slider(page, WINDOW), "End")
    assert value(slider(page, WINDOW)) == "11"
    check("dpp", 0.4, 11)
    press(slider(page, WINDOW), "Home")
    check("dpp", 0.4, 1)
    press(slider(page, THETA), "End")
    assert sentence(page).startswith("greedy DPP at θ = 1.00 shows the 12 best by score")
    assert [row[4] for row in rows(page, 0)[1:]] == [str(i + 1) for i in range(12)]
    page.get_by_role("button", name="Reset").click()
    assert page.get_by_role("radio", name="MMR").is_checked()
    check("mmr", 0.5, 5)


@pytest.mark.browser
def test_the_curve_holds_both_methods_at_the_present_window(show):
    recorded = checked_recording(slate_recording())
    page = show(RerankingExplorer(slate_recording(), window=3))
    scores = np.array([candidate["score"] for candidate in recorded["candidates"]])
    similarity = similarity_of(recorded["vectors"])
    pairs = np.triu_indices(12, 1)
    for window in (3, 4):
        table = columns(page, 2)
        assert list(table) == [f"{theta / 10:.2f}" for theta in range(11)]
        for theta, cells in table.items():
            for i, method in enumerate(METHODS):
                slate = slate_of(recorded, method, float(theta), window)
                kept = float(cells[2 * i].rstrip("%")) / 100
                assert kept == pytest.approx(scores[slate].sum() / scores[:12].sum(), abs=0.0051)
                mean = similarity[np.ix_(slate, slate)][pairs].mean()
                assert float(cells[2 * i + 1].replace("−", "-")) == pytest.approx(mean, abs=0.0051)
        press(slider(page, WINDOW), "ArrowRight")


@pytest.mark.browser
def test_method_by_keyboard_and_cells_by_arrow_keys(show):
    page = show(RerankingExplorer(slate_recording()))
    before = pictures(page)
    page.get_by_role("radio", name="MMR").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(MODEL, "method") == "dpp"
    assert pictures(page)[2] != before[2]
    matrix = page.locator(".rx-picture").nth(1)
    names = rows(page, 1)[0][1:]
    tip = page.locator(".rx-tip").nth(1)
    page.locator(".rx-scroll").first.focus()  # of the picture before, whose table is open
    page.keyboard.press("Tab")
    assert tip.inner_text().split("\n")[0] == f"{names[0]} – {names[0]}"
    assert tip.inner_text().split("\n")[1] == "similarity: 1.00"
    for key, row, column in (
        ("ArrowDown", 1, 0),
        ("ArrowRight", 1, 1),
        ("ArrowDown", 2, 1),
        ("ArrowUp", 1, 1),
    ):
        matrix.press(key)
        assert tip.inner_text().split("\n")[0] == f"{names[row]} – {names[column]}"


@pytest.mark.browser
@pytest.mark.parametrize(("topics", "words"), [(1, "1 topic."), (2, "2 topics.")])
def test_one_topic_is_one(show, topics, words):
    recorded = slate_recording()
    best = sorted(recorded["candidates"], key=lambda candidate: candidate["score"], reverse=True)
    for i, candidate in enumerate(best):
        candidate["topic"] = f"topic {i % topics}"
    page = show(RerankingExplorer(recorded, trade_off=1.0))
    assert sentence(page).endswith(words)


@pytest.mark.browser
def test_more_topics_than_fills_are_hatched_and_lettered(show):
    many = slate_recording(candidates=60, topics=60)
    for i, candidate in enumerate(many["candidates"]):
        candidate["topic"] = f"topic {i}"
    page = show(RerankingExplorer(many, trade_off=1.0))
    letters = page.locator(".rx-series[data-name=letters] text").all_text_contents()
    assert letters == list("ABCDEFGHIJKL")
    hatched = page.locator(".rx-bars:has(.rx-hollow)").evaluate_all("(all) => all.map((g) => g.dataset.name)")
    assert hatched == list("IJKL")


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"trade_off": "权衡 θ", "topic": "<b>主题</b>", "sentence": "{method} {theta}"}
    page = show(RerankingExplorer(slate_recording(), labels=labels))
    assert page.get_by_role("slider", name="权衡 θ").count() == 1
    assert rows(page, 0)[0][2] == "<b>主题</b>"
    assert sentence(page) == "MMR 0.50"
