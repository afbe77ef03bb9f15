from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from bookwork.sphinx import sheet
from bookwork.sphinx.icons import ICONS, icon_rules
from bookwork.sphinx.rules import reduced, words_of_markup, words_of_script

PAGE = '<div class="card open" id="main" data-theme="light"><a href="x">y unseen</a></div>'
WORDS = words_of_markup(PAGE)


@pytest.mark.parametrize(
    "rule",
    [
        ".card{color:red}",
        "#main>a:hover{color:red}",
        'html[data-theme=light] .card::before{content:"."}',
        ".card:not(.gone){color:red}",
        "@media print{.card{color:red}}",
        "body.scrolled .card{color:red}",
        ":root{color:red}",
    ],
)
def test_a_rule_that_may_be_used_stays(rule):
    assert reduced(rule, WORDS | {"scrolled"}) == rule


@pytest.mark.parametrize(
    "rule",
    [
        ".gone{color:red}",
        ".card .gone{color:red}",
        "table{color:red}",
        "#unseen{color:red}",
        "[data-other] .card{color:red}",
        "@media print{.gone{color:red}}",
        "@supports (display:grid){@media screen{.gone{color:red}}}",
        "@font-face{font-family:Nobody;src:url(a.woff2)}",
        "@keyframes spin{from{top:0}}",
        ":root{--nobody:1px}",
        '@charset "utf-8";',
    ],
)
def test_a_rule_that_nothing_can_use_goes(rule):
    assert reduced(rule, WORDS) == ""


def test_of_several_selectors_the_used_ones_stay():
    assert reduced(".gone,.card , .gone a{color:red}", WORDS) == ".card{color:red}"


def test_classes_that_a_script_sets_stay():
    words = WORDS | words_of_script('menu.classList.toggle("is-wide"); root.dataset.colourMode = "x"')
    css = ".is-wide{top:0}\n[data-colour-mode]{top:0}"
    assert reduced(css, words | {"data-colour-mode"}) == css
    assert "colour-mode" in words


def test_properties_and_fonts_stay_while_something_asks_for_them():
    css = (
        "@font-face{font-family:Own;src:url(a.woff2)}@keyframes turn{from{top:var(--c)}}"
        ":root{--a:var(--b);--b:Own;--c:0;--d:var(--e);--e:1}"
        ".card{font-family:var(--a);animation:turn 1s}"
    )
    assert reduced(css, WORDS).replace("\n", "") == css.replace(";--d:var(--e);--e:1", "")
    assert "--d:var(--e);--e:1" in reduced(css, WORDS, kept="x.style.top = 'var(--d)'")


def test_what_is_unwanted_goes_where_it_stands_alone():
    css = ".fa-x:before{content:'x'}\n.card .fa-x{top:0}\n:root{--fa-y:1}\n.card{top:var(--fa-y)}"
    words = WORDS | {"fa-x"}
    assert reduced(css, words, unwanted=sheet.ICON_FONT) == ".card .fa-x{top:0}\n.card{top:var(--fa-y)}"


def test_addresses_lead_to_the_same_files_from_the_joined_sheet(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "a.css").write_text('@import "../b.css";\n.x{background:url(../img/c.png)}')
    (tmp_path / "b.css").write_text(".y{background:url('d.png');mask:url(\"data:image/svg+xml,x\")}")
    text = sheet.sheet_text(tmp_path, "styles/a.css")
    assert re.findall(r"url\((.*?)\)", text) == ['"../d.png"', '"data:image/svg+xml,x"', '"../img/c.png"']
    assert sheet.sheet_text(tmp_path, "not-there.css") == ""


def test_what_is_not_a_local_sheet_for_all_media_stays_a_link():
    assert sheet.is_joined(SimpleNamespace(filename="_static/a.css", attributes={"rel": "stylesheet"}))
    for name, attributes in (
        ("https://elsewhere/a.css", {}),
        ("_static/a.css", {"media": "print"}),
        ("_static/icon.svg", {"rel": "icon"}),
    ):
        assert not sheet.is_joined(SimpleNamespace(filename=name, attributes=attributes))


def test_icons_are_rows_of_one_picture_without_an_address():
    rules = icon_rules()
    assert re.findall(r"--ranking-icon: (\d+);", rules) == [str(row) for row in range(len(ICONS))]
    assert rules.count("url(") == 1
    assert re.findall(r"translate\(0 (\d+)\)", rules) == [str(24 * row) for row in range(len(ICONS))]
    assert f"viewBox='0 0 24 {24 * len(ICONS)}'" in rules
    assert not re.search(r"#(?!svg)|<", rules)


def test_a_descendant_that_is_a_pseudo_class_stays_one():
    css = ".a :is(.b, .c) { top: 0 }\n.a:not(.b) { top: calc(1px + var(--d)) }\n.a > i :where(u) { left: 1px}"
    assert sheet.minified(css) == (
        ".a *:is(.b,.c){top:0}.a:not(.b){top:calc(1px + var(--d))}.a>i *:where(u){left:1px}"
    )
