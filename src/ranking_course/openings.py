"""Pictures with which chapters open, where drawing them takes more lines than a page should hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ranking.evaluation import margin
from ranking.logs import TARGETS
from ranking_course.figures import Figure, new_figure
from ranking_course.palette import NEUTRAL, TARGET_COLOURS

STAGES = ("catalogue", "retrieval", "pre-ranking", "ranking", "re-ranking")


def lost_at(fate: Mapping[str, Any], kept: int) -> int | None:
    """Position in :data:`STAGES` of the stage that lost an item; None where it was shown."""
    place = fate["place"]
    if not fate["found_by"]:
        return 1
    if place["pre_ranking"] > kept:
        return 2
    return 4 if place["re_ranking"] is None else None


def _why(fate: Mapping[str, Any], lost: int | None, candidates: int, kept: int) -> str:
    """What became of an item, in a few words."""
    place, (*names, last) = fate["place"], fate["found_by"] or [""]
    found = f"{', '.join(names)} and {last}" if names else last
    if lost is None:
        return f"found by {found}, shown at place {place['re_ranking']}"
    if lost == 1:
        return "no channel found it"
    if lost == 2:
        return f"found by {found}; pre-ranking put it at place {place['pre_ranking']:,} of {candidates:,}"
    return f"found by {found}; ranking put it at place {place['ranking']} of {kept}, and it was not chosen"


def where_the_best_go(request: Mapping[str, Any]) -> Figure:
    """The truly best items of one request, a row each, and the stage at which each is lost.

    Args:
        request: ``{"left": {stage: how many items it leaves}, "best": [fates]}``, the catalogue first, as
            ``experiments.funnel.one_request`` records it.
    """
    best, sizes = request["best"], list(request["left"].values())
    candidates, kept = sizes[1], sizes[2]
    lost = {id(fate): lost_at(fate, kept) for fate in best}
    rows = sorted(best, key=lambda fate: -(lost[id(fate)] or len(STAGES)))  # of equals the best first
    left = [sum((lost[id(fate)] or len(STAGES)) > stage for fate in best) for stage in range(len(STAGES))]
    figure = new_figure(
        title="Thirty items are the best for one user. Where do they go?",
        alt="A row for each of the thirty truly best items, a column for each stage. Still there: "
        + ", ".join(f"{n} after {stage}" for n, stage in zip(left[1:], STAGES[1:], strict=True))
        + ".",
        caption="One request in a simulated world. A row is an item, with its topic: a dot where it is still "
        "there, a cross where it is lost.",
        x="stage, and how many items it leaves",
        y="the thirty best items, by topic",
        height=560,
    )
    for name, symbol, colour in (("still there", "circle", "click"), ("lost here", "x", "like")):
        x, y, said = [], [], []
        for row, fate in enumerate(rows):
            end = lost[id(fate)]
            until = range(end or len(STAGES)) if name == "still there" else [end] if end else []
            x += list(until)
            y += [-row] * len(until)
            said += [f"{fate['topic']}: {_why(fate, end, candidates, kept)}"] * len(until)
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="markers",
            marker={"symbol": symbol, "size": 9, "color": TARGET_COLOURS[colour]},
            customdata=said,
            hovertemplate="%{customdata}",
            meta={"customdata": "what became of it"},
        )
    figure.update_layout(showlegend=True, legend={"y": -0.12}, margin={"b": 96})
    figure.update_xaxes(
        tickvals=list(range(len(STAGES))),
        ticktext=[f"{size:,}<br>{stage}" for size, stage in zip(sizes, STAGES, strict=True)],
        range=[-0.3, 4.3],
        tickangle=0,
    )
    figure.update_yaxes(
        tickvals=[-row for row in range(len(rows))],
        ticktext=[fate["topic"] for fate in rows],
        tickfont={"size": 11, "color": NEUTRAL["ink-soft"]},
        range=[-len(rows) + 0.4, 0.6],
        showgrid=False,
    )
    return figure


def fused_orders(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """What the fused-order explorer shows: a few requests, and what raw click scores cost in many worlds.

    Items are called by their topic, a second one of the same topic by "music 2".

    Args:
        recorded: the record of ``experiments.calibration.fused_order``.
    """
    requests = []
    for request in recorded["shown"]:
        seen: Counter[str] = Counter()
        items = []
        for one in request:
            topic = one["topic"]
            seen[topic] += 1
            name = topic if seen[topic] == 1 else f"{topic} {seen[topic]}"
            items.append({"name": name} | {key: p for key, p in one.items() if key != "topic"})
        requests.append({"items": items})
    rates, seeds = sorted(recorded["rates"], reverse=True), recorded["made_by"]["seeds"]
    lost = {
        (run["seed"], run["rate"]): [at["value_lost"] for at in run["prices"]] for run in recorded["runs"]
    }
    prices, nothing = list(recorded["prices"]), [0.0] * len(recorded["prices"])  # lost at α = 1
    worlds = [[nothing, *(lost[seed, rate] for rate in rates)] for seed in seeds]
    return {
        "requests": requests,
        "worlds": {"sampling_rates": [1.0, *rates], "prices": prices, "lost": worlds},
    }


def one_loud_target(recorded: Mapping[str, Any], loud: str, weight: float) -> Figure:
    """What every head learns more or less when one target's loss weight is large, a row each.

    Args:
        recorded: the record of ``experiments.multi_task.loss_weights``.
        loud: the target whose weight is large, such as "like".
        weight: how large, one of the recorded weights.
    """
    closed = {
        (run["weight"], run["seed"]): run["gap_closed"] for run in recorded["runs"] if run["task"] == loud
    }
    seeds = recorded["made_by"]["seeds"]
    changes = {
        target: 100 * np.array([closed[weight, seed][target] - closed[1.0, seed][target] for seed in seeds])
        for target in TARGETS
    }
    before = {target: 100 * np.mean([closed[1.0, seed][target] for seed in seeds]) for target in TARGETS}
    reached = ", ".join(f"{name} {points:.0f}" for name, points in before.items())
    figure = new_figure(
        title=f"λ = {weight:g} for {loud}: what each head learns more or less",
        alt="; ".join(f"{name} {values.mean():+.0f} points" for name, values in changes.items()),
        caption="A head that knows the average rate alone has 0 points, one that knows each true rate 100. "
        f"With all λ = 1 they reach: {reached}. Shown is what changes with λ = {weight:g} for {loud}; each "
        "loss is the mean over its own rows. Open dots: simulated worlds, each with users, items and log of "
        "its own, whose true rates are known; diamonds: their mean with its 95% interval.",
        x="change, in points",
        y="head",
        height=300,
    )
    for name, values in changes.items():
        colour = TARGET_COLOURS[name]
        figure.add_scatter(
            x=values,
            y=[name] * len(values),
            name=f"{name}, a world each",
            mode="markers",
            marker={"symbol": "circle-open", "size": 8, "color": colour},
        )
        figure.add_scatter(
            x=[values.mean()],
            y=[name],
            name=f"{name}, mean",
            mode="markers",
            marker={"symbol": "diamond", "size": 12, "color": colour},
            error_x={"type": "data", "array": [margin(values)], "color": colour},
        )
    figure.add_scatter(
        x=[0, 0],
        y=[TARGETS[0], TARGETS[-1]],
        name="no change",
        mode="lines",
        line={"color": NEUTRAL["ink"], "width": 2, "dash": "dash"},
    )
    figure.update_yaxes(autorange="reversed", title_text="")
    return figure
