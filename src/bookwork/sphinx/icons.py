"""The icons of the frame: lines on squares, used as masks in the colour of the text.

The theme marks them with classes of Font Awesome, whose fonts and scripts are half a megabyte.
"""

ICONS = {
    ".fa-bars, .fa-outdent": "M3 6h18M3 12h18M3 18h18",
    ".fa-list": "M9 6h12M9 12h12M9 18h12M4 6h.01M4 12h.01M4 18h.01",
    ".fa-magnifying-glass": "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5 21 21",
    ".fa-chevron-down, .onthispage": "m5 9 7 7 7-7",
    ".fa-angle-left": "m15 5-7 7 7 7",
    ".fa-angle-right": "m9 5 7 7-7 7",
    ".fa-arrow-up": "M12 20V5m-6 6 6-6 6 6",
    ".fa-download, .reference.download": "M12 3v12m-5-5 5 5 5-5M4 17v3h16v-3",
    ".fa-file": "M6 3h8l5 5v13H6zM14 3v5h5",
    ".fa-file-pdf, .fa-print": "M7 8V3h10v5M7 17H4V8h16v9h-3M7 14h10v7H7z",
    ".fa-expand": "M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5",
    ".fa-sun": "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2v2m0 16v2M2 12h2m16 0h2"
    "M5 5l1.4 1.4m11.2 11.2L19 19M5 19l1.4-1.4M17.6 6.4 19 5",
    ".fa-moon": "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
    ".fa-circle-half-stroke": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 3v18M15 4.6v14.8M18 7v10",
    ".fa-xmark": "m5 5 14 14M19 5 5 19",
    ".fa-home, .fa-house": "M3 11 12 4l9 7M6 9v11h12V9",
    ".fa-github, .fa-gitlab, .fa-bitbucket, .fa-code": "M6 4a2 2 0 1 0 0 4a2 2 0 1 0 0-4"
    "M6 16a2 2 0 1 0 0 4a2 2 0 1 0 0-4M18 4a2 2 0 1 0 0 4a2 2 0 1 0 0-4M6 8v8M18 8c0 6-12 2-12 8",
    ".fa-lightbulb, .admonition:is(.tip, .hint)": "M9 21h6m-6-4h6m-6 0c0-3-3-4-3-8a6 6 0 0 1 12 0"
    "c0 4-3 5-3 8",
    ".fa-pencil-alt, .fa-pencil, .admonition.todo": "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
    ".fa-rocket": "M5 19l3-8c2-5 7-8 12-7 1 5-2 10-7 12zM8 11l5 5M15 9h.01",
    ".external": "M10 5H5v14h14v-5M14 4h6v6m0-6-9 9",
    ".admonition": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v6M12 7.5h.01",
    ".admonition:is(.warning, .caution, .danger)": "M12 4 2.5 20h19zM12 10v5M12 17.5h.01",
    ".admonition:is(.attention, .important, .error)": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7v6"
    "M12 16.5h.01",
    ".admonition.seealso": "M4 18c0-7 5-9 12-9m-4-5 5 5-5 5",
    "button.copybtn": "M9 9h11v11H9zM15 5V4H4v11h1",
    "button.copybtn.is-copied": "m4 12.5 5.5 5.5L20 7",
}
"""Which elements have which icon, and the path that draws it."""

SIZE = 24

SPRITE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {size} {height}' fill='none' "
    "stroke='%23000' stroke-width='2.2' stroke-linecap='round' stroke-linejoin='round'%3E{paths}%3C/svg%3E"
)


def icon_rules() -> str:
    """Draw all icons below each other in one picture, and give every element the number of its own.

    A browser makes a document of each picture in a style sheet before it shows the page: so there is only
    one. ``css/icons.css`` says where icons are seen.
    """
    paths = "".join(
        f"%3Cpath transform='translate(0 {SIZE * row})' d='{path}'/%3E"
        for row, path in enumerate(ICONS.values())
    )
    sprite = SPRITE.format(size=SIZE, height=SIZE * len(ICONS), paths=paths)
    numbers = (f"{element} {{ --ranking-icon: {row}; }}" for row, element in enumerate(ICONS))
    return "\n".join((f':root {{ --ranking-icons: url("{sprite}"); }}', *numbers))
