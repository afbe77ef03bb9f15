"""The colours of a book: its pages, its live figures and its plotly figures read them from one palette.

Colour is never the only carrier of a distinction: line style, marker or label says the same.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from bookwork.arguments import one_of

_INKS = ("ink", "ink-soft", "grid", "paper", "panel", "accent")
LIGHT = dict(zip(_INKS, ("#1B1F24", "#57606A", "#E3E6EA", "#FFFFFF", "#F6F8FA", "#005A8F"), strict=True))
DARK = dict(zip(_INKS, ("#F0F3F6", "#AEB6BF", "#343A42", "#121417", "#1C2026", "#7CC4F0"), strict=True))
NEUTRAL = {"ink": "#767C82", "ink-soft": "#777D83", "grid": "rgba(128,134,140,0.25)"}
FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
"""System fonts with a Chinese fallback; no font is ever fetched. A browser asks for each at every size."""


@dataclass(frozen=True, eq=False)
class Palette:
    """All colours of a book, and its font.

    Attributes:
        series: colour of each thing that figures tell apart, by name; an underscore in a name is a hyphen in
            the name of its style variable.
        groups: pale fills for groups of things, never without a letter beside them.
        themes: for "light" and "dark": ink (text, the truth in figures), ink-soft (axes), grid (lines),
            paper (page), panel, accent (links and focus). A theme may also name series whose colours are
            others there: one that is strong on white may be weak on black.
        neutral: stand-ins for the inks of a theme, readable on white and on black alike. A figure is stored
            once and shown in both themes, also where nothing can recolour it (JupyterLab); the built page
            replaces each of these colours by the one of the same name in its theme.
        font: fonts of a system, in CSS.
    """

    series: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    themes: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"light": LIGHT, "dark": DARK})
    neutral: Mapping[str, str] = field(default_factory=lambda: NEUTRAL)
    font: str = FONT

    def __post_init__(self) -> None:
        inks = {theme: set(colours) - set(self.series) for theme, colours in self.themes.items()}
        if inks != {"light": set(LIGHT), "dark": set(LIGHT)} or not set(self.neutral) <= set(LIGHT):
            wanted = f"light and dark with the inks {', '.join(LIGHT)} each, and neutral of these"
            raise ValueError(f"themes must be {wanted}; got {self.themes} and {self.neutral}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the colours that a series of a live figure may have: the series', then the inks."""
        return (*(name.replace("_", "-") for name in self.series), *LIGHT)

    def css_variables(self, theme: str) -> str:
        """Declarations of custom properties for the theme "light" or "dark", without a selector.

        ``--ranking-ink: #1B1F24; ...``, groups as ``--ranking-group-1`` and so on, and ``--ranking-font``.
        """
        colours = {**self.series, **self.themes[one_of("theme", theme, tuple(self.themes))]}
        colours = {name.replace("_", "-"): colour for name, colour in colours.items()}
        colours |= {f"group-{i}": colour for i, colour in enumerate(self.groups, start=1)}
        colours["font"] = self.font
        return " ".join(f"--ranking-{name}: {value};" for name, value in colours.items())


_NAMES = ("blue", "vermilion", "green", "purple", "orange", "sky")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DEFAULT = Palette(
    series=dict(zip(_NAMES, _COLOURS, strict=True)),
    themes={"light": LIGHT, "dark": {**DARK, "blue": "#3D94E0", "sky": "#8ED1F7"}},
)
"""Of a book that names none: the set of Okabe and Ito, which colour-blind readers tell apart."""


def palette_named(reference: str) -> Palette:
    """The palette at ``"module:NAME"``, else a ValueError; :data:`DEFAULT` for an empty text."""
    if not reference:
        return DEFAULT
    try:
        found = pkgutil.resolve_name(reference)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"palette must be named as 'module:NAME', got {reference!r}: {error}") from error
    if not isinstance(found, Palette):
        raise ValueError(f"palette must name a bookwork.palette.Palette, got {reference!r}: {found!r:.80}")
    return found
