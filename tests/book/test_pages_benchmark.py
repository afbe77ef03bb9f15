"""What the benchmark of pages tells of a page, and that it knows a slow one."""

from __future__ import annotations

import pytest

from benchmarks import pages

pytestmark = pytest.mark.browser

SLIDER = """<!doctype html><title>A page</title><p>Text</p>
<div class="ranking-explorer"><label>x <input type="range" max="9" value="3"></label><output>3</output></div>
<script>
const [slider, said] = [document.querySelector("input"), document.querySelector("output")];
const until = performance.now() + BUSY;
while (performance.now() < until) ;
slider.addEventListener("input", () => setTimeout(() => { said.textContent = slider.value; }, 1));
</script>
"""


@pytest.fixture(scope="module")
def measured(chromium, tmp_path_factory):
    """What the benchmark says of a page with a slider whose script is busy for 0, and for 3,000 ms."""
    folder = tmp_path_factory.mktemp("pages")

    def measure(busy: int) -> dict[str, float]:
        (folder / "page.html").write_text(SLIDER.replace("BUSY", str(busy)) + "<!--" + "x" * 200_000 + "-->")
        with pages.served(folder) as address:
            return pages.measure(chromium, f"{address}/page.html")

    return {busy: measure(busy) for busy in (0, 3_000)}


def test_a_light_page_is_light_and_live(measured):
    seen = measured[0]
    assert 0 < seen["paint"] <= seen["live"] + 1
    assert seen["live"] > 0.15  # a request takes as long
    assert seen["live"] < measured[3_000]["live"]
    assert 0.3 < seen["KB"] < 20  # 200 KB of one letter, packed
    assert seen["elements"] == 10
    assert not {"KB", "elements", "shift"} & set(pages.beyond("page.html", seen))


def test_a_busy_page_does_not(measured):
    seen = measured[3_000]
    assert seen["task"] >= 3_000
    assert seen["live"] >= 3
    assert pages.beyond("page.html", seen) == ["live", "task"]


def test_a_chapter_that_is_one_page_may_have_more_elements():
    seen = {name: 0.0 for name in pages.LIMITS} | {"elements": 7_000.0}
    assert pages.beyond("03_calibration/index.html", seen) == []
    for page in ("03_calibration/exercises.html", "01_funnel/index.html", "01_funnel/retrieval.html"):
        assert pages.beyond(page, seen) == ["elements"]
