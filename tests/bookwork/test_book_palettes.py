from __future__ import annotations

import pytest

from bookwork.palette import DEFAULT, LIGHT, Palette, palette_named
from ranking_course.palette import PALETTE


def test_a_palette_is_found_by_its_name():
    assert palette_named("ranking_course.palette:PALETTE") is PALETTE
    assert palette_named("") is DEFAULT


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nowhere:PALETTE", "must be named as 'module:NAME', got 'nowhere:PALETTE'"),
        ("bookwork.palette:NONE", "must be named as 'module:NAME'"),
        ("a palette", "must be named as 'module:NAME'"),
        ("bookwork.palette:FONT", r"must name a bookwork.palette.Palette, got 'bookwork.palette:FONT'"),
    ],
)
def test_what_is_no_palette_is_refused(reference, message):
    with pytest.raises(ValueError, match=message):
        palette_named(reference)


@pytest.mark.parametrize("themes", [{}, {"light": LIGHT}, {"light": LIGHT, "dark": {"ink": "#FFFFFF"}}])
def test_themes_without_all_inks_are_refused(themes):
    with pytest.raises(ValueError, match=r"themes must be light and dark with the inks ink, ink-soft"):
        Palette(themes=themes)


def test_names_are_those_of_style_variables():
    assert PALETTE.names[:6] == ("click", "like", "collect", "share", "watch-time", "completion")
    assert PALETTE.names[6:] == tuple(LIGHT)
