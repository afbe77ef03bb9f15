"""The colours of the course: plotly figures, live figures and the book's style sheet read them here.

One colour per target, from the set of Okabe and Ito, which colour-blind readers tell apart. Colour is never
the only carrier of a distinction: line style, marker or label says the same.
"""

from bookwork.palette import DARK, FONT, LIGHT, NEUTRAL, Palette

__all__ = ["FONT", "GROUPS", "NEUTRAL", "PALETTE", "TARGET_COLOURS"]

TARGET_COLOURS: dict[str, str] = {
    "click": "#0072B2",
    "like": "#D55E00",
    "collect": "#009E73",
    "share": "#CC79A7",
    "watch_time": "#E69F00",
    "completion": "#56B4E9",
}
"""Colour of each target, the same in every figure, table and slider."""

GROUPS = ("#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#44BB99", "#AAAA00", "#99DDFF", "#BBCC33")
"""Pale fills for groups such as topics, never without a letter beside them: Paul Tol's light set."""

IN_THE_DARK = {"click": "#3D94E0", "completion": "#8ED1F7"}
"""Colours of targets on a dark page, where the blue of clicks is weak; the sky stays apart from it."""

PALETTE = Palette(
    series=TARGET_COLOURS, groups=GROUPS, themes={"light": LIGHT, "dark": {**DARK, **IN_THE_DARK}}
)
"""What ``bookwork_palette`` in ``_config.yml`` names, and what the live figures of the course wear."""
