"""What holds of every explorer: laid out at every setting, reachable, translatable, quiet, set back."""

from __future__ import annotations

import re
from itertools import product

import pytest
from gallery import GALLERY, powers
from looking import (
    assert_accessible,
    assert_comes_to_be_laid_out,
    assert_laid_out,
    assert_quiet,
    open_groups,
    open_tables,
    pictures,
    press,
    sentence,
)
from recordings import (
    completion_made_up,
    fused_items,
    fused_recording,
    gates_recording,
    slate_recording,
    weights_recording,
)

from bookwork.explorer.bundle import modules
from ranking_course.explorers import (
    CalibrationExplorer,
    CompletionExplorer,
    FunnelExplorer,
    FusedOrderExplorer,
    FusionExplorer,
    GatesExplorer,
    LossExplorer,
    MeasuresExplorer,
    RerankingExplorer,
    WatchTimeExplorer,
    WeightsExplorer,
)

pytestmark = pytest.mark.browser

DRAWN = {name: make for name, make in GALLERY.items() if name != "quiz"}  # quizzes: test_quizzes.py
VARIANTS = DRAWN | {
    "calibration, without recording": CalibrationExplorer,
    "completion, many": lambda: CompletionExplorer(completion_made_up(candidates=60), knots=3),
    "funnel, without recording": FunnelExplorer,
    "fused order, long": lambda: FusedOrderExplorer({"requests": [{"items": fused_items(20)}]}, 0.1, 10),
    "fused order, without worlds": lambda: FusedOrderExplorer(fused_recording(worlds=0), 0.1, 10),
    "loss, not clicked": lambda: LossExplorer(
        outcomes=dict.fromkeys(("click", "like", "collect", "share"), 0)
    ),
    "measures, exact": lambda: MeasuresExplorer(0.0, 1.0, 0.0),
    "reranking, long": lambda: RerankingExplorer(slate_recording(), shown=20),
    "watch time, certain": lambda: WatchTimeExplorer(sigma=0.0),
    "weights, one task": lambda: WeightsExplorer(weights_recording(("share",), seeds=2), agreed=True),
}
ACCESSIBLE = VARIANTS | {  # whose layout is seen above, too: radio buttons lead there
    "fusion, of powers": lambda: FusionExplorer(formula="product_of_powers"),
    "fusion, commerce": lambda: FusionExplorer(formula="commerce_product"),
    "gates, no cures": lambda: GatesExplorer(gates_recording(), optimiser="sgd", heads="low", step=0),
}


def sliders(page):
    """Those that are seen."""
    return page.locator(".rx input[type=range]:visible").all()


def move_one(page):
    """The first slider to its end, or where there is none the first toggle."""
    first = (sliders(page) or page.locator(".rx input[type=checkbox]:visible").all())[0]
    press(first, "Home" if first.get_attribute("type") == "range" else " ")


def ways(count):
    """Places of so many sliders: both ends and the stop beside one, in every combination of up to three."""
    stops = ["first", "second", "last"]
    together = product(stops, repeat=count) if count <= 3 else [[stop] * count for stop in stops]
    return [*together, ["middle"] * count]


PUT = """(stops) => [...document.querySelectorAll(".rx input[type=range]")]
    .filter((slider) => slider.checkVisibility())
    .forEach((slider, i) => {
        const last = Number(slider.max);
        slider.value = { first: 0, second: 1, last, middle: Math.round(last / 2) }[stops[i]];
        slider.dispatchEvent(new Event("input", { bubbles: true }));
    })"""


def test_the_gallery_holds_all_that_have_controls():
    without = {"drawn", "funnel_picture"}
    assert set(GALLERY) == set(modules(["ranking_course"])) - without


def each_option(page, within=".rx"):
    """Once with every radio button that is seen, or once as it is; what another hides comes after a reset."""
    for radio in page.query_selector_all(f"{within} input[type=radio]:visible") or [None]:
        if radio is not None:
            if radio.is_hidden():
                page.get_by_role("button", name="Reset").click()
            radio.check()
        yield


@pytest.mark.parametrize("width", [360, 660, 1280])  # 660: two columns, none to spare, as in the book
@pytest.mark.parametrize("name", VARIANTS)
def test_laid_out_at_every_setting(show, name, width):
    page = show(VARIANTS[name](), width=width)
    open_groups(page)
    for _ in each_option(page):
        for stops in ways(len(sliders(page))):
            page.evaluate(PUT, stops)
            assert_laid_out(page)
    for toggle in page.locator(".rx input[type=checkbox]:visible").all():
        toggle.click()
        assert_laid_out(page)
    page.get_by_role("button", name="Reset").click()
    page.set_viewport_size({"width": 390, "height": 900})
    assert_comes_to_be_laid_out(page)
    assert all("NaN" not in drawn for drawn in pictures(page))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ACCESSIBLE)
def test_accessible_and_quiet(show, name, theme):
    page = show(ACCESSIBLE[name]())
    assert_accessible(page, theme)
    move_one(page)
    assert_quiet(page)


def seen(page):
    """All texts but those in pictures, where a direct label may come to stand elsewhere."""
    open_tables(page)
    values = [control.get_attribute("aria-valuetext") for control in sliders(page)]
    return values, sentence(page), page.locator("table").all_text_contents()


@pytest.mark.parametrize("name", DRAWN)
def test_every_slider_by_keyboard_and_back(show, name):
    page = show(DRAWN[name]())
    open_groups(page)
    before, drawn = seen(page), pictures(page)
    for control in sliders(page):
        said = control.get_attribute("aria-valuetext")
        press(control, "ArrowLeft" if control.input_value() == control.get_attribute("max") else "ArrowRight")
        assert control.get_attribute("aria-valuetext") != said
    if not sliders(page):
        move_one(page)
        page.locator(".rx input[type=radio]:checked").last.press("ArrowRight")
    assert pictures(page) != drawn
    assert seen(page) != before
    page.get_by_role("button", name="Reset").press("Enter")
    assert seen(page) == before


CONTROLS = ".rx-controls :is(.rx-control, .rx-toggle):visible"


@pytest.mark.parametrize("name", VARIANTS)
def test_at_most_six_controls_are_in_sight(show, name):
    page = show(VARIANTS[name]())
    for _ in each_option(page, ".rx-controls"):
        assert 1 <= page.locator(CONTROLS).count() <= 6


GIVEN = {"calibration": {"click share"}, "recorded": {"power", powers(0.5)["sentence"]}}  # in recordings
TEXTS = "label, legend, summary, button, caption, thead th, .rx-hint, .rx-title, .rx-note, .rx-sentence"


@pytest.mark.parametrize("name", DRAWN)
def test_texts_come_from_the_state_and_are_never_markup(show, name):
    explorer = DRAWN[name]()
    explorer.labels = {key: f"<b>§{text}</b>" for key, text in explorer.labels.items()}
    page = show(explorer)
    open_tables(page)
    found = page.locator(".rx").locator(TEXTS).all_text_contents()
    assert len(found) > 5
    foreign = {text for text in found if re.search("[a-z]{3}", text) and "§" not in text}
    assert foreign <= GIVEN.get(name, set())
    assert page.locator(".rx b", has_text="§").count() == 0
    named = page.get_by_role("img").evaluate_all("(all) => all.map((picture) => picture.ariaLabel)")
    assert all("§" in text for text in named if name != "recorded")
