"""The built pages in a browser: those of the course, and those of a small book that uses every feature.

Each check looks at all pages of a book, so that a new chapter is covered as soon as it is in the contents.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import nbformat
import pytest
from browser import PATIENCE
from building import build
from hidden import authored_secrets, leaks
from links import broken
from playwright.sync_api import expect
from sample import write_small_book
from small_course import NAME, small_notebook
from visits import SETTINGS, page_names

from bookwork.grading import editions

REPOSITORY = Path(__file__).parents[2]
WIDE, NARROW = SETTINGS

# The colour of a line in ink.
TRUTH = "getComputedStyle(document.querySelector('.ranking-plot [data-name=truth]')).getPropertyValue('--c')"

pytestmark = pytest.mark.browser


class PageChecks:
    """What holds for every page of every book, in the settings that a class names."""

    settings = SETTINGS

    def test_no_request_to_another_host(self, visits):
        assert {str(visit): visit.outside for visit in visits if visit.outside} == {}

    def test_no_errors(self, visits):
        assert {str(visit): visit.errors for visit in visits if visit.errors} == {}

    def test_everything_is_drawn(self, visits):
        assert [str(visit) for visit in visits if not visit.ready] == []

    def test_axe_finds_nothing(self, visits):
        assert {str(visit): visit.violations for visit in visits if visit.violations} == {}

    def test_theme_is_the_readers(self, visits):
        assert [str(visit) for visit in visits if visit.content["theme"] != visit.setting.theme] == []

    def test_nothing_scrolls_sideways(self, visits):
        wide = {str(v): v.content["width"] for v in visits if v.content["width"] > v.setting.width}
        assert wide == {}

    def test_pages_have_title_language_and_one_heading(self, visits):
        for visit in visits:
            assert visit.content["title"].strip(), visit
            assert visit.content["language"] == "en", visit
            assert visit.content["headings"] >= 1, visit

    def test_images_and_figures_have_text_and_tables(self, visits):
        for visit in visits:
            assert visit.content["withoutAlt"] == [], visit
            assert visit.content["untold"] == 0, visit
            assert visit.content["untabled"] == 0, visit

    def test_maths_is_typeset_without_errors(self, visits):
        assert [str(visit) for visit in visits if visit.content["mathErrors"]] == []

    def test_every_slider_moves_by_keyboard(self, visits):
        assert {str(visit): visit.idle for visit in visits if visit.idle} == {}

    def test_search_finds_the_first_page(self, reader):
        for setting in self.settings:
            with reader.tab(setting) as (page, log):
                reader.open(page, setting, "intro.html")
                words = re.findall(r"[A-Za-z]{5,}", page.locator("h1").last.inner_text())
                page.keyboard.press("Control+k")
                page.locator("#pst-search-dialog input[name=q]").fill(max(words, key=len))
                page.keyboard.press("Enter")
                page.wait_for_url("**/search.html?q=*")
                page.locator("#search-results a[href*='intro.html']").first.wait_for()
            assert log.errors == []
            assert log.outside == []


class FileChecks:
    """What holds for the files of every book, however they are looked at."""

    def test_there_are_pages(self, book):
        assert {"search.html", "genindex.html"} < set(page_names(book))

    def test_internal_links_lead_somewhere(self, book):
        assert broken(book) == []

    def test_front_page_leads_to_the_first_chapter(self, reader):
        with reader.tab(WIDE) as (page, _):
            page.goto(f"{reader.address}/index.html")
            page.wait_for_url("**/intro.html")

    def test_sources_can_be_downloaded(self, book):
        notebooks = list((book / "_sources").rglob("*.ipynb"))
        assert notebooks
        for path in notebooks:
            nbformat.validate(nbformat.read(path, as_version=4))


class TestCourse(PageChecks, FileChecks):
    """The book of the course on a wide screen."""

    settings = (WIDE,)
    pages = "course"

    def test_no_hidden_check_and_no_marker_in_any_file(self, book):
        authored = REPOSITORY / "book"
        assert leaks(book, authored_secrets(authored), authored) == []

    @pytest.mark.parametrize(
        "room", ["funnel", "evaluation", "fusion", "training", "watch_time", "multi_task"]
    )
    def test_all_that_a_room_offers_is_described(self, book, room):
        pages = [path.read_text(encoding="utf-8") for path in (book / "reference" / "api").glob("*.html")]
        described = set(re.findall(rf'id="ranking\.{room}\.(\w+)"', "".join(pages)))
        offered = vars(importlib.import_module(f"ranking.{room}")).items()
        named = {name for name, value in offered if inspect.isclass(value) or inspect.isfunction(value)}
        assert {name for name in named if not name.startswith("_")} - described == set()


class TestCourseOnAPhone(PageChecks):
    """The same pages; a class of its own, so that another worker can look at them."""

    settings = (NARROW,)
    pages = "course"


class TestSample(PageChecks, FileChecks):
    """A small book that uses every feature, some of which no chapter may use yet."""

    pages = "sample"

    def test_a_second_build_executes_and_writes_nothing(self, book):
        root = book.parents[1]
        printed = build(root, root)
        assert "0 added, 0 changed, 0 removed" in printed
        assert "Executing notebook" not in printed
        assert "no targets are out of date" in printed

    def test_a_widget_without_kernel_is_a_note(self, book):
        text = (book / "second.html").read_text(encoding="utf-8")
        assert "This cell is live in JupyterLab." in text
        assert "vnd.jupyter.widget" not in text
        assert "interactive(children" not in text

    def test_a_caption_stands_below_its_figure_and_nowhere_else(self, book):
        text = (book / "intro.html").read_text(encoding="utf-8")
        assert len(re.findall(r"Mean prediction against observed rate in 15 bins[^<]*</p>\s*<", text)) == 1

    def test_pages_load_only_what_they_use(self, book):
        texts = {path.stem: path.read_text(encoding="utf-8") for path in book.glob("*.html")}
        loading = {
            script: {
                name for name, text in texts.items() if re.search(rf'<script[^>]*src="[^"]*{script}', text)
            }
            for script in ("drawn.js", "runtime.js", "calibration.js", "tex-svg.js", "thebe", "book.js")
        }
        assert loading["drawn.js"] == {"intro"}
        assert loading["runtime.js"] == {"intro", "second", "live"}
        assert loading["calibration.js"] == {"second"}
        assert loading["tex-svg.js"] == set()
        assert loading["thebe"] == set()
        assert loading["book.js"] >= {"intro", "second", "api", "search"}
        assert not any("thebe" in text.lower() for text in texts.values())

    def test_figures_follow_the_theme(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            light = page.evaluate(TRUTH)
            page.evaluate("document.documentElement.dataset.theme = 'dark'")
            page.wait_for_function(f"{TRUTH} !== '{light}'")
            dark = page.evaluate(TRUTH)
        assert (light, dark) == ("#1B1F24", "#F0F3F6")

    def test_a_narrow_figure_has_a_legend_for_labels(self, reader):
        for setting, legends, labels in ((WIDE, 0, 3), (NARROW, 3, 0)):
            with reader.tab(setting) as (page, _):
                reader.open(page, setting, "intro.html")
                figure = page.locator(".ranking-plot").first
                assert figure.locator(".rx-legend li").count() == legends
                assert figure.locator("text.rx-label").count() == labels

    def test_figures_are_as_wide_as_code_and_where_there_is_no_room_as_text(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            code = page.locator(".bd-article div.cell_input:visible").first.bounding_box()
            figure = page.locator(".ranking-plot .rx-picture").first.bounding_box()
            assert abs(code["width"] - figure["width"]) <= 1
            page.set_viewport_size({"width": 700, "height": 900})
            page.wait_for_function("""() => {
                const wide = (which) => document.querySelector(which).getBoundingClientRect().width;
                const text = wide(".bd-article section > p");
                return text < 700 && Math.abs(text - wide(".ranking-plot .rx-picture")) <= 1;
            }""")

    def test_paper_is_white_whatever_the_theme(self, reader):
        with reader.tab(NARROW) as (page, _):
            reader.open(page, NARROW, "intro.html")
            page.emulate_media(media="print")
            page.wait_for_function(f"{TRUTH} === '#1B1F24'")
            text = "getComputedStyle(document.body).color"
            page.wait_for_function(f"{text} === 'rgb(27, 31, 36)'")

    def test_folded_code_opens_by_keyboard(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "intro.html")
            folded = page.locator("details.ranking-code").first
            code = folded.locator("pre")
            assert not code.is_visible()
            folded.locator("summary").focus()
            page.keyboard.press("Enter")
            assert code.is_visible()

    def test_claims_are_one_quiet_line_that_opens_by_keyboard(self, reader):
        for setting in self.settings:
            with reader.tab(setting) as (page, _):
                reader.open(page, setting, "second.html")
                folds = page.locator(".tag_claims > details")
                folds.last.scroll_into_view_if_needed()  # far down on a phone: not laid out before
                said = ["3 claims checked", "1 claim checked"]
                expect(folds.locator("summary")).to_have_text(said, use_inner_text=True, timeout=PATIENCE)
                first = folds.first
                height = first.bounding_box()["height"]
                assert height < (40 if setting is WIDE else 50)  # a fingertip needs more
                first.locator("summary").focus()
                page.keyboard.press("Enter")
                assert first.get_by_text("check(f").is_visible()
                assert first.get_by_text("✓ one is less than two").is_visible()
                assert first.bounding_box()["height"] > 3 * height
                text = page.locator(".bd-article").inner_text()
                assert text.count("✓ 4 is more than two") == 1
                page.emulate_media(media="print")
                assert page.locator(".ranking-closed", has_text="1 claim checked").is_visible()

    def test_folded_cells_without_output_between_them_are_one_fold(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, "second.html")
            folds = page.locator(".tag_hide-input > details.ranking-code")
            for label in folds.locator("summary").all():
                label.click()
            codes = [folds.nth(i).locator("pre").all_text_contents() for i in range(folds.count())]
        assert [[code.strip() for code in fold] for fold in codes] == [
            ["first = 1", "second = 2", 'print("calibrated")'],
            ["print(first + second)"],
        ]

    def test_no_hidden_check_and_no_marker_in_any_file(self, book):
        authored = book.parents[1] / "book"
        secrets = authored_secrets(authored)
        assert {"a secret number, 17.25", "expected = x / 2"} <= set(secrets)
        assert leaks(book, secrets, authored) == []
        assert leaks(book, ["three in sight"]) == [  # so that the search is known to find things
            f"{NAME}/exercises.html: three in sight",
            f"_sources/{NAME}/exercises.ipynb: three in sight",
            f"sections.js, {NAME}/exercises.html: three in sight",
        ]

    def test_what_can_be_downloaded_is_the_learners_edition(self, book):
        download = nbformat.read(book / "_sources" / NAME / "exercises.ipynb", as_version=4)
        assert download == editions.learners(small_notebook())

    def test_a_solution_opens_by_keyboard(self, reader):
        with reader.tab(WIDE) as (page, _):
            reader.open(page, WIDE, f"{NAME}/exercises.html")
            stubs = page.locator("div.highlight-python", has_text="your code here")
            assert stubs.count() == 2
            assert stubs.first.is_visible()
            folded = page.locator("details.ranking-code").first
            summary, code = folded.locator("summary"), folded.locator("pre")
            assert summary.inner_text() == "Show the solution"
            assert not code.is_visible()
            summary.focus()
            page.keyboard.press("Enter")
            assert code.is_visible()
            assert "return 2 * x" in code.inner_text()
            assert summary.inner_text() == "Hide the solution"

    def test_wide_boxes_scroll_and_can_be_reached_by_keyboard(self, reader):
        with reader.tab(NARROW) as (page, _):
            for name, box in (
                ("intro.html", ".ranking-formula"),
                ("intro.html", ".pst-scrollable-table-container"),
                ("intro.html", "div.highlight-python pre"),
                ("second.html", ".output .pst-scrollable-table-container"),
            ):
                reader.open(page, NARROW, name)
                reached = "box => box.scrollWidth > box.clientWidth && box.tabIndex === 0"
                page.wait_for_function(reached, arg=page.locator(box).first.element_handle())


def test_a_book_without_solutions(tmp_path):
    """Tasks, stubs and checks are there, and no solution is in any file."""
    root = write_small_book(tmp_path)
    build(root, root, BOOKWORK_SOLUTIONS="no")
    book = root / "_build" / "html"
    assert leaks(book, ["return 2 * x", "return x / 2", "Show the solution"]) == []
    text = (book / NAME / "exercises.html").read_text(encoding="utf-8")
    assert "your code here" in text
    assert "three in sight" in text
