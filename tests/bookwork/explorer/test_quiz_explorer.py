"""Quizzes: checked questions, answers by keyboard and screen reader, no answer that leaks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from looking import CALL, MODEL, press, sentence
from spoiling import spoilt

from bookwork.explorer import QuizExplorer, checked_questions, read_questions
from bookwork.explorer.base import MIME_TYPE

OPTIONS = [
    {"text": "Yes", "explanation": "It is so.", "right": True},
    {"text": "No", "explanation": "It is not so."},
    {"text": "Perhaps", "explanation": "It is certain."},
]
QUESTIONS = [
    {"id": "first", "text": "Is it?", "options": OPTIONS},
    {"id": "second", "text": "Is it\n  <b>not</b>?", "options": OPTIONS[::-1]},
]


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], r"quiz\['questions'\] must be a list of at least one entry, got \[\]"),
        (["text"], r"quiz\['questions'\]\[0\] must be a mapping with the keys id, text, options, got 'text'"),
        (
            spoilt(QUESTIONS, [0, "text"], None),
            r"\['questions'\]\[0\] must have id, text, options .* missing: \['text'\]",
        ),
        (spoilt(QUESTIONS, [0, "hint"], "x"), r"\[0\] must have id, .* unknown: \['hint'\]"),
        (spoilt(QUESTIONS, [0, "id"], "First!"), r"\['id'\] must be small letters, .* got 'First!'"),
        (spoilt(QUESTIONS, [1, "id"], "first"), r"questions, by their id, must differ .* got twice 'first'"),
        (
            spoilt(QUESTIONS, [1, "text"], " Is  it? "),
            r"questions, by their text, must differ .* got twice 'Is it\?'",
        ),
        (
            spoilt(QUESTIONS, [0, "text"], " "),
            r"\['questions'\]\[0\]\['text'\] must be a text that is not empty",
        ),
        (spoilt(QUESTIONS, [0, "options"], []), r"\['options'\] must be a list of at least one entry"),
        (
            spoilt(QUESTIONS, [0, "options"], OPTIONS[:1]),
            r"\['options'\] must hold at least 2 entries",
        ),
        (
            spoilt(QUESTIONS, [0, "options"], OPTIONS[1:]),
            r"must have exactly one option that is right, got 0",
        ),
        (
            spoilt(QUESTIONS, [0, "options", 1, "right"], True),
            r"exactly one option that is right, got 2",
        ),
        (
            spoilt(QUESTIONS, [0, "options", 1, "right"], 1),
            r"\['options'\]\[1\]\['right'\] must be true or false, got 1",
        ),
        (
            spoilt(QUESTIONS, [0, "options", 1, "explanation"], None),
            r"\[1\] must have text, .* missing: \['exp",
        ),
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


def test_a_file_is_looked_for_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"TOML file of questions, got 'quiz.toml' in .*"):
        QuizExplorer("quiz.toml")
    option = '[[questions.options]]\ntext = "{0}"\nexplanation = "so {0}"\nright = {1}\n'
    text = '[[questions]]\nid = "a"\ntext = "b"\n' + option.format("x", "true") + option.format("y", "false")
    (tmp_path / "quiz.toml").write_text(text, encoding="utf-8")
    quiz = QuizExplorer("quiz.toml")
    assert repr(quiz) == "QuizExplorer('quiz.toml')"
    assert quiz.questions == read_questions(tmp_path / "quiz.toml")


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


def test_nothing_but_the_state_knows_questions_and_answers():
    """The text of an output is compared by nbval, and alternative text is searched."""
    quiz = QuizExplorer(QUESTIONS)
    data, _ = quiz._repr_mimebundle_()
    assert repr(quiz) == "QuizExplorer(2 of one's own)"
    assert data["text/plain"] == quiz.alt
    entry = data[MIME_TYPE]
    assert json.loads(json.dumps(entry)) == entry
    assert set(entry["state"]) == {"labels", "start", "questions", "chosen", "tries"}
    assert entry["alt"] == (
        f"A quiz of {len(quiz.questions)} questions, each with an explanation for every answer."
    )


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
