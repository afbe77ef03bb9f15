"""The place of an explorer in a page, and the scripts of large states."""

from __future__ import annotations

import json
import re

import pytest

from bookwork.explorer import bundle
from bookwork.palette import DEFAULT
from bookwork.sphinx.heights import UNKNOWN, heights_of
from bookwork.sphinx.place import LIMIT_BYTES, explorer_html, light_html

PACKAGES = ["ranking_course"]
LARGE = {"labels": {"title": "Gates & <more>"}, "step": 3, "recorded": "</script>" * LIMIT_BYTES}


def entry(state, **more):
    return {"module": "gates", "state": state, "alt": "Two & sliders", "caption": "", **more}


def held(script: str) -> tuple[str, object]:
    """Name and state of a script."""
    name, packed = re.fullmatch(
        r"\(globalThis\.rankingStates \?\?= \{\}\)\['(\w+)'\] = (.*);\n", script
    ).groups()
    return name, json.loads(json.loads(packed))


def test_a_small_state_is_part_of_the_page():
    html, scripts = light_html(entry({"step": 3}))
    assert scripts == {}
    assert html == explorer_html(entry({"step": 3}))
    assert '<script type="application/json">{"step":3}</script>' in html
    assert "<noscript><p>Two &amp; sliders</p></noscript>" in html


def test_a_large_state_is_a_script_beside_it():
    html, scripts = light_html(entry(LARGE))
    ((name, script),) = scripts.items()
    assert held(script) == (name, LARGE)
    assert f'data-state="{name}"' in html
    assert 'data-waiting="Loading: Gates &amp; &lt;more&gt;"' in html
    assert len(html) < 1000


@pytest.mark.browser
@pytest.mark.parametrize(("scripts", "shown"), [(True, '"Loading: Gates & <more>"'), (False, "none")])
def test_that_it_loads_is_said_only_where_scripts_run(chromium, tmp_path, scripts, shown):
    html, _ = light_html(entry(LARGE))
    context = chromium.new_context(java_script_enabled=scripts)
    page = context.new_page()
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><style>{bundle.stylesheet(DEFAULT)}</style>{html}", encoding="utf-8")
    page.goto(path.as_uri())
    place = page.locator(".ranking-explorer")
    assert place.evaluate("(place) => getComputedStyle(place, '::before').content") == shown
    assert page.locator("noscript p").is_visible() is not scripts
    context.close()


def test_what_comes_later_is_only_what_differs():
    html, scripts = light_html(entry(LARGE, first={**LARGE, "recorded": "some"}))
    ((name, script),) = scripts.items()
    assert held(script) == (name, {"recorded": LARGE["recorded"]})
    assert f'data-rest="{name}"' in html
    assert "data-state" not in html
    assert '"recorded":"some"' in html
    html, scripts = light_html(entry(LARGE, first={**LARGE, "step": 4}))
    first, rest = scripts
    assert f'data-state="{first}"' in html
    assert held(scripts[first])[1]["step"] == 4
    assert held(scripts[rest])[1] == {"step": 3}


def test_heights_are_those_of_the_module():
    told = bundle.heights("ranking_course", "gates")[""]
    assert list(heights_of(entry({}), PACKAGES)) == told
    assert f'style="--h336: {told[0]}; ' in explorer_html(entry({}), told)
    assert "style" not in explorer_html(entry({}))  # of a slide
    calibration = {"module": "calibration", "state": {"recorded": None}}
    told = bundle.heights("ranking_course", "calibration")
    assert list(heights_of(calibration, PACKAGES)) == told[""]
    calibration["state"]["recorded"] = {"rates": [1]}
    assert list(heights_of(calibration, PACKAGES)) == told["recorded"] != told[""]


def test_what_tells_no_height_has_a_usual_one(monkeypatch):
    monkeypatch.setattr(bundle, "heights", lambda package, module: {"recorded": [1, 2, 3, 4, 5, 6]})
    assert heights_of({"module": "gates", "state": {"recorded": None}}, PACKAGES) == UNKNOWN


def test_a_longer_quiz_is_higher():
    question = {"text": "Which one? " * 9, "options": [{"text": "This one."}] * 3}
    one, two = ({"module": "quiz", "state": {"questions": [question] * count}} for count in (1, 2))
    for low, high in zip(heights_of(one, PACKAGES), heights_of(two, PACKAGES), strict=True):
        assert 150 < high - low < 400


def test_heights_must_be_at_all_widths(tmp_path, monkeypatch):
    (tmp_path / "wrong" / "js").mkdir(parents=True)
    (tmp_path / "wrong" / "__init__.py").touch()
    (tmp_path / "wrong" / "js" / "odd.js").write_text('export default {\n  heights: { "": [1, 2] },\n};\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"heights\[''\] of odd.js must be at widths \(336, .* got \[1, 2\]"):
        bundle.heights("wrong", "odd")
