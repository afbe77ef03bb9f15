from __future__ import annotations

import re

import pytest

from bookwork.palette import DEFAULT
from ranking_course.palette import GROUPS, NEUTRAL, PALETTE, TARGET_COLOURS

THEMES = PALETTE.themes


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2 for #RRGGBB."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ink", ["ink", "ink-soft", "accent"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_text_is_readable_in_both_themes(theme, ink, ground):
    assert contrast(THEMES[theme][ink], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("ground", ["#FFFFFF", "#111111"])  # JupyterLab's light and dark pages
@pytest.mark.parametrize("name", ["ink", "ink-soft"])
def test_stand_ins_are_readable_where_nothing_recolours_them(name, ground):
    assert contrast(NEUTRAL[name], ground) >= 4.0


@pytest.mark.parametrize("palette", [PALETTE, DEFAULT], ids=["course", "default"])
def test_series_are_seen_well_on_a_dark_page(palette):
    declared = dict(re.findall(r"--ranking-([\w-]+): ([^;]+);", palette.css_variables("dark")))
    names = [name.replace("_", "-") for name in palette.series]
    assert min(contrast(declared[name], declared["paper"]) for name in names) >= 4.5
    assert len({declared[name] for name in names}) == len(names)


def test_groups_carry_dark_letters():
    assert min(contrast(colour, THEMES["light"]["ink"]) for colour in GROUPS) >= 4.5
    assert not set(GROUPS) & set(TARGET_COLOURS.values())


def test_themes_name_the_same_inks():
    assert THEMES["light"].keys() == THEMES["dark"].keys() - TARGET_COLOURS.keys()
    assert NEUTRAL.keys() <= THEMES["light"].keys()


def test_stand_ins_differ_so_that_each_can_be_replaced():
    assert len({*NEUTRAL.values(), *TARGET_COLOURS.values()}) == len(NEUTRAL) + len(TARGET_COLOURS)


def test_style_variables_name_every_colour():
    declared = dict(re.findall(r"--ranking-([\w-]+): ([^;]+);", PALETTE.css_variables("dark")))
    assert declared["watch-time"] == "#E69F00"
    assert declared["ink"] == THEMES["dark"]["ink"]
    assert declared["click"] == THEMES["dark"]["click"] != TARGET_COLOURS["click"]
    assert f"--ranking-click: {TARGET_COLOURS['click']};" in PALETTE.css_variables("light")
    assert len(declared) == len(TARGET_COLOURS) + len(GROUPS) + len(THEMES["light"]) + 1


def test_unknown_theme_is_refused():
    with pytest.raises(ValueError, match="theme must be one of 'light', 'dark', got 'blue'"):
        PALETTE.css_variables("blue")
