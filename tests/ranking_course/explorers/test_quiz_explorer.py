"""Quizzes: true numbers, checked questions, answers by keyboard and screen reader, no answer that leaks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from looking import CALL, MODEL, assert_laid_out, press, sentence
from recordings import spoilt

from bookwork.explorer.base import MIME_TYPE
from bookwork.results import load_results
from ranking.calibration import calibrate, downsampled
from ranking.evaluation import requests_per_arm
from ranking.fusion import click_times_rest, weighted_sum
from ranking.mmoe import masked_gates
from ranking.watch_time import source_limit
from ranking_course.explorers import QuizExplorer, checked_questions, quizzes, read_questions

OPTIONS = [
    {"text": "Yes", "explanation": "It is so.", "right": True},
    {"text": "No", "explanation": "It is not so."},
    {"text": "Perhaps", "explanation": "It is certain."},
]
QUESTIONS = [
    {"id": "first", "text": "Is it?", "options": OPTIONS},
    {"id": "second", "text": "Is it\n  <b>not</b>?", "options": OPTIONS[::-1]},
]

# ---- the numbers of the authored questions


def auc_lost(rate: float) -> str:
    """Median over the logs of the recorded AUC below that with all rows."""
    runs = load_results("calibration/sampling")["runs"]
    auc = {(run["rate"], run["seed"]): run["auc"] for run in runs}
    assert len({seed for _, seed in auc}) == 10  # "the median of ten logs"
    lost = [auc[1.0, seed] - value for (r, seed), value in auc.items() if r == rate]
    return f"{np.median(lost):.3f}"


def pull(p: float, y: float) -> str:
    return f"{10 * (p - y):.1f}"


# items X and Y of the question on fusion
RATES = {"click": np.array([0.10, 0.05]), "like": np.array([0.10, 0.30])}
WORTH = click_times_rest(RATES, {"like": 5})
SUM = weighted_sum(RATES, {"click": 1, "like": 5})


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
    "unmasked": {"0.5%": f"{0.1 * 0.05:.1%}"},
    "pull": {"0.2": pull(0.02, 0), "9.8": pull(0.02, 1).lstrip("-"), "0.02": f"{2 / 100}"},
    "odds": {"10%": f"{0.2 * 0.5:.0%}", "17%": f"{calibrate(0.5, 0.2):.0%}", "1.2": f"{1 + 0.2}"},
    "wrong_rate": {"18%": f"{calibrate(downsampled(0.1, 0.05), 0.1):.0%}"},
    "small_rate": {"0.013": auc_lost(0.01), "0.001": auc_lost(0.1)},
    "healthy": {"0.95": "0.95"},  # the definition of a polarized gate
    "per_click": {
        "0.10": f"{0.10:.2f}",
        "0.05": f"{0.05:.2f}",
        "0.30": f"{0.30:.2f}",
        "0.01": f"{0.10 * 0.10:.2f}",
        "0.015": f"{0.05 * 0.30:.3f}",
        "5": "5",
        "0.15": f"{WORTH[0]:.2f}",
        "0.125": f"{WORTH[1]:.3f}",
        "0.60": f"{SUM[0]:.2f}",
        "1.55": f"{SUM[1]:.2f}",
    },
    "half_effect": {"16": f"{2 * (1.96 + 0.84) ** 2:.0f}", "1.4": f"{2**0.5:.1f}", "2": "2"},
    "two_plays": {
        "3": str(1 + 2),
        "9": str(1 + 8),
        "3.5": f"{source_limit([2, 8]):.1f}",
        "5": f"{(2 + 8) / 2:.0f}",
        "4": f"{(2 * 8) ** 0.5:.0f}",
    },
    "unit": {"60": "60", "4.86": f"{source_limit([2, 8], unit=60):.2f}", "5": f"{(2 + 8) / 2:.0f}"},
    "two_heads": {"87.5%": f"{0.7 / 0.8:.1%}", "70%": f"{0.7:.0%}"},
}
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?%?(?!\w)")
CONSTANTS = {"0", "1"}  # of formulas

ALL = [(name, question) for name in quizzes() for question in QuizExplorer(name).questions]


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
    assert quizzes() == ("calibration", "funnel", "fusion", "mmoe", "multi_task", "watch_time")
    places, longest = [], 0
    for name in quizzes():
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


def test_what_questions_say_of_the_recorded_funnel():
    record = load_results("funnel/stages")
    for run in record["runs"]:
        tried = run["requests"][:6]  # those on which every item was ranked
        after_cuts = np.mean([request["value_of_first"]["ranking"] for request in tried])
        assert abs(run["rank_everything"]["value_of_first"] - after_cuts) < 0.03  # "hardly more"
        assert run["stages"]["survival"]["retrieval"] < 0.5  # "loses most"
    only = {
        name: np.mean([run["stages"]["found_only_by"][name] for run in record["runs"]])
        for name in record["runs"][0]["stages"]["found_only_by"]
    }
    assert min(only, key=only.get) == "fresh"  # "comes last"


def test_what_questions_say_of_recorded_levels():
    """ "About as well": the calibrated level at 0.01 is within a few per cent, as at 0.1."""
    record = load_results("calibration/sampling")
    true = {t["seed"]: t["mean"] for t in record["truths"]}
    for rate in (0.1, 0.01):
        levels = [r["calibrated"]["mean"] / true[r["seed"]] for r in record["runs"] if r["rate"] == rate]
        assert abs(np.median(levels) - 1) < 0.03


def test_half_the_effect_needs_four_times_the_requests():
    assert requests_per_arm(0.01, 3.0) / requests_per_arm(0.02, 3.0) == pytest.approx(4, rel=1e-4)


def test_a_masked_favourite_hears_nothing():
    logits = torch.tensor([0.6, 0.3, 0.1]).log().requires_grad_()
    mixed = masked_gates(logits, torch.tensor([False, True, True]), "renormalised", 0.1, 1e-3)
    torch.testing.assert_close(mixed.detach(), torch.tensor([0.0, 0.75, 0.25]))
    (mixed * torch.tensor([3.0, -1.0, 2.0])).sum().backward()
    assert logits.grad[0] == 0
    assert logits.grad[1] != 0


# ---- questions as data


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], r"quiz\['questions'\] must be a list of at least one entry, got \[\]"),
        ("nothing", r"questions must be one of 'calibration', 'funnel', .*, got 'nothing'"),
        (["text"], r"questions\[0\] must be a mapping with the keys id, text, options, got 'text'"),
        (
            spoilt(QUESTIONS, [0, "text"], None),
            r"questions\[0\] must be a mapping with the keys .*, got 'id', 'options'",
        ),
        (spoilt(QUESTIONS, [0, "hint"], "x"), r"questions\[0\] must be a mapping .*'hint'"),
        (spoilt(QUESTIONS, [0, "id"], "First!"), r"\['id'\] must be small letters, .* got 'First!'"),
        (spoilt(QUESTIONS, [1, "id"], "first"), r"questions, by their id, must differ .* got twice 'first'"),
        (
            spoilt(QUESTIONS, [1, "text"], " Is  it? "),
            r"questions, by their text, must differ .* got twice 'Is it\?'",
        ),
        (
            spoilt(QUESTIONS, [0, "text"], " "),
            r"questions\['first'\]\['text'\] must be a text that is not empty",
        ),
        (spoilt(QUESTIONS, [0, "options"], []), r"\['options'\] must be a list of at least one entry"),
        (spoilt(QUESTIONS, [0, "options"], OPTIONS[:1]), r"\['options'\] must be at least two, got 1"),
        (spoilt(QUESTIONS, [0, "options"], OPTIONS[1:]), r"must have exactly one that is right, got 0"),
        (spoilt(QUESTIONS, [0, "options", 1, "right"], True), r"must have exactly one that is right, got 2"),
        (
            spoilt(QUESTIONS, [0, "options", 1, "right"], 1),
            r"\['options'\]\[1\]\['right'\] must be true or false, got 1",
        ),
        (spoilt(QUESTIONS, [0, "options", 1, "explanation"], None), r"\['options'\]\[1\] must be a mapping"),
        (spoilt(QUESTIONS, [0, "options", 1, "explanation"], ""), r"\[1\]\['explanation'\] must be a text"),
        (
            spoilt(QUESTIONS, [0, "options", 1, "text"], "Yes"),
            r"by their text, must differ from each other, got twice",
        ),
        (
            spoilt(QUESTIONS, [0, "options", 1, "explanation"], "It is so."),
            r"by their explanation, must differ",
        ),
    ],
)
def test_bad_questions_are_refused(questions, message):
    with pytest.raises(ValueError, match=message):
        QuizExplorer(questions)


def test_questions_from_a_file(tmp_path):
    path = tmp_path / "own.toml"
    head = '[[questions]]\nid = "a"\ntext = """\nOne\nline\n"""\n'
    options = [f'[[questions.options]]\ntext = "{k}"\nexplanation = "because {k}"\n' for k in "xy"]
    path.write_text(head + options[0] + "right = true\n" + options[1], encoding="utf-8")
    (question,) = read_questions(path)
    assert question["text"] == "One line"
    assert [option["right"] for option in question["options"]] == [True, False]
    assert QuizExplorer(read_questions(path)).questions == [question]
    path.write_text("[[questions]\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"own.toml must be TOML"):
        read_questions(path)
    path.write_text("a = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"own.toml must be a mapping with the key 'questions'"):
        read_questions(path)


def test_answers_can_be_seen_and_set():
    quiz = QuizExplorer(QUESTIONS)
    assert quiz.questions == checked_questions(QUESTIONS)
    assert quiz.result == {"questions": 2, "right": 0, "first_try": 0}
    quiz.tries = {"first": [0], "second": [1, 2]}
    assert quiz.result == {"questions": 2, "right": 2, "first_try": 1}
    for bad in ({"third": [0]}, {"first": [3]}, {"first": [True]}, {"first": 1.5}):
        with pytest.raises(ValueError, match="tries"):
            quiz.tries = bad
    with pytest.raises(ValueError, match=r"chosen\['first'\] must be of options from 0 to 2, got -1"):
        quiz.chosen = {"first": -1}
    assert quiz.start == {"chosen": {}, "tries": {}}


@pytest.mark.parametrize("name", quizzes())
def test_nothing_but_the_state_knows_questions_and_answers(name):
    """The text of an output is compared by nbval, and alternative text is searched."""
    quiz = QuizExplorer(name)
    data, _ = quiz._repr_mimebundle_()
    assert data["text/plain"] == repr(quiz) == f"QuizExplorer('{name}')"
    entry = data[MIME_TYPE]
    assert json.loads(json.dumps(entry)) == entry
    assert set(entry["state"]) == {"labels", "start", "questions", "chosen", "tries"}
    assert entry["alt"] == (
        f"A quiz of {len(quiz.questions)} questions, each with an explanation for every answer."
    )
    assert repr(QuizExplorer(QUESTIONS)) == "QuizExplorer(2 of one's own)"


# ---- in a browser


@pytest.mark.browser
def test_answering_by_keyboard(show):
    page = show(QuizExplorer(QUESTIONS))
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    feedback = page.locator(".rx-feedback").first
    assert sentence(page) == "No answer checked yet, of 2 questions."
    page.keyboard.press("Tab")  # past "Start again"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "radio"
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    # moving through the options chooses, and gives nothing away
    assert page.evaluate(MODEL, "chosen") == {"first": 1}
    assert page.evaluate(MODEL, "tries") == {}
    assert feedback.text_content() == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert feedback.inner_text() == "✗ B is not right. It is not so."
    assert page.locator("details").first.is_hidden()  # no hint at the right one
    assert sentence(page) == "0 of 2 answered right, 0 at the first try."
    page.keyboard.press("Space")  # the same answer again
    assert page.evaluate(MODEL, "tries") == {"first": [1]}
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowUp")
    assert feedback.inner_text() == "✗ B is not right. It is not so."
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert feedback.inner_text() == "✓ A is right. It is so."
    assert page.evaluate(MODEL, "tries") == {"first": [1, 0]}
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("dt").all_inner_texts() == ["B. No", "C. Perhaps"]
    assert page.locator("dd").all_inner_texts() == ["It is not so.", "It is certain."]
    press(page.get_by_role("radio", name="C. Yes"), "Space")
    page.get_by_role("button", name="Check: question 2").press("Enter")
    assert sentence(page) == "2 of 2 answered right, 1 at the first try."
    assert not {"ArrowDown", "ArrowUp", "Enter", " "} & set(page.evaluate("heard"))
    page.get_by_role("button", name="Start again").press("Enter")
    assert page.evaluate(MODEL, "tries") == page.evaluate(MODEL, "chosen") == {}
    assert page.locator("input:checked, details:visible").count() == 0
    assert page.locator(".rx-feedback, .rx-answer-mark").all_text_contents() == [""] * 8
    assert sentence(page) == "No answer checked yet, of 2 questions."


@pytest.mark.browser
def test_names_and_live_regions(show):
    page = show(QuizExplorer(QUESTIONS))
    assert page.locator("b", has_text="not").count() == 0  # texts are never markup
    first = page.get_by_role("group", name="1. Is it?", exact=True)
    assert first.get_by_role("radio").count() == 3
    check = page.get_by_role("button", name="Check: question 1", exact=True)
    region = first.get_by_role("status")
    assert region.get_attribute("aria-live") == "polite"
    check.click()
    assert region.inner_text() == "Choose an answer first."
    first.get_by_role("radio", name="B. No", exact=True).check()
    assert region.text_content() == ""
    page.evaluate("""() => {
        window.spoken = 0;
        const heard = new MutationObserver(() => { spoken += 1; });
        for (const live of document.querySelectorAll('[aria-live]')) {
            heard.observe(live, { childList: true, characterData: true, subtree: true });
        }
    }""")
    first.get_by_role("radio").first.check()
    first.get_by_role("radio").nth(1).check()
    page.wait_for_timeout(50)
    assert page.evaluate("spoken") == 0  # a choice is spoken by the radio button alone
    check.click()
    assert region.inner_text().startswith("✗ B is not right.")
    assert first.get_by_role("radio", name="B. No (not right)", exact=True).count() == 1


@pytest.mark.browser
def test_result_agrees_with_python(show):
    page = show(QuizExplorer(QUESTIONS))
    rng = np.random.default_rng(6)
    quiz, calls, expected = QuizExplorer(QUESTIONS), [], []
    for _ in range(100):
        quiz.tries = {
            key: rng.integers(0, 3, rng.integers(0, 4)).tolist()
            for key in ("first", "second")
            if rng.random() < 0.8
        }
        calls.append([quiz.questions, quiz.tries])
        expected.append(quiz.result)
    assert page.evaluate(CALL, ["quiz", "result", calls]) == expected


@pytest.mark.browser
@pytest.mark.parametrize("name", quizzes())
def test_every_quiz_on_a_phone_and_for_axe(show, name):
    page = show(QuizExplorer(name), width=360)
    for question in QuizExplorer(name).questions:
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
