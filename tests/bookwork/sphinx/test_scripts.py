from __future__ import annotations

from types import SimpleNamespace

import pytest

from bookwork.sphinx import scripts

STATE = {"type": scripts.WIDGET_STATE, "body": "{}"}


def asset(name: str | None, method: str = "", **attributes: str) -> SimpleNamespace:
    loading = {method: method} if method else {}
    return SimpleNamespace(filename=name, attributes={**attributes, **loading})


def chosen(body: str, *assets: SimpleNamespace) -> list[SimpleNamespace]:
    context = {"body": body, "script_files": list(assets)}
    scripts.choose_scripts(None, "page", "page.html", context, None)
    return context["script_files"]


@pytest.mark.parametrize(
    "unused",
    [
        asset(None, **STATE),
        asset("_static/clipboard.min.js"),
        asset("_static/copybutton.js"),
        asset("_static/togglebutton.js"),
        asset(None, body="let toggleHintShow = 'Click to show';"),
        asset("_static/design-tabs.js"),
        asset("_static/doctools.js"),
        asset(None, body="DOCUMENTATION_OPTIONS.pagename = 'x';"),
        asset("_static/scripts/sphinx-book-theme.js"),
    ],
    ids=lambda unused: str(unused.filename or unused.attributes["body"][:12]),
)
def test_a_page_does_not_load_what_it_has_no_use_for(unused):
    own = asset("_static/ranking/book.js")
    assert chosen("<p class='plain'>toggle</p>", unused, own) == [own]


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ('<div class="dropdown admonition">', asset("_static/togglebutton.js")),
        ('<div class="sd-tab-set docutils">', asset("_static/design-tabs.js")),
        ("", asset("_static/scripts/sphinx-book-theme.js", defer="defer")),
        ("", asset(None, body="window.x = 1;")),
    ],
)
def test_a_page_loads_what_it_uses(body, used):
    assert chosen(body, used) == [used]


def test_scripts_wait_for_the_page():
    late, free, said = asset("a.js"), asset("b.js", "async"), asset(None, body="x")
    chosen("", late, free, said)
    assert [one.attributes for one in (late, free, said)] == [
        {"defer": "defer"},
        {"async": "async"},
        {"body": "x"},
    ]
