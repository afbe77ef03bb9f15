"""Bundles: one self-contained module or script per explorer, and modules that keep to what can be bundled."""

from __future__ import annotations

import re

import pytest
from gallery import GALLERY

from bookwork.explorer import bundle
from ranking_course.palette import TARGETS, THEMES


def test_modules_are_the_explorers_of_the_gallery():
    """Where the gallery has it, an explorer is also driven in JupyterLab and in the benchmark."""
    assert bundle.modules() == tuple(sorted(GALLERY))
    assert {name: make().module for name, make in GALLERY.items()} == {name: name for name in GALLERY}


@pytest.mark.parametrize("name", bundle.modules())
def test_widget_module_is_self_contained(name):
    module = bundle.widget_module(name)
    assert not re.search(r"^import\b", module, re.MULTILINE)
    assert re.findall(r"^export .*$", module, re.MULTILINE) == [
        line for line in module.splitlines() if line.startswith("export default {")
    ]
    assert len(re.findall(r"^export default \{", module, re.MULTILINE)) == 1


@pytest.mark.parametrize("name", bundle.modules())
def test_page_script_is_a_classic_script(name):
    script = bundle.page_script(name)
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    assert script.rstrip().endswith("})();")
    assert f'register("{name}"' in script


def test_no_script_ends_the_element_that_holds_it():
    for text in (bundle.page_runtime(), *map(bundle.page_script, bundle.modules())):
        assert "</script" not in text
        assert "innerHTML" not in text


@pytest.mark.parametrize("name", ["chart", "runtime", "nothing", "../calibration"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=f"name must be one of {', '.join(map(repr, bundle.modules()))}"):
        bundle.page_script(name)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('import { a } from "d3";\nexport default {};\n', "may only import"),
        ("export const a = 1;\nexport default {};\n", "may only import"),
        ("const a = 1;\n", "exactly one"),
        ("export default function () {}\n", "exactly one"),
    ],
)
def test_a_module_that_cannot_be_bundled_is_refused(monkeypatch, source, message):
    real = bundle._source
    monkeypatch.setattr(bundle, "_source", lambda file: source if file == "recorded.js" else real(file))
    bundle._definition.cache_clear()
    with pytest.raises(ValueError, match=message):
        bundle.widget_module("recorded")
    bundle._definition.cache_clear()


def test_stylesheet_holds_the_palette_of_both_themes():
    css = bundle.stylesheet()
    for colour in [*TARGETS.values(), *THEMES["light"].values(), *THEMES["dark"].values()]:
        assert colour in css
    assert 'html[data-theme="dark"] .rx' in css
    assert 'body[data-jp-theme-light="false"] .rx' in css
    assert "url(" not in css
