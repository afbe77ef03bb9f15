"""Figures that Python draws: one plotly template, and helpers for the shapes that chapters share.

A figure is the last expression of its cell, with its alternative text and its caption in ``layout.meta``;
the built page shows them with the figure's data as a table, and recolours the inks for its theme.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from numpy.typing import ArrayLike

from bookwork.figure.jupyter import outputs_of
from ranking import validation
from ranking.evaluation.metrics import Reliability
from ranking_course.palette import FONT, NEUTRAL, PALETTE, TARGET_COLOURS

ROLES: dict[str, dict[str, object]] = {
    "plain": {"width": 2.5},
    "raw": {"width": 1.75, "dash": "dot"},
    "calibrated": {"width": 3.5},
    "truth": {"width": 2, "dash": "dash"},
}
"""Line style of each role: raw predictions thin and dotted, calibrated ones bold, truth dashed and in ink."""

FAINT_LINES = 12
"""How many seeds are drawn as lines of their own; more of them become a band."""

_PIECES = {"solid": "─", "dash": "╌", "dot": "┈", "dashdot": "─·", "longdash": "─ ", "longdashdot": "─ ·"}
_BOLD_PIECES = {
    "solid": "━",
    "dash": "╍",
    "dot": "┉",
    "dashdot": "━·",
    "longdash": "━ ",
    "longdashdot": "━ ·",
}
_BOLD = 3  # px

DIRECT_LABEL = "direct label"
"""What ``meta`` of a trace says that labels the one before it; in pages a list replaces it on a phone."""

ELSEWHERE = set(
    "PLOTLY_RENDERER COLAB_NOTEBOOK_ID KAGGLE_KERNEL_RUN_TYPE AZURE_NOTEBOOKS_HOST VSCODE_PID "
    "NTERACT_EXE COCALC_PROJECT_ID DATABRICKS_RUNTIME_VERSION".split()
)
"""Environment variables by which plotly knows notebooks other than Jupyter's, or is told what to do."""

_AXIS = {
    "automargin": True,
    "gridcolor": NEUTRAL["grid"],
    "linecolor": NEUTRAL["ink-soft"],
    "showline": True,
    "tickcolor": NEUTRAL["ink-soft"],
    "tickfont": {"color": NEUTRAL["ink-soft"], "size": 13},
    "ticks": "outside",
    "title": {"font": {"color": NEUTRAL["ink"], "size": 14}, "standoff": 10},
    "zeroline": False,
}

_NOT_NAMED = {"showlegend": False, "hoverinfo": "skip"}

_POWERS = [factor * 10.0**power for power in range(-6, 7) for factor in (1, 2, 5)]
_LOG_TICKS = {"tickmode": "array", "tickvals": _POWERS, "ticktext": [f"{value:g}" for value in _POWERS]}

template = go.layout.Template(
    layout={
        "colorway": list(TARGET_COLOURS.values()),
        "dragmode": False,  # a finger that scrolls the page must not zoom the figure
        "font": {"color": NEUTRAL["ink"], "family": FONT, "size": 14},
        "height": 400,
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.22, "yanchor": "top"},
        "margin": {"b": 56, "l": 56, "r": 16, "t": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "title": {"font": {"size": 16}, "x": 0, "xanchor": "left", "xref": "paper", "y": 0.97},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
)
"""The look of every figure: transparent ground, system fonts, no zoom by dragging."""

pio.templates["ranking"] = template


class Figure(go.Figure):
    """A figure that a Jupyter kernel shows at once.

    The first time that plotly shows a figure, it loads the tools for every place there may be, which takes
    more than a second. Jupyter needs none of them, and is given what plotly would give it, HTML for viewers
    without plotly, and the caption below it. Elsewhere (a place in ``ELSEWHERE``, a terminal, a renderer that
    somebody chose), plotly's own way is taken.
    """

    def _ipython_display_(self) -> None:
        from IPython import display, get_ipython

        in_jupyter = type(get_ipython()).__module__.startswith("ipykernel.")
        if not in_jupyter or ELSEWHERE & os.environ.keys() or "plotly.io._renderers" in sys.modules:
            super()._ipython_display_()
        else:
            for output in outputs_of(json.loads(self.to_json()), PALETTE):
                display.display(output, raw=True)

    def line(
        self,
        x: ArrayLike,
        y: ArrayLike,
        name: str,
        *,
        target: str | None = None,
        role: str = "plain",
        label_at: str = "middle",
        dash: str | None = None,
    ) -> Self:
        """Add one line with its name written at its right end, and return the figure.

        Args:
            x: shape (points,).
            y: shape (points,).
            name: the direct label.
            target: whose colour the line takes ("click", "like", ...); None, and the role "truth", for ink.
            role: "plain", "raw" (thin), "calibrated" (bold) or "truth" (dashed).
            label_at: "top", "middle" or "bottom" of the line's end, so that labels keep apart.
            dash: "solid", "dash", "dot", "dashdot", "longdash" or "longdashdot"; None for that of the role.

        Raises:
            ValueError: if the shapes differ, there is no point, a value cannot be drawn on a logarithmic
                axis, or target, role, dash or place of the label is unknown; the figure is then as it was.
        """
        x_values, y_values = validation.as_floats("x", x), validation.as_floats("y", y)
        validation.same_shape(x=x_values, y=y_values)
        _check_points(self, x_values, "y", y_values)
        line = _style(target, role, label_at)
        if dash is not None:
            line["dash"] = validation.one_of("dash", dash, tuple(_PIECES))
        self.add_scatter(x=x_values, y=y_values, name=name, mode="lines", line=line)
        return self._label_end(x_values, y_values, name, line, label_at)

    def seeds(
        self,
        x: ArrayLike,
        values: ArrayLike,
        name: str,
        *,
        target: str | None = None,
        role: str = "plain",
        label_at: str = "middle",
    ) -> Self:
        """Add the seeds' median, marked and labelled, over what they spread; return the figure.

        Up to :data:`FAINT_LINES` seeds are a faint line each. Of more of them, which would hide each other, a
        band shows where the middle 80% lie at each point, from the 10% to the 90% quantile; a single seed can
        no longer be followed.

        Args:
            x: shape (points,).
            values: shape (seeds, points).
            name: the direct label.
            target: whose colour all take, as in :meth:`line`.
            role: of the median's line, as in :meth:`line`; the seeds' lines are thin and solid.
            label_at: as in :meth:`line`.

        Raises:
            ValueError: if ``values`` is not (seeds, points) for these points, and as in :meth:`line`.
        """
        x_values, runs = validation.as_floats("x", x), validation.as_floats("values", values)
        _check_points(self, x_values, "values", runs)
        validation.not_empty("values", runs)
        if runs.ndim != 2 or x_values.shape != runs.shape[1:]:
            raise ValueError(
                f"values must have shape (seeds, points) for x of shape {x_values.shape}, got {runs.shape}"
            )
        line = _style(target, role, label_at)
        median = np.median(runs, axis=0)  # (points,)
        said: dict[str, Any] = {}
        if len(runs) > FAINT_LINES:
            said = self._band(x_values, runs, name, line["color"])
        else:
            faint = {"color": line["color"], "width": 1}
            for number, run in enumerate(runs, start=1):  # run: (points,)
                seed = f"{name}, seed {number}"
                self.add_scatter(
                    x=x_values, y=run, name=seed, mode="lines", line=faint, opacity=0.4, **_NOT_NAMED
                )
        self.add_scatter(
            x=x_values,
            y=median,
            name=f"{name}, median" if len(runs) > 1 else name,
            mode="lines+markers",
            line=line,
            marker={"size": 7},
            **said,
        )
        return self._label_end(x_values, median, name, line, label_at, marker="●")

    def _band(self, x: np.ndarray, runs: np.ndarray, name: str, colour: str) -> dict[str, Any]:
        """Draw where the middle 80% of the runs lie; give what their median says of it.

        runs: (seeds, points).
        """
        low, high = np.quantile(runs, [0.1, 0.9], axis=0)  # (points,) each
        edge = {"mode": "lines", "line": {"color": colour, "width": 0}, **_NOT_NAMED}
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        self.add_scatter(x=x, y=low, name=f"{name}, 10%", **edge)
        filled = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.2)"}
        self.add_scatter(x=x, y=high, name=f"{name}, 90%", **edge, **filled)
        quantiles = "%{customdata[0]:.3g} to %{customdata[1]:.3g}"
        return {
            "customdata": np.stack([low, high], axis=1),
            "hovertemplate": f"at %{{x:.4g}}: median %{{y:.3g}}<br>10% to 90%: {quantiles}",
        }

    def _label_end(
        self,
        x: np.ndarray,
        y: np.ndarray,
        name: str,
        line: Mapping[str, Any],
        place: str,
        *,
        marker: str = "",
    ) -> Self:
        """Write ``name`` right of the point that is drawn furthest to the right; x, y: (points,).

        Before it stands what its line looks like, as well as letters can tell.
        """
        pieces = _BOLD_PIECES if line["width"] >= _BOLD else _PIECES
        piece = pieces[line.get("dash", "solid")]
        sample = f"{piece}{marker}{piece}" if marker else piece * (2 if len(piece) > 1 else 3)
        falling = self.layout.xaxis.autorange == "reversed"
        last = int(np.argmin(x) if falling else np.argmax(x))
        self.add_scatter(
            x=x[last : last + 1],
            y=y[last : last + 1],
            name=f"label of {name}",
            mode="markers+text",  # the marker is not seen: its size keeps a text above and one below apart
            marker={"size": 5, "opacity": 0},
            text=[f'  <span style="color:{line["color"]}">{sample}</span> {name}'],  # the text in ink
            textposition=f"{place} right",
            cliponaxis=False,
            meta=DIRECT_LABEL,
            **_NOT_NAMED,
        )
        width = 52 + sum(14 if unicodedata.east_asian_width(letter) in "WF" else 7.6 for letter in name)
        self.update_layout(margin_r=max(self.layout.margin.r or 0, round(width)))
        return self


def new_figure(
    *, title: str, alt: str, caption: str, x: str, y: str, height: int = 400, **axes: bool
) -> Figure:
    """An empty figure in the style of the course.

    Args:
        title: a short statement of what is seen, above the figure.
        alt: what a reader who cannot see the figure needs to know from it.
        caption: one or two sentences below the figure, Markdown with ``$maths$``, for the built page.
        x: title of the horizontal axis, unit included: "sampling rate α".
        y: title of the vertical axis, unit included.
        height: in pixels; the width follows the page.
        axes: ``x_log=True``, ``y_log=True`` for logarithmic axes, ``x_reversed=True`` for one that falls from
            left to right.

    Raises:
        ValueError: if a text is empty, or ``axes`` holds another name.
    """
    for name, text in {"title": title, "alt": alt, "caption": caption, "x": x, "y": y}.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name} must be a text that is not empty, got {text!r}")
    for name in axes:
        validation.one_of("axes", name, ("x_log", "y_log", "x_reversed"))
    figure = Figure(
        layout={
            "template": template,
            "title": {"text": title},
            "height": validation.positive_int("height", height),
            "meta": {"alt": alt, "caption": caption},
            "showlegend": False,
            "xaxis": {"title": {"text": x}},
            "yaxis": {"title": {"text": y}},
        }
    )
    for name, update in (("x_log", figure.update_xaxes), ("y_log", figure.update_yaxes)):
        if axes.get(name):
            update(type="log", **_LOG_TICKS)
    if axes.get("x_reversed"):
        figure.update_xaxes(autorange="reversed")
    return figure


def reliability_figure(
    diagrams: Mapping[str, Reliability],
    *,
    target: str = "click",
    roles: Mapping[str, str] | None = None,
    **texts: Any,
) -> Figure:
    """A reliability diagram: mean prediction against observed rate, bin by bin, beside the dashed diagonal.

    Args:
        diagrams: name -> bins from :func:`~ranking.evaluation.metrics.reliability`. Empty bins are left out.
        target: whose colour the curves take.
        roles: name -> "raw" or "calibrated" (or another role), so that the curves differ in width and marker.
        texts: ``title``, ``alt`` and ``caption``, as in :func:`new_figure`.

    Raises:
        ValueError: if ``diagrams`` is empty or holds one with empty bins only, or ``roles`` names a curve
            that is not there.
    """
    if not diagrams:
        raise ValueError("diagrams must not be empty")
    curves: dict[str, list[np.ndarray]] = {}
    for name, diagram in diagrams.items():
        filled = diagram.count > 0
        if not filled.any():
            raise ValueError(f"diagrams[{name!r}] must have at least one bin that holds rows")
        curves[name] = [part[filled] for part in (diagram.predicted, diagram.observed, diagram.count)]
    roles = roles or {}
    for name in roles:
        validation.one_of("roles", name, tuple(diagrams))
    figure = new_figure(x="mean prediction in the bin", y="observed rate in the bin", **texts)
    top = max(float(np.max([x, y])) for x, y, _ in curves.values())
    figure.line([0.0, top], [0.0, top], "perfect", role="truth")
    for name, (x, y, rows) in curves.items():  # each (filled bins,)
        role = roles.get(name, "plain")
        line = _style(target, role, "middle")
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers",
            line=line,
            marker={
                "size": 5 + 11 * np.sqrt(rows / rows.max()),
                "symbol": "circle-open" if role == "raw" else "circle",
                "opacity": 1,
                "line": {"width": 2 if role == "raw" else 0},
            },
            customdata=rows,
            hovertemplate="predicted %{x:.3f}, observed %{y:.3f}, %{customdata:.0f} rows",
            meta={"customdata": "rows"},
        )
        figure._label_end(x, y, name, line, "middle", marker="○" if role == "raw" else "●")
    return figure


def _check_points(figure: go.Figure, x: np.ndarray, name: str, values: np.ndarray) -> None:
    """There are points in a row, and each can be drawn on the figure's axes."""
    if x.ndim != 1:
        raise ValueError(f"x must have shape (points,), got {x.shape}")
    validation.not_empty("x", x)
    for label, numbers, axis in (("x", x, figure.layout.xaxis), (name, values, figure.layout.yaxis)):
        if axis.type == "log" and (numbers <= 0.0).any():
            raise ValueError(f"{label} must be above 0 on a logarithmic axis, got {numbers.min()}")


def _style(target: str | None, role: str, label_at: str) -> dict[str, Any]:
    """Plotly's line style of a curve, once all three are known to be allowed."""
    validation.one_of("role", role, tuple(ROLES))
    validation.one_of("label_at", label_at, ("top", "middle", "bottom"))
    if target is not None:
        validation.one_of("target", target, tuple(TARGET_COLOURS))
    colour = NEUTRAL["ink"] if target is None or role == "truth" else TARGET_COLOURS[target]
    return {"color": colour, **ROLES[role]}
