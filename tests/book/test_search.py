"""The search page finds sections, by stems and by pieces of Chinese, without a server."""

from __future__ import annotations

import re

import pytest
from conftest import REPOSITORY
from hidden import searched
from small_course import NAME
from visits import SETTINGS, page_names

WIDE, NARROW = SETTINGS
SCRIPTS = ("sections.js", "search.js", "stemmer.js", "searchtools.js", "language_data.js", "searchindex.js")
CHINESE = re.compile(r"[㐀-鿿]+")
HITS = "#search-results > li"
pytestmark = pytest.mark.browser

FOUND = """questions => questions.map((question) => {
    const { results, all } = bookSearch.find(question);
    return [all, results.slice(0, 8).map(({ uri, anchor, heading }) => `${uri}#${anchor} ${heading}`)];
})"""


class TestSearch:
    """The search page of the sample book."""

    pages = "sample"

    def test_the_search_page_alone_loads_what_it_needs(self, book):
        loading = {
            name: [script for script in SCRIPTS if f"/{script}" in (book / name).read_text(encoding="utf-8")]
            for name in page_names(book)
        }
        assert sorted(loading.pop("search.html")) == ["search.js", "sections.js", "stemmer.js"]
        assert set(map(tuple, loading.values())) == {()}
        assert [name for name in SCRIPTS[3:] if list(book.rglob(name))] == []

    def test_sections_are_found_from_a_file_and_lead_to_what_was_found(self, reader):
        with reader.tab(NARROW) as (page, log):
            reader.open(page, NARROW, "search.html?q=tables%20of%20impressions")
            page.locator(HITS).first.wait_for()
            assert page.locator(".ranking-count").inner_text() == "1 section"
            hit = page.locator(HITS).first
            assert hit.locator("a").inner_text() == "A table"
            assert "A sample page" in hit.inner_text()
            assert hit.locator("p:not(.ranking-hit) mark").first.inner_text() == "impressions"
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.wait_for_url("**/intro.html*#a-table")
            marked = "[...CSS.highlights.get('ranking-found')].map(String).includes('impressions')"
            page.wait_for_function(marked)
            page.keyboard.press("Escape")
            assert page.evaluate("CSS.highlights.size") == 0
            assert log.errors == []

    def test_typing_finds_and_says_how_much(self, reader):
        with reader.tab(WIDE) as (page, log):
            reader.open(page, WIDE, "search.html")
            assert page.evaluate("document.activeElement.name") == "q"
            page.keyboard.type("widg")  # the beginning of a word
            page.locator(HITS, has_text="A widget").first.wait_for()
            page.keyboard.press("Control+a")
            page.keyboard.type("xyzzy")
            page.locator(".ranking-count", has_text="Nothing found.").wait_for()
            assert page.locator(HITS).count() == 0
            assert page.url.endswith("?q=xyzzy")
            assert log.errors == []

    def test_words_are_found_by_their_stems_and_headings_come_first(self, reader):
        questions = ["interpretations", "负样本", "widgets", "样例", "figure xyzzy", "calibrate_logits"]
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "search.html")
            stem, chinese, heading, title, partly, function = page.evaluate(FOUND, questions)
        assert stem == [True, ["intro.html#a-table A table"]]
        assert chinese[1][0].startswith("intro.html#")
        assert heading[1][0] == "second.html#a-widget A widget"
        assert title[1][0].endswith("A sample page (样例)")
        assert not partly[0]
        assert "figure" in partly[1][0]
        assert function[1][0].endswith(" calibrate_logits")

    def test_tables_and_hidden_checks_are_not_searched(self, book):
        texts = searched(book / "_static" / "ranking" / "sections.js")
        everything = "\n".join(texts.values())
        assert "Log loss over five seeds, by sampling rate" in texts["intro.html"]  # a caption
        assert "bdata" not in everything
        assert not re.search(r"\bimport [a-z]+", everything)  # says nothing about a section
        assert "calibrated, seed" not in everything
        assert "three in sight" in texts[f"{NAME}/exercises.html"]
        assert "a secret number, 17.25" not in everything


class TestSearchOfTheCourse:
    """The index of the course."""

    pages = "course"

    def test_every_term_of_the_glossary_is_found(self, reader):
        text = (REPOSITORY / "book/reference/glossary.md").read_text(encoding="utf-8")
        terms = re.findall(r"(?m)^(\S.*)\n(?=  \S)", text.split("```{glossary}")[1])
        chinese = {piece for term in terms for piece in CHINESE.findall(term)}
        english = {CHINESE.sub("", term).strip(" ,()") for term in terms}
        assert len(chinese) > 40
        asked = [*sorted(chinese), *sorted(english), "模型"]
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "search.html")
            answers = dict(zip(asked, page.evaluate(FOUND, asked), strict=True))
        missing = [term for term, (every, hits) in answers.items() if not (every and hits)]
        assert missing == []
        # The glossary's own entry is among the first.
        far = [t for t in english if not any("glossary.html#term-" in hit for hit in answers[t][1])]
        assert far == []
        # What a word means comes before the function named after it.
        assert answers["calibration"][1][0].startswith("reference/glossary.html#term-calibration")
