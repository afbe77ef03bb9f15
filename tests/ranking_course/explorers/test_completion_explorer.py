"""The completion explorer: what it records and takes as a widget, and what it shows in a browser."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets
from looking import (
    CALL,
    MODEL,
    assert_accessible,
    columns,
    picture,
    pictures,
    press,
    rows,
    sentence,
    slider,
    value,
)
from recordings import completion_made_up
from scipy.special import ndtr
from scipy.stats import rankdata, spearmanr
from spoiling import spoilt

from bookwork.explorer.base import MIME_TYPE
from ranking.simulator import World, WorldConfig
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.truth import COMPLETED
from ranking.watch_time import LogNormalWatchTime
from ranking.watch_time.completion import LengthCorrection, completed, share_played
from ranking_course.explorers import CompletionExplorer, completion_recording
from ranking_course.explorers.completion import KNOTS, THRESHOLDS, checked_recording

THRESHOLD = "Threshold share that counts as completed"
STRENGTH = "Correction γ score = p / f(length)^γ"
KNOTS_OF_F = "Knots of f more: f bends more freely"

# ---- the recording


def test_the_recording_is_what_the_log_and_the_world_say():
    world = World.build(WorldConfig(n_users=300, n_items=400, n_authors=50), seed=3)
    log = world.simulate(30_000, seed=3)
    recorded = completion_recording(world, log, candidates=12, rows=1_000_000, seed=5)
    assert json.loads(json.dumps(recorded, allow_nan=False)) == recorded
    clicked = log.rows[log.rows["click"]]
    assert recorded["rows"] == len(clicked)
    t, d = (clicked[name].to_numpy(dtype=np.float64) for name in ("watch_time", "duration"))
    lengths = np.array([10.0, 45.0, 300.0])

    def f(fit):
        correction = LengthCorrection(np.array(fit["knots"]), np.array(fit["coefficients"]))
        return correction.expected(lengths)

    j = KNOTS.index(5)
    reached = recorded["fits"]["reaches"]
    for found, labels in [
        (recorded["fits"]["share"][j], share_played(t, d).share),
        *((reached[THRESHOLDS.index(share)][j], completed(t, d, share)) for share in (0.3, 0.8, 1.0)),
    ]:
        np.testing.assert_allclose(f(found), LengthCorrection.fit(d, labels, 5).expected(lengths), rtol=1e-6)
    items = np.array([candidate["item"] for candidate in recorded["candidates"]])
    assert len(set(items)) == 12
    np.testing.assert_allclose(
        [candidate["duration"] for candidate in recorded["candidates"]], world.items["duration"].iloc[items]
    )
    mu = np.array([candidate["mu"] for candidate in recorded["candidates"]])
    users = np.arange(len(world.users))[:, None]
    assert np.isclose(world.truth(users, items, 21, 2, 0).watch_mu, mu).all(axis=1).sum() == 1  # one user's
    assert recorded["length_effect"] == EFFECTS["watch_time"]["length"]


def test_candidates_do_not_depend_on_the_rows():
    world = World.build(WorldConfig(n_users=200, n_items=300, n_authors=30), seed=1)
    log = world.simulate(20_000, seed=1)
    few, many = (completion_recording(world, log, rows=n, seed=2) for n in (1000, 1500))
    assert (few["rows"], many["rows"]) == (1000, 1500)
    assert few["candidates"] == many["candidates"]
    assert few["fits"] != many["fits"]
    assert completion_recording(world, log, rows=1000, seed=2) == few
    assert completion_recording(world, log, rows=1000, seed=4)["candidates"] != few["candidates"]
    for name, bad in [("candidates", 0), ("rows", 0), ("seed", -1)]:
        setting = {name: bad}
        with pytest.raises(ValueError, match=name):
            completion_recording(world, log, **setting)


# ---- the widget


def test_settings_can_be_set_and_observed():
    explorer = CompletionExplorer(completion_made_up(), knots=3)
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), list(explorer.settings))
    explorer.threshold = np.float32(1)
    explorer.strength = 0.25
    explorer.knots = 5
    explorer.target = "share"
    assert seen == [("threshold", 1.0), ("strength", 0.25), ("knots", 5), ("target", "share")]
    assert explorer.start == {"threshold": 0.8, "strength": 1.0, "knots": 3, "target": "reaches"}
    assert "20 videos ranked by share played, divided by f(length) to the power 0.25" in explorer.alt
    assert repr(explorer) == "CompletionExplorer(threshold=1.0, strength=0.25, knots=5, target='share')"
    explorer.threshold = np.float32(0.8)
    assert explorer.threshold == 0.8  # the recorded one, which the module looks up
    assert CompletionExplorer(completion_made_up(), knots=3).alt.split(". ")[1].startswith(
        "20 videos ranked by P(≥ 80%), divided"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("threshold", 0.7, "threshold must be one of the recorded thresholds, 0.5, 0.8, 1; got 0.7"),
        ("threshold", 1.1, "threshold must be a number from"),
        ("threshold", float("nan"), "threshold must be a number from"),
        ("knots", 4, "knots must be one of the recorded knots, 3, 5; got 4"),
        ("knots", 3.5, "knots must be a whole number"),
        ("strength", -0.1, "strength must be a number from"),
        ("strength", 1.6, "strength must be a number from"),
        ("target", "completion", "target"),
    ],
)
def test_bad_settings_are_refused(name, bad, message):
    setting = {"knots": 3, name: bad}
    with pytest.raises(traitlets.TraitError, match=message):
        CompletionExplorer(completion_made_up(), **setting)
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(CompletionExplorer(completion_made_up(), knots=3), name, bad)


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        (["rows"], 0, r"recorded\['rows'\] must be a whole number of at least 1"),
        (["thresholds"], [0.8, 0.5, 1.0], r"recorded\['thresholds'\] must hold at least two numbers in asc"),
        (["thresholds"], [0.5, 0.8, 1.2], r"recorded\['thresholds'\]\[2\] must be in \(0, 1\]"),
        (["thresholds"], [0.5, 0.8], r"one list per threshold \(2\), got 3"),
        (["knots"], [3, 4], r"\['share'\]\[1\] must hold 4 ascending knots and 4 coefficients"),
        (["knots"], [3, 5, 7], r"\['share'\] must hold one fit per number of knots \(3\), got 2"),
        (
            ["fits", "reaches", 1, 0, "knots"],
            [1.0, 1.0, 2.0],
            r"\['reaches'\]\[1\]\[0\] must hold 3 ascending",
        ),
        (
            ["fits", "share", 0, "coefficients"],
            [1.0, float("nan"), 2.0],
            r"\['coefficients'\] must be finite",
        ),
        (["fits", "share", 0, "coefficients"], None, r"the key 'coefficients'"),
        (["candidates"], [], r"recorded\['candidates'\] must be a list of at least one entry"),
        (["candidates", 3, "duration"], 0, r"\[3\]\['duration'\] must be above 0"),
        (["candidates", 3, "sigma"], 0, r"\[3\]\['sigma'\] must be above 0"),
        (["candidates", 3, "mu"], "2", r"\[3\]\['mu'\] must be a number, got '2'"),
        (["candidates", 3, "item"], None, r"\[3\] must be a mapping with the key 'item'"),
        (["length_effect"], None, r"the key 'length_effect'"),
    ],
)
def test_bad_recordings_are_refused(path, bad, message):
    recording = spoilt(completion_made_up(), path, bad)
    with pytest.raises(ValueError, match=message):
        checked_recording(recording)
    with pytest.raises(ValueError, match=message):
        CompletionExplorer(recording, knots=3)


def test_too_few_and_too_many_candidates_are_refused():
    for count in (1, 101):
        with pytest.raises(ValueError, match=f"must hold from 2 to 100 entries, got {count}"):
            CompletionExplorer(completion_made_up(candidates=count), knots=3)


def test_output_entry():
    recorded = completion_made_up()
    data, _ = CompletionExplorer(recorded, knots=5)._repr_mimebundle_()
    state = data[MIME_TYPE]["state"]
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert set(state) == {"labels", "start", "recorded", *CompletionExplorer.settings}
    assert "made_by" not in state["recorded"]
    assert set(state["recorded"]["candidates"][0]) == {"item", "topic", "duration", "mu", "sigma"}
    assert state["threshold"] == COMPLETED


# ---- formulas, in a browser


@pytest.fixture
def draws():
    rng = np.random.default_rng(41)
    mu, sigma = rng.uniform(-1, 6, 500), rng.uniform(0.3, 2.5, 500)
    return mu, sigma, np.exp(rng.uniform(np.log(5), np.log(900), 500)), rng.uniform(0.05, 1, 500)


@pytest.mark.browser
def test_normal_distribution_agrees_with_scipy(show):
    page = show(CompletionExplorer(completion_made_up(), knots=3))
    x = np.concatenate(
        [[0, -0.0, 8.4, 8.6, -8.4, -8.6, 40, -40], np.random.default_rng(42).normal(0, 3, 500)]
    )
    found = page.evaluate(CALL, ["completion", "normalCdf", [[v] for v in x.tolist()]])
    np.testing.assert_allclose(found, ndtr(x), rtol=1e-12, atol=1e-15)


@pytest.mark.browser
def test_both_targets_agree_with_python(show, draws):
    mu, sigma, duration, threshold = draws
    page = show(CompletionExplorer(completion_made_up(), knots=3))
    truth = LogNormalWatchTime(mu, sigma, duration)
    calls = np.stack([mu, sigma, duration], axis=1).tolist()
    found = page.evaluate(CALL, ["completion", "expectedShare", calls])
    np.testing.assert_allclose(found, truth.mean / duration, rtol=1e-12, atol=1e-12)
    calls = np.stack([mu, sigma, duration, threshold], axis=1).tolist()
    found = page.evaluate(CALL, ["completion", "reaches", calls])
    expected = [
        float(LogNormalWatchTime(m, s, d).reaches(share))
        for m, s, d, share in zip(mu, sigma, duration, threshold, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.browser
@pytest.mark.parametrize("knots", [3, 4, 7, 10])
def test_the_usual_completion_agrees_with_python(show, knots):
    page = show(CompletionExplorer(completion_made_up(), knots=3))
    rng = np.random.default_rng(43 + knots)
    d = np.exp(rng.uniform(np.log(7), np.log(600), 3000))
    fit = LengthCorrection.fit(d, (rng.random(3000) < 3 / np.sqrt(d + 9)).astype(float), knots)
    data = {"knots": fit.knots.tolist(), "coefficients": fit.coefficients.tolist()}
    lengths = np.exp(rng.uniform(np.log(2), np.log(2000), 400))  # also beyond the outer knots
    usual = page.evaluate(CALL, ["completion", "usual", [[float(length), data] for length in lengths]])
    np.testing.assert_allclose(usual, fit.expected(lengths), rtol=1e-12, atol=1e-12)
    p = rng.random(400)
    calls = [[*pair, 1] for pair in zip(p.tolist(), usual, strict=True)]
    found = page.evaluate(CALL, ["completion", "corrected", calls])
    np.testing.assert_allclose(found, fit.correct(p, lengths), rtol=1e-12, atol=1e-12)


@pytest.mark.browser
def test_rank_correlation_agrees_with_scipy(show):
    page = show(CompletionExplorer(completion_made_up(), knots=3))
    rng = np.random.default_rng(44)
    pairs = [(rng.normal(size=n), rng.integers(0, 8, n).astype(float)) for n in (3, 10, 40, 100)]  # with ties
    calls = [[a.tolist(), b.tolist()] for a, b in pairs]
    found = page.evaluate(CALL, ["completion", "rankCorrelation", calls])
    expected = [spearmanr(a, b).statistic for a, b in pairs]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert page.evaluate(CALL, ["completion", "rankCorrelation", [[[1, 2, 3], [5, 5, 5]]]]) == [None]
    found = page.evaluate(CALL, ["completion", "ranks", [[b.tolist()] for _, b in pairs]])
    assert found == [rankdata(b).tolist() for _, b in pairs]
    (found,) = page.evaluate(CALL, ["completion", "places", [[[0.2, 0.5, 0.2, 0.9]]]])
    assert found == [3, 2, 4, 1]
    lists = [rng.normal(size=n).tolist() for n in range(1, 12)]
    found = page.evaluate(CALL, ["completion", "median", [[values] for values in lists]])
    np.testing.assert_allclose(found, [np.median(values) for values in lists], rtol=1e-12)


# ---- what is shown


def truth_of(recorded, threshold, strength, knots, target):
    """The explorer's answer, by the functions of the package: raw, usual and score of every candidate."""
    mu, sigma, duration = (
        np.array([candidate[key] for candidate in recorded["candidates"]])
        for key in ("mu", "sigma", "duration")
    )
    truth = LogNormalWatchTime(mu, sigma, duration)
    raw = truth.mean / duration if target == "share" else truth.reaches(threshold)
    smooth = recorded["knots"].index(knots)
    fits = recorded["fits"]
    fit = (fits["share"] if target == "share" else fits["reaches"][recorded["thresholds"].index(threshold)])[
        smooth
    ]
    usual = LengthCorrection(np.array(fit["knots"]), np.array(fit["coefficients"])).expected(duration)
    return duration, mu - 0.35 * np.log(duration / 60), raw, usual, raw / usual**strength


def number(text: str) -> float:
    return float(text.replace("−", "-").rstrip("%"))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("threshold", "strength", "knots", "target"),
    [(0.8, 1.0, 3, "reaches"), (0.5, 0.4, 5, "reaches"), (1.0, 1.5, 5, "share")],
)
def test_tables_and_correlations_are_the_packages(show, threshold, strength, knots, target):
    recorded = completion_made_up()
    page = show(CompletionExplorer(recorded, threshold, strength, knots, target))
    duration, interest, raw, usual, score = truth_of(recorded, threshold, strength, knots, target)
    items = np.array([candidate["item"] for candidate in recorded["candidates"]])
    listed = rows(page, 2)[1:]
    order = np.argsort(-score)
    assert [int(row[3]) for row in listed] == items[order].tolist()
    assert [int(row[0]) for row in listed] == list(range(1, 21))
    for column, by in [(1, raw), (2, interest)]:
        places = np.argsort(np.argsort(-by)) + 1
        assert [int(row[column]) for row in listed] == places[order].tolist()
    for column, numbers in [(6, 100 * raw), (7, 100 * usual), (8, score)]:
        shown = [number(row[column]) for row in listed]
        np.testing.assert_allclose(shown, numbers[order], rtol=5e-3, atol=0.5 if column < 8 else 0)
    assert listed[0][4].startswith("topic ")

    def told(gamma, other):
        return f"{spearmanr(raw / usual**gamma, other).statistic:.2f}".replace("-", "−")

    by_gamma = columns(page, 3)
    for gamma in (0, 0.5, 1, 1.5):
        assert by_gamma[f"{gamma:g}"] == [told(gamma, interest), told(gamma, duration)]
    note = page.locator(".rx-note").nth(2).inner_text()
    assert f"with length {told(0, duration)} → {told(strength, duration)}, with true interest" in note
    assert f"interest {told(0, interest)} → {told(strength, interest)}." in note
    itself = f"{spearmanr(interest, duration).statistic:.2f}".replace("-", "−")
    assert f"(of interest itself {itself})" in sentence(page)
    largest = page.locator(".rx-note").nth(1).inner_text()
    assert f"Largest score of a video: {score.max():.3g}. {(score > 1).sum()} of 20 are above 1." == largest


@pytest.mark.browser
def test_lines_show_a_video_of_middling_interest(show):
    recorded = completion_made_up()
    page = show(CompletionExplorer(recorded, 0.5, 0.5, 3))
    _, interest, *_ = truth_of(recorded, 0.5, 0.5, 3, "reaches")
    sigma = np.median([candidate["sigma"] for candidate in recorded["candidates"]])
    fit = recorded["fits"]["reaches"][0][0]
    targets, scores = columns(page, 0), columns(page, 1)
    for name, length in [("7 s", 7.0), ("1 min", 60.0), ("5 min", 300.0)]:
        video = LogNormalWatchTime(np.median(interest) + 0.35 * np.log(length / 60), sigma, length)
        usual = LengthCorrection(np.array(fit["knots"]), np.array(fit["coefficients"])).expected(length)
        expected = [float(video.reaches(0.5)), float(video.mean) / length, float(usual)]
        np.testing.assert_allclose(
            [number(cell) for cell in targets[name]], 100 * np.array(expected), atol=0.51
        )
        shown = [number(cell) for cell in scores[name]]
        np.testing.assert_allclose(shown, [expected[0], usual, expected[0] / usual**0.5], rtol=6e-3)


@pytest.mark.browser
def test_sliders_by_keyboard_change_what_is_seen(show):
    page = show(CompletionExplorer(completion_made_up(), knots=3))
    assert page.locator(".rx-picture").count() == 4
    assert sentence(page).startswith(
        "Divided by f(length), the score is no longer a probability: the first video has"
    )
    # (slider, keys, value, words of the sentence)
    for label, keys, text, words in [
        (THRESHOLD, ["ArrowRight"], "100%", "no longer a probability"),
        (THRESHOLD, ["Home"], "50%", "no longer a probability"),
        (KNOTS_OF_F, ["ArrowUp"], "5", "no longer a probability"),
        (
            STRENGTH,
            ["ArrowLeft"],
            "0.9",
            "Divided by f(length)^0.9, the score is no longer a probability, nor",
        ),
        (STRENGTH, ["End"], "1.5", "Divided by f(length)^1.5"),
        (STRENGTH, ["Home"], "0", "Uncorrected, the score is a probability"),
    ]:
        before = pictures(page)
        control = slider(page, label)
        press(control, *keys)
        assert value(control) == text
        assert words in sentence(page)
        assert pictures(page) != before
    page.get_by_role("radio", name="P(played ≥ threshold)").focus()
    before = pictures(page)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(MODEL, "target") == "share"
    assert "Uncorrected, the score is an expected share" in sentence(page)
    assert all(a != b for a, b in zip(before, pictures(page), strict=True))
    page.get_by_role("button", name="Reset").click()
    assert [value(slider(page, label)) for label in (THRESHOLD, STRENGTH, KNOTS_OF_F)] == ["80%", "1", "3"]
    assert page.evaluate(MODEL, "target") == "reaches"


@pytest.mark.browser
def test_the_share_played_knows_no_threshold(show):
    page = show(CompletionExplorer(completion_made_up(), knots=3, target="share"))
    before = pictures(page)
    press(slider(page, THRESHOLD), "Home")
    assert picture(page, 0) != before[0]  # the other target is drawn as well
    assert pictures(page)[1:] == before[1:]


@pytest.mark.browser
def test_videos_of_one_length_have_no_rank_correlation_with_it(show):
    recorded = completion_made_up()
    for candidate in recorded["candidates"]:
        candidate["duration"] = 60.0
    page = show(CompletionExplorer(recorded, knots=3))
    assert "Rank correlation with length – → – (of interest itself –), with true interest" in sentence(page)
    assert {cells[1] for cells in columns(page, 3).values()} == {"–"}
    page.locator(".rx-picture").nth(3).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".rx-tip").nth(3).inner_text().split("\n")[2] == "with length: –"
    assert_accessible(page, "light")


@pytest.mark.browser
def test_values_read_out_by_keyboard(show):
    page = show(CompletionExplorer(completion_made_up(), knots=3))
    ranks = page.locator(".rx-picture").nth(2)
    tip = page.locator(".rx-tip").nth(2)
    page.locator("summary").nth(1).focus()
    page.keyboard.press("Tab")
    first, second = rows(page, 2)[1:3]
    for row in (first, second):
        assert tip.inner_text().split("\n") == [
            f"item {row[3]} ({row[4]})",
            f"length: {row[5]}",
            f"before: {row[1]}, after: {row[0]}",
            f"by interest: {row[2]}",
        ]
        ranks.press("ArrowRight")


@pytest.mark.browser
def test_texts_come_from_the_state(show):
    labels = {"threshold": "阈值", "topic": "<b>主题</b>", "sentence_full": "{kind} {length_before}"}
    page = show(CompletionExplorer(completion_made_up(), knots=3, labels=labels))
    assert page.locator("label", has_text="阈值").count() == 1
    assert rows(page, 2)[0][4] == "<b>主题</b>"
    assert sentence(page).startswith("a probability −0.")
