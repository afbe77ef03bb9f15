"""Recorded results of chapter 1: complete, sound, fit for both explorers; its script runs small."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bookwork.results import load_results
from experiments.funnel import one_request
from experiments.funnel import stages as script
from experiments.running import record, rounded
from ranking_course.explorers import funnel as funnel_explorer
from ranking_course.explorers import funnel_picture
from ranking_course.explorers import reranking as reranking_explorer

pytestmark = pytest.mark.slow

STAGES = ("retrieval", "pre_ranking", "ranking", "re_ranking")


@pytest.fixture(scope="module")
def recorded():
    return load_results("funnel/stages")


@pytest.fixture(scope="module")
def small(tmp_path_factory, one_thread):
    """The whole script on one small world: what it writes, read again."""
    out = tmp_path_factory.mktemp("funnel") / "funnel.json"
    sizes = {"seeds": 1, "items": 20_000, "impressions": 60_000, "requests": 2}
    arguments = [text for name, size in sizes.items() for text in (f"--{name}", str(size))]
    record(script.measure, arguments=[*arguments, "--out", str(out)])
    return json.loads(out.read_text(encoding="utf-8"))


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
        recalls = [row["recall"] for row in run["search"]["approximate"]]
        assert recalls == sorted(recalls)
        assert all(seconds > 0 for seconds in run["stages"]["seconds"].values())
    for run in record["explorer"]["runs"]:
        grid = funnel_explorer.checked_recording(record["explorer"])["grid"]
        survived = np.reshape(run["retrieval"], [len(grid[name]) for name in funnel_explorer.CHANNELS])
        for axis in range(survived.ndim):  # a larger quota loses none of the best items
            assert (np.diff(survived, axis=axis) >= -1e-9).all()


def test_the_record_is_whole_and_sound(recorded):
    assert recorded["items"] == 1_000_000
    assert len(recorded["runs"]) >= 3
    assert_sound(recorded)
    assert len(reranking_explorer.checked_recording(recorded["reranking"])["candidates"]) > recorded["shown"]
    costs = script.explorer_costs(recorded["runs"], recorded["items"])
    assert {name: recorded["explorer"][name] for name in costs} == rounded(costs)


def test_the_script_makes_a_record_of_the_same_shape(recorded, small):
    assert_sound(small)
    assert set(small) == set(recorded)
    assert set(small["runs"][0]) == set(recorded["runs"][0])
    assert set(small["explorer"]) == set(recorded["explorer"])
    assert small["explorer"]["grid"] == recorded["explorer"]["grid"]


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
