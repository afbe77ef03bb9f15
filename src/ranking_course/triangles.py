"""Three shares that sum to 1 as places in a triangle: one triangle after another, each with its points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bookwork.figure.traces import DECORATION
from ranking import validation
from ranking_course.figures import Figure, new_figure
from ranking_course.palette import NEUTRAL, TARGET_COLOURS

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75]])
"""Of the first, second and third share, in a triangle of width 1, (shares, coordinates)."""

STEP = 1.25
"""From one triangle to the next, in widths of one."""


def triangle_figure(
    panels: Mapping[Any, ArrayLike],
    corners: Mapping[str, str],
    *,
    x: str,
    target: str = "click",
    height: int = 300,
    **texts: Any,
) -> Figure:
    """A triangle for each panel, a dot for each point in it: the nearer to a corner, the larger that share.

    What a reader is told and what the figure's table holds are the shares, not the places of the dots.

    Args:
        panels: what stands below a triangle -> the shares in it, shape (points, 3), rows that sum to 1.
        corners: what stands at the left, the right and the upper corner -> the name of that share.
        x: what the panels differ in: "training step".
        target: whose colour the dots take.
        height: in pixels, as in :func:`~ranking_course.figures.new_figure`.
        texts: ``title``, ``alt`` and ``caption``, as there.

    Raises:
        ValueError: if there is no panel, one has another shape, is below 0 or has rows that do not sum to 1,
            there are not three corners, or the target is unknown.
    """
    if not isinstance(panels, Mapping) or not panels:
        raise ValueError(f"panels must map at least one panel to its shares, got {panels!r:.80}")
    if len(validation.mapping("corners", corners, "corners to names of shares")) != 3:
        raise ValueError(f"corners must name three shares, got {len(corners)}: {', '.join(corners)}")
    validation.one_of("target", target, tuple(TARGET_COLOURS))
    shares = {panel: _checked(f"panels[{panel!r}]", rows) for panel, rows in panels.items()}
    figure = new_figure(x=x, y="shares", height=height, **texts)
    for number, (panel, rows) in enumerate(shares.items()):
        corner = CORNERS + np.array([number * STEP, 0.0])  # (shares, coordinates)
        _frame(figure, corner, list(corners))
        dots = rows @ corner  # (points, coordinates)
        said = [f"{name}: %{{customdata[{i}]:.2f}}" for i, name in enumerate(corners.values(), start=1)]
        figure.add_scatter(
            x=dots[:, 0],
            y=dots[:, 1],
            name=f"{x} {panel}",
            mode="markers",
            marker={"color": TARGET_COLOURS[target], "size": 9, "opacity": 0.7},
            customdata=[[panel, *row] for row in rows.tolist()],
            hovertemplate="<br>".join(said),
            meta={"customdata": [x, *corners.values()], "table": "customdata"},
        )
    middles = [0.5 + number * STEP for number in range(len(shares))]
    figure.update_xaxes(
        showgrid=False,
        range=[-0.15, 1.15 + STEP * (len(shares) - 1)],
        tickvals=middles,
        ticktext=[str(panel) for panel in shares],
    )
    unseen = {"title_text": "", "showgrid": False, "tickvals": [0], "ticktext": [""]}
    figure.update_yaxes(range=[-0.12, 0.87], **unseen)
    return figure


def _frame(figure: Figure, corner: np.ndarray, names: list[str]) -> None:
    """Draw one triangle and a name at each corner; corner: (shares, coordinates)."""
    ink = NEUTRAL["ink-soft"]
    drawn = {"meta": DECORATION, "hoverinfo": "skip", "name": "triangle"}
    closed = corner[[0, 1, 2, 0]]
    line = {"color": ink, "width": 1}
    figure.add_scatter(x=closed[:, 0], y=closed[:, 1], mode="lines", line=line, **drawn)
    figure.add_scatter(
        x=corner[:, 0],
        y=corner[:, 1],
        mode="text",
        text=names,
        textposition=["bottom center", "bottom center", "top center"],
        textfont={"size": 13, "color": ink},
        marker={"color": ink},
        **drawn,
    )


def _checked(name: str, shares: ArrayLike) -> np.ndarray:
    """The shares as an array, (points, 3)."""
    rows = validation.as_floats(name, shares)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise ValueError(f"{name} must have shape (points, 3), got {rows.shape}")
    validation.not_empty(name, rows)
    if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(f"{name} must hold shares from 0 to 1 that sum to 1 in each row")
    return rows
