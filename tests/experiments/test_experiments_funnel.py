"""Recorded results of chapter 1: complete, sound, fit for both explorers; their scripts run small."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.funnel import channels, costs, ladder, one_request, sessions, smoothing, stages
from experiments.running import record
from ranking_course import openings
from ranking_course.explorers import funnel as funnel_explorer
from ranking_course.explorers import funnel_picture
from ranking_course.explorers import reranking as reranking_explorer

pytestmark = pytest.mark.slow

STAGES = ("retrieval", "pre_ranking", "ranking", "re_ranking")


SIZES = {"seeds": 1, "items": 5_000, "impressions": 30_000, "requests": 2}
SMALL = {
    channels: SIZES,
    costs: SIZES,
    ladder: SIZES,
    sessions: {**SIZES, "items": 2_000},
    smoothing: {name: SIZES[name] for name in ("seeds", "items", "impressions")},
    stages: SIZES,
}


@pytest.fixture(scope="module")
def recorded():
    return load_results("funnel/stages")


@pytest.fixture(scope="module")
def measured():
    return load_results("funnel/costs")


def shape_of(found):
    """Names at every depth; of lists the first entry."""
    if isinstance(found, dict):
        return {name: shape_of(value) for name, value in found.items()}
    return shape_of(found[0]) if isinstance(found, list) and found else None


@pytest.mark.parametrize("script", SMALL, ids=lambda script: script.__name__.split(".")[-1])
def test_a_script_makes_a_record_of_the_shape_of_the_one_that_stands(script, tmp_path, one_thread):
    """The whole script on one small world: what it writes, read again."""
    name = script.__name__.split(".")[-1]
    out = tmp_path / f"{name}.json"
    arguments = [text for option, size in SMALL[script].items() for text in (f"--{option}", str(size))]
    record(script.measure, arguments=[*arguments, "--out", str(out)])
    small = json.loads(out.read_text(encoding="utf-8"))
    assert shape_of(small) == shape_of(load_results(f"funnel/{name}"))
    if script is stages:
        assert_sound(small)


def assert_sound(record):
    """What holds in any world: no stage finds what an earlier one lost, and ranking loses nothing (A4)."""
    for run in record["runs"]:
        kept = [run["stages"]["survival"][stage] for stage in STAGES]
        assert kept == sorted(kept, reverse=True)
        assert kept[1] == kept[2]
        counts = run["stages"]["candidates"]
        assert counts["ranking"] == counts["pre_ranking"] <= record["kept"]
        assert counts["re_ranking"] <= record["shown"]
        assert run["stages"]["value_of_first"]["re_ranking"] <= 1
        for name, to_the_tired in run["stages"]["value_to_the_tired"].items():
            assert list(to_the_tired.values()) == sorted(to_the_tired.values(), reverse=True)
            assert to_the_tired["0.0"] == pytest.approx(run["stages"]["value_of_first"][name])
    for run in record["explorer"]["runs"]:
        grid = funnel_explorer.checked_recording(record["explorer"])["grid"]
        survived = np.reshape(run["retrieval"], [len(grid[name]) for name in funnel_explorer.CHANNELS])
        for axis in range(survived.ndim):  # a larger quota loses none of the best items
            assert (np.diff(survived, axis=axis) >= -1e-9).all()


def test_the_record_is_whole_and_sound(recorded):
    assert recorded["items"] == 1_000_000
    assert (len(recorded["runs"]), recorded["requests"]) == (5, 60)
    assert_sound(recorded)
    assert len(reranking_explorer.checked_recording(recorded["reranking"])["candidates"]) > recorded["shown"]


def test_costs_are_whole_and_agree_with_the_explorer(measured):
    assert measured["items"] == 1_000_000
    found = costs.explorer_costs(measured["runs"], measured["items"])
    for name, value in found.items():
        assert measured["explorer"][name] == pytest.approx(value, rel=1e-4)
    for run in measured["runs"]:
        recalls = [row["recall"] for row in run["search"]["approximate"]]
        assert recalls == sorted(recalls)
        assert all(seconds > 0 for seconds in run["seconds"].values())


@pytest.mark.parametrize("name", ["channels", "ladder", "sessions", "smoothing"])
def test_a_conclusion_stands_on_five_worlds(name):
    found = load_results(f"funnel/{name}")
    assert {run["seed"] for run in found["runs"]} == set(range(5))
    assert found.get("requests", 60) == 60


def test_the_ladder_starts_from_the_stages_own_chain(recorded):
    """The same worlds, models and requests: what is in both records is the same."""
    for of_stages, of_ladder in zip(recorded["runs"], load_results("funnel/ladder")["runs"], strict=True):
        first = of_stages["stages"]["value_of_first"]
        assert of_ladder["candidates"] == pytest.approx(of_stages["stages"]["candidates"]["retrieval"])
        value = of_ladder["value"]["three towers"]
        assert value["three towers"] == pytest.approx(first["pre_ranking"], abs=2e-3)
        assert value["ranking model"] == pytest.approx(first["ranking"], abs=2e-3)


def test_one_request_is_whole_and_one_of_the_chain_that_was_measured(recorded):
    request = load_results("funnel/one_request")
    kept = funnel_picture.checked_request(request)
    assert sum(kept["topics"]) == recorded["items"]
    sizes = {stage: len(items) for stage, items in kept["stages"].items()}
    mean = recorded["runs"][0]["stages"]["candidates"]
    assert sizes == {stage: round(mean[stage]) for stage in STAGES} | {"retrieval": sizes["retrieval"]}
    assert abs(sizes["retrieval"] / mean["retrieval"] - 1) < 0.1


def test_the_script_follows_a_request_of_any_small_world(one_thread):
    found = one_request.measure(items=20_000, impressions=60_000, number=1)
    kept = funnel_picture.checked_request(found)
    assert sum(kept["topics"]) == 20_000
    assert kept["stages"]["retrieval"] == sorted(kept["stages"]["retrieval"])


def test_fates_of_the_best_items_are_told_to_the_end():
    typical = load_results("funnel/one_request")["typical"]
    left, kept = typical["left"], typical["left"]["pre_ranking"]
    assert list(left) == ["catalogue", *STAGES]
    lost = [openings.lost_at(fate, kept) for fate in typical["best"]]
    assert len(lost) == 30
    for fate, stage in zip(typical["best"], lost, strict=True):
        place = fate["place"]
        assert (stage == 1) == (not fate["found_by"]) == (place["pre_ranking"] is None)
        assert (place["ranking"] is None) == (stage in (1, 2))
        assert (place["re_ranking"] is None) == (stage is not None)
    figure = openings.where_the_best_go(typical)
    there, gone = figure.data
    assert [sum(x == stage for x in there.x) for stage in range(5)] == [
        sum((at or 5) > stage for at in lost) for stage in range(5)
    ]
    assert len(gone.x) == sum(stage is not None for stage in lost)
