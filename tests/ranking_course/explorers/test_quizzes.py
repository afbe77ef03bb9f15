"""The quizzes of the chapters: true numbers, no answer that shows, everything reachable."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from looking import assert_laid_out

from bookwork.results import load_results
from ranking.fusion import click_times_rest
from ranking.mmoe import masked_gates
from ranking.watch_time import source_limit
from ranking_course.explorers import QuizExplorer

BOOK = Path(__file__).resolve().parents[3] / "book"
QUIZZES = {path.parent.name: path for path in sorted(BOOK.glob("*/quiz.toml"))}

# ---- the numbers of the authored questions


def auc_lost(rate: float) -> str:
    """Median over the worlds of the recorded AUC below that with all rows."""
    runs = load_results("calibration/sampling")["runs"]
    auc = {(run["rate"], run["seed"]): run["auc"] for run in runs}
    assert len({seed for _, seed in auc}) == 10  # "the median of ten worlds"
    lost = [auc[1.0, seed] - value for (r, seed), value in auc.items() if r == rate]
    return f"{np.median(lost):.3f}"


def pull(p: float, y: float) -> float:
    """The gradient at a logit, with a loss weight of 1."""
    return p - y


ALARM = load_results("calibration/alarm")
CALM = next(run for run in ALARM["calm"] if (run["base_rate"], run["scatter"]) == (0.1, 0.0))

TEN = np.repeat([5.0, 80.0], [8, 2])  # plays of the question "adds", in seconds
FOUR = np.array([0.0, 0.0, 10.0, 50.0])  # and of "at_once"

# Every number of a right answer or an explanation that its question does not give: as said, as it comes out.
FACTS = {
    "denominators": {
        "1,000": f"{1000:,}",
        "100": f"{1000 * 0.1:.0f}",
        "12": f"{1000 * 0.1 * 0.12:.0f}",
        "1.2%": f"{0.1 * 0.12:.1%}",
    },
    "small_counts": {
        "5.9%": f"{(1 + 0.05 * 100) / (1 + 100):.1%}",
        "8.6%": f"{(90 + 0.05 * 100) / (1000 + 100):.1%}",
        "5": f"{0.05 * 100:.0f}",
        "101": str(1 + 100),
        "1,100": f"{1000 + 100:,}",
        "100%": f"{1 / 1:.0%}",
    },
    "start": {"0.5": f"{pull(0.5, 0):.1f}", "0.4": f"{0.9 * pull(0.5, 0) + 0.1 * pull(0.5, 1):.1f}"},
    "looking": {
        "5%": f"{ALARM['level']:.0%}",
        "1,000": f"{CALM['months']:,}",
        "286": str(CALM["false"]["z of all rows so far"]),
        "39": str(CALM["false"]["alarm"]),
    },
    "small_rate": {"0.008": auc_lost(0.01), "0.002": auc_lost(0.1)},
    "healthy": {"0.95": "0.95"},  # the definition of a polarized gate
    "minutes": {"0.6": f"{0.01 * 60:.1f}", "60": "60"},
    "no_loss": {"1.4%": "1.4%"},  # lies within the interval: see below
    "two_plays": {
        "3": str(1 + 2),
        "9": str(1 + 8),
        "3.5": f"{source_limit([2, 8]):.1f}",
        "5": f"{(2 + 8) / 2:.0f}",
        "4": f"{(2 * 8) ** 0.5:.0f}",
    },
    "adds": {
        "0.8": f"{8 / 10:.1f}",
        "0.2": f"{2 / 10:.1f}",
        "20": f"{np.mean(TEN):.0f}",
        "20,000": f"{1000 * np.mean(TEN):,.0f}",
        "5,000": f"{1000 * np.median(TEN):,.0f}",
    },
    "at_once": {
        "15": f"{np.mean(FOUR):.0f}",
        "30": f"{np.mean(FOUR[FOUR > 0]):.0f}",
        "60": f"{FOUR.sum():.0f}",
        "80": f"{20 * len(FOUR)}",
        "0.75": f"{FOUR.sum() / (20 * len(FOUR)):.2f}",
        "0.5": f"{10 / 20:.1f}",
        "0.375": f"{np.minimum(FOUR / 20, 1).mean():.3f}",
        "80%": "80%",  # the line of completion
    },
    "two_heads": {"87.5%": f"{0.7 / 0.8:.1%}", "70%": f"{0.7:.0%}"},
}
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?%?(?!\w)")
CONSTANTS = {"0", "1"}  # of formulas

ALL = [(name, question) for name, path in QUIZZES.items() for question in QuizExplorer(path).questions]


def numbers(text: str) -> set[str]:
    return {found.rstrip(",") for found in NUMBER.findall(text)}


@pytest.mark.parametrize(("name", "question"), ALL, ids=[f"{n}-{q['id']}" for n, q in ALL])
def test_numbers_are_given_or_come_out(name, question):
    facts = FACTS.get(question["id"], {})
    assert {said: found for said, found in facts.items() if said != found} == {}
    stated = {option["explanation"] for option in question["options"]}
    stated |= {option["text"] for option in question["options"] if option["right"]}
    needed = set().union(*map(numbers, stated)) - numbers(question["text"]) - CONSTANTS
    assert needed <= set(facts)


def test_every_fact_belongs_to_a_question():
    assert set(FACTS) <= {question["id"] for _, question in ALL}


def test_questions_are_authored_well():
    """Three to five a chapter, of three or four options; neither place nor length gives the answer away."""
    assert list(QUIZZES) == sorted(path.parent.name for path in BOOK.glob("0*/index.ipynb"))
    places, longest = [], 0
    for name in QUIZZES:
        asked = [question for chapter, question in ALL if chapter == name]
        assert 3 <= len(asked) <= 5
        right = []
        for question in asked:
            options = question["options"]
            assert len(options) in (3, 4)
            right.append([option["right"] for option in options].index(True))
            longest += max(range(len(options)), key=lambda k: len(options[k]["text"])) == right[-1]
        assert len(set(right)) >= 3, name
        places += right
    assert max(map(places.count, places)) <= 0.5 * len(ALL)
    assert longest <= 0.5 * len(ALL)
    assert len({question["id"] for _, question in ALL}) == len(ALL)


def test_what_the_question_on_new_items_says_of_the_recorded_funnel():
    stages = [run["stages"] for run in load_results("funnel/stages")["runs"]]
    only = {name: np.mean([s["found_only_by"][name] for s in stages]) for name in stages[0]["found_only_by"]}
    assert min(only, key=only.get) == "fresh"  # "comes last"
    never = [s["never_shown"] for s in stages]  # shares of items without statistics
    left = {name: np.mean([each["left"][name] for each in never]) for name in never[0]["left"]}
    found = {name: np.mean([each["found"][name] for each in never]) for name in never[0]["found"]}
    assert found["fresh"] > 0.5  # "brings items without statistics"
    assert left["pre_ranking"] < 0.3 * left["retrieval"]  # "the later stages cut them"
    assert left["re_ranking"] < 0.1  # "shows nobody anything new"
    assert max(found["popular"], found["topic"]) < 0.05  # "what a new item does not have yet"


def test_what_the_question_on_the_larger_model_says_of_the_recorded_ladder():
    small, large, truth = "three towers", "ranking model", ", taught by truth"
    record = load_results("funnel/ladder")
    assert (record["kept"], record["shown"]) == (300, 30)
    gaps = {"nothing": [], small: []}
    for run in record["runs"]:
        for cut, found in gaps.items():  # "choose from all retrieved candidates", "from the same 300"
            found.append(run["value"][cut][large] - run["value"][cut][small])
        value = run["value"][small]
        assert value["truth"] > value[large] + 0.15  # "worth far more"
        assert value["chance"] < value[large] - 0.1  # "worth far less"
        bare = value[small + " without crosses"]
        assert value[large] > bare + 0.05  # "leads by far"
        for model in (small, large):
            assert value[model + truth] > value[model] + 0.02  # "choose better"
    for found in gaps.values():
        assert abs(np.mean(found)) < 0.02  # "the same", "no better"


def test_what_questions_say_of_recorded_levels():
    """ "About as well": the calibrated level at 0.01 is within a few per cent, as at 0.1."""
    record = load_results("calibration/sampling")
    true = {t["seed"]: t["mean"] for t in record["truths"]}
    for rate in (0.1, 0.01):
        levels = [r["calibrated"]["mean"] / true[r["seed"]] for r in record["runs"] if r["rate"] == rate]
        assert abs(np.median(levels) - 1) < 0.03


def test_lists_by_minutes_are_those_by_seconds_at_sixty_times_the_price():
    rng = np.random.default_rng(0)
    p = {name: rng.random(50) for name in ("click", "like")}
    seconds = rng.lognormal(2.5, 1.0, 50)
    before = click_times_rest(p | {"watch_time": seconds}, {"like": 5, "watch_time": 0.01})
    after = p | {"watch_time": seconds / 60}
    np.testing.assert_allclose(click_times_rest(after, {"like": 5, "watch_time": 0.6}), before)
    for like, minute in ((5, 0.01), (300, 0.6)):  # the other two options
        other = click_times_rest(after, {"like": like, "watch_time": minute})
        assert (np.argsort(other) != np.argsort(before)).any()


def test_a_loss_of_1_4_percent_is_in_accord_with_the_interval_told():
    low, high = -1.5, 0.9
    assert (low + high) / 2 == pytest.approx(-0.3)
    assert low < -1.4 < high


def test_a_masked_favourite_hears_nothing():
    logits = torch.tensor([0.6, 0.3, 0.1]).log().requires_grad_()
    mixed = masked_gates(logits, torch.tensor([False, True, True]), "renormalised", 0.1, 1e-3)
    torch.testing.assert_close(mixed.detach(), torch.tensor([0.0, 0.75, 0.25]))
    (mixed * torch.tensor([3.0, -1.0, 2.0])).sum().backward()
    assert logits.grad[0] == 0
    assert logits.grad[1] != 0


# ---- in a browser


@pytest.mark.browser
@pytest.mark.parametrize("name", QUIZZES)
def test_every_quiz_on_a_phone_and_for_axe(show, name):
    page = show(QuizExplorer(QUIZZES[name]), width=360)
    for question in QuizExplorer(QUIZZES[name]).questions:
        group = page.get_by_role("group", name=question["text"])
        for k in (1, [option["right"] for option in question["options"]].index(True)):
            group.get_by_role("radio").nth(k).check()
            group.get_by_role("button", name="Check").click()
            assert question["options"][k]["explanation"] in group.locator(".rx-feedback").inner_text()
    assert_laid_out(page)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    for theme in ("light", "dark"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
    durations = page.evaluate(
        "[...document.querySelectorAll('.rx *')].map((e) => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}
