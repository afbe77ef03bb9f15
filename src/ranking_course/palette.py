"""The colours of the course: plotly figures, live figures and the book's style sheet read them here.

One colour per target, from the set of Okabe and Ito, which colour-blind readers tell apart. Colour is never
the only carrier of a distinction: line style, marker or label says the same.
"""

from __future__ import annotations

TARGETS: dict[str, str] = {
    "click": "#0072B2",
    "like": "#D55E00",
    "collect": "#009E73",
    "share": "#CC79A7",
    "watch_time": "#E69F00",
    "completion": "#56B4E9",
}
"""Colour of each target, the same in every figure, table and slider."""

GROUPS: tuple[str, ...] = (
    "#77AADD",
    "#EE8866",
    "#EEDD88",
    "#FFAABB",
    "#44BB99",
    "#AAAA00",
    "#99DDFF",
    "#BBCC33",
)
"""Pale fills for groups such as topics, never without a letter beside them: Paul Tol's light set."""

THEMES: dict[str, dict[str, str]] = {
    "light": {
        "ink": "#1B1F24",
        "ink-soft": "#57606A",
        "grid": "#E3E6EA",
        "paper": "#FFFFFF",
        "panel": "#F6F8FA",
        "accent": "#005A8F",
    },
    "dark": {
        "ink": "#F0F3F6",
        "ink-soft": "#AEB6BF",
        "grid": "#343A42",
        "paper": "#121417",
        "panel": "#1C2026",
        "accent": "#7CC4F0",
    },
}
"""Per theme: ink (text, the truth in figures), soft ink (axes), grid lines, page, panel, links and focus."""

NEUTRAL: dict[str, str] = {
    "ink": "#767C82",
    "ink-soft": "#777D83",
    "grid": "rgba(128,134,140,0.25)",
}
"""Stand-ins for the inks of a theme, readable on white and on black alike.

A figure is stored once and shown in both themes, also where nothing can recolour it (JupyterLab). The built
page replaces each of these colours by the one of the same name in its theme.
"""

FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, '
    '"PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", '
    '"Droid Sans Fallback", sans-serif'
)
"""System fonts with a Chinese fallback; no font is ever fetched."""


def css_variables(theme: str) -> str:
    """Declarations of custom properties for one theme, ``--ranking-ink: #1B1F24; ...``, without a selector.

    Targets are named ``--ranking-click`` and so on, with hyphens for underscores; groups
    ``--ranking-group-1`` and so on.

    Raises:
        ValueError: if ``theme`` is neither "light" nor "dark".
    """
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(map(repr, THEMES))}, got {theme!r}")
    names = {**{name.replace("_", "-"): colour for name, colour in TARGETS.items()}, **THEMES[theme]}
    names |= {f"group-{i}": colour for i, colour in enumerate(GROUPS, start=1)}
    declarations = [f"--ranking-{name}: {colour};" for name, colour in names.items()]
    return " ".join([*declarations, f"--ranking-font: {FONT};"])
