"""The picture of the funnel: what it accepts, what it says, that it moves once and stands still."""

from __future__ import annotations

import pytest
from looking import assert_comes_to_be_laid_out, assert_laid_out
from recordings import request_made_up

from ranking_course.explorers import FunnelPicture

POINTS = """() => [...document.querySelectorAll('.rx-picture path')].map(
    (path) => (path.getAttribute('d') ?? '').split('M').length - 1
)"""
DRAWN = ".rx-bare[data-drawn]"
SLOWLY = """{
    const [frame, now] = [requestAnimationFrame, performance.now.bind(performance)];
    window.requestAnimationFrame = (call) => frame((time) => call(time / 8));
    performance.now = () => now() / 8;
}"""
"""The page's time goes slowly: a busy machine may look away for seconds."""


def changed(**stages):
    request = request_made_up()
    return {**request, "stages": {**request["stages"], **stages}}


def test_its_text_says_every_count():
    picture = FunnelPicture(request_made_up())
    assert "Of 40,000 items in the catalogue, retrieval finds 500 candidates" in picture.alt
    assert "pre-ranking keeps 60, ranking scores 60 and drops none, and re-ranking shows 12." in picture.alt
    assert repr(picture).startswith("FunnelPicture(retrieval: 500, pre_ranking: 60")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "'topics'"),
        ({**request_made_up(), "topics": [0, 40_000]}, r"request\['topics'\] must be at least 1"),
        (changed(retrieval=[40_000]), r"request\['stages'\]\['retrieval'\] must be in \[0, 39999\]"),
        (changed(re_ranking=[]), r"\['re_ranking'\] must hold"),
        (changed(re_ranking=[0, 0]), r"\['re_ranking'\] must hold at least one item, each once"),
        (changed(pre_ranking=[1]), r"\['pre_ranking'\] must hold only items that retrieval leaves, got 1"),
        (changed(ranking=request_made_up()["stages"]["ranking"][:-1]), "must hold all 60 items"),
    ],
)
def test_what_is_no_request_is_refused(request_, message):
    with pytest.raises(ValueError, match=message):
        FunnelPicture(request_)


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 660, 1280])
def test_every_item_has_its_dot(show, width):
    page = show(FunnelPicture(request_made_up()), width=width)
    page.locator(DRAWN).wait_for()
    assert_laid_out(page)
    blocks = [page.evaluate(POINTS)[4 * i : 4 * i + 4] for i in range(5)]
    assert [cut + on + shown for cut, on, _, shown in blocks] == [500, 500, 60, 60, 12]
    assert [shown for *_, shown in blocks] == [12] * 5
    painted = page.locator("canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, 200, 200).data.filter((v, i) => i % 4 === 3 && v).length"
    )
    assert painted == 40_000  # one pixel for each item
    page.set_viewport_size({"width": 390, "height": 900})
    assert_comes_to_be_laid_out(page)


@pytest.mark.browser
def test_it_moves_once_and_at_once_where_it_is_printed(show):
    page = show(FunnelPicture(request_made_up()), reduced_motion="no-preference", before=SLOWLY)
    assert page.locator(DRAWN).count() == 0
    first = page.evaluate(POINTS)
    page.wait_for_function(f"(first) => ({POINTS})().join() !== first.join()", arg=first)
    page.wait_for_function(f"({POINTS})().at(-1) > 0")  # items fly
    assert (
        sum(page.evaluate(POINTS)[:20]) == 500 + 500 + 60 + 60 + 12 + 5 * 12
    )  # over a picture that is whole
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(DRAWN).count() == 1
    end = page.evaluate(POINTS)
    page.wait_for_timeout(300)
    assert page.evaluate(POINTS) == end


@pytest.mark.browser
def test_it_ends_as_it_stands_for_those_who_want_nothing_to_move(show):
    moving = show(FunnelPicture(request_made_up()), reduced_motion="no-preference")
    moving.locator(DRAWN).wait_for()
    still = show(FunnelPicture(request_made_up()))
    still.locator(DRAWN).wait_for()
    assert moving.evaluate(POINTS) == still.evaluate(POINTS)


@pytest.mark.browser
def test_names_come_from_the_state_and_are_never_markup(show):
    picture = FunnelPicture(request_made_up())
    picture.labels = {key: f"<b>§{text}</b>" for key, text in picture.labels.items()}
    page = show(picture)
    assert page.locator(".rx-labels text", has_text="§").count() == 5
    assert page.locator(".rx b").count() == 0
    assert "§" in page.locator(".rx-picture").get_attribute("aria-label")
