"""The four stages together: sizes, provenance, what is kept, what the models learnt."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ranking import funnel
from ranking.evaluation import metrics
from ranking.funnel import Candidates
from ranking.funnel.chain import found_shares, value_kept
from ranking.funnel.stages import fused_score
from ranking.logs import TARGETS
from ranking.multi_task import WeightedCrossEntropy
from ranking.training import predict_logits


def test_stages_narrow_the_list_and_ranking_does_not(small) -> None:
    for request in small.requests:
        trace = small.chain.trace(request)
        after = [trace.after[name] for name in funnel.STAGES]
        assert len(after[0]) > len(after[1]) == len(after[2]) == 80
        assert len(after[3]) == 12
        assert set(after[1].items) == set(after[2].items)  # claim A4
        for before, later in itertools.pairwise(after):
            assert set(later.items) <= set(before.items)
            came_by = dict(zip(before.items, before.channels, strict=True))
            assert all(came_by[i] == c for i, c in zip(later.items, later.channels, strict=True))
        assert set(after[3].predictions) == set(TARGETS)  # with their scores into re-ranking
        np.testing.assert_array_equal(small.chain(request).items, after[3].items)


def test_candidates_are_sorted_by_the_fused_score(small) -> None:
    ranked = small.chain.trace(small.requests[0]).after["ranking"]
    expected = fused_score(ranked.predictions)
    np.testing.assert_allclose(ranked.scores, expected)
    assert (np.diff(ranked.scores) <= 0).all()


def test_cached_towers_score_as_the_whole_model_does(small) -> None:
    request = small.requests[1]
    found = small.chain.retrieve(request)
    kept = small.chain.pre_rank(found)
    table = small.snapshot.features(small.encoder, request, found.items)
    rates = 1 / (1 + np.exp(-predict_logits(small.three, table)))
    scores = fused_score(dict(zip(TARGETS, rates.T, strict=True)))
    np.testing.assert_allclose(kept.scores, np.sort(scores)[::-1][: len(kept)], rtol=1e-4)


def test_models_tell_clicks_apart_on_a_later_log(small) -> None:
    """A model with broken features or labels would stay near 0.5; the truth reaches about 0.8."""
    later = small.world.simulate(20_000, seed=5).with_statistics().with_topic_history()
    table = funnel.training_table(small.encoder, later)
    labels = later.label("click")
    for model in (small.three, small.full):
        assert metrics.auc(labels, predict_logits(model, table)[:, 0]) > 0.66


def test_slates_obey_the_rules_where_they_can(small) -> None:
    for request in small.requests:
        chosen = small.chain.re_rank.diversify(small.chain.trace(request).after["ranking"])
        scattered = small.chain.re_rank.scattered(chosen)
        slate = small.chain.re_rank.scatter(chosen)
        keys = {
            "author": small.world.item_author[slate.items],
            "topic": small.world.item_topic[slate.items],
        }
        broken = funnel.broken_rules(keys, small.chain.re_rank.apart)
        assert (sum(broken.values()) > 0) == bool(scattered.relaxed)


def test_fewer_candidates_than_asked_for_are_all_kept(small) -> None:
    few = small.chain.trace(small.requests[0]).after["ranking"].best(5)
    assert set(small.chain.re_rank(few).items) == set(few.items)
    assert len(small.chain.pre_rank(few)) == 5


def test_survival_and_value_by_hand(small) -> None:
    trace = small.chain.trace(small.requests[0])
    shown = trace.slate.items
    assert funnel.survival(trace, shown) == dict.fromkeys(funnel.STAGES, 1.0)
    absent = np.setdiff1d(np.arange(small.snapshot.n_items), trace.after["retrieval"].items)[:3]
    half = np.concatenate((shown[:3], absent))
    assert funnel.survival(trace, half) == dict.fromkeys(funnel.STAGES, 0.5)
    values = np.zeros(small.snapshot.n_items)
    values[[shown[0], absent[0]]] = 1.0
    assert value_kept(values, trace.slate, 2) == 0.5
    found = found_shares(trace.after["retrieval"], trace.after["retrieval"].items)
    assert sum(found.values()) >= 1.0
    assert funnel.truly_best([0.1, 0.9, 0.5], 2).tolist() == [1, 2]


def test_truth_is_that_of_the_world(small) -> None:
    request = small.requests[0]
    truth = small.world.truth(request.user, 7, request.hour, request.weekday, request.scene)
    expected = truth.p_click * (1 + 5 * (truth.p_like + truth.p_collect + truth.p_share))
    with pytest.raises(ValueError, match="weights must be one of 'like', 'collect', 'share', got 'hide'"):
        funnel.true_values(small.world, request, [7], {"hide": 1.0})
    assert funnel.true_values(small.world, request, np.array([7]))[0] == pytest.approx(
        float(expected), rel=1e-5
    )


def test_in_batch_softmax_by_hand() -> None:
    torch.manual_seed(0)
    user, item = F.normalize(torch.randn(4, 3)), F.normalize(torch.randn(4, 3))
    share = torch.tensor([[0.4], [0.3], [0.2], [0.1]])
    expected = 0.0
    for i in range(4):
        logits = torch.stack([user[i] @ item[j] / 0.1 - share[j, 0].log() for j in range(4)])
        expected -= torch.log_softmax(logits, 0)[i] / 4
    assert float(funnel.in_batch_softmax(torch.cat([user, item], 1), share)) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"vectors": torch.full((2, 4), np.nan)}, "vectors must be finite, got nan"),
        ({"item_share": torch.tensor([[0.0], [0.5]])}, "item_share must be above 0, got 0.0"),
        ({"item_share": torch.tensor([[1.5], [0.5]])}, r"item_share must be in \(0, 1\], got 1.5"),
        ({"item_share": torch.tensor([0.5, 0.5])}, r"item_share \(rows, 1\), got \(2, 4\) and \(2,\)"),
        ({"vectors": torch.ones(2, 3)}, r"vectors must have shape \(rows, 2 · dim\)"),
    ],
)
def test_in_batch_softmax_looks_at_its_numbers(change: dict, message: str) -> None:
    good = {"vectors": torch.ones(2, 4), "item_share": torch.tensor([[0.25], [0.75]]), "temperature": 0.5}
    with pytest.raises(ValueError, match=message):
        funnel.in_batch_softmax(**(good | change))


def test_in_batch_softmax_of_half_precision_is_computed_in_single() -> None:
    vectors, share = torch.randn(8, 6).bfloat16(), torch.full((8, 1), 0.125)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = funnel.in_batch_softmax(vectors, share)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(funnel.in_batch_softmax(vectors.float(), share)), rel=1e-6)


def test_likes_on_unclicked_rows_do_not_count() -> None:
    logits = torch.zeros(3, 4)
    labels = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    moved = logits.clone()
    moved[1:, 1:] = 9.0  # says "liked" where nothing was clicked
    loss = WeightedCrossEntropy(TARGETS)
    assert loss(logits, labels) == loss(moved, labels)
    moved[0, 1] = 9.0
    assert loss(moved, labels) < loss(logits, labels)


def test_multiply_adds_counts_dense_layers() -> None:
    assert funnel.multiply_adds(torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))) == 25


def unpublished(s) -> Candidates:
    """Two candidates, the second of which no catalogue has."""
    return Candidates(s.requests[0], np.array([3, 10_000]), np.array([1, 1], np.uint8), np.array([1.0, 0.5]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: replace(s.chain.pre_rank, keep=0), "keep must be a whole number of at least 1, got 0"),
        (lambda s: replace(s.chain.pre_rank, item_vectors=s.cached[:7]), "item_vectors must have one row"),
        (lambda s: replace(s.chain.re_rank, item_vectors=s.vectors[:7]), "item_vectors must have one row"),
        (lambda s: s.chain.pre_rank(unpublished(s)), "items must be from 0 to .* got 10000 at index 1"),
        (lambda s: s.chain.rank(unpublished(s)), "items must be from 0 to .* got 10000 at index 1"),
        (lambda s: s.chain.re_rank(unpublished(s)), "items must be from 0 to .* got 10000 at index 1"),
        (lambda s: replace(s.chain.re_rank, shown=0), "shown must be a whole number"),
        (lambda s: replace(s.chain.re_rank, method="best"), "method must be one of 'mmr', 'dpp'"),
        (lambda s: replace(s.chain.re_rank, apart={"mood": 2}), "apart must be one of 'author', 'topic'"),
        (lambda s: replace(s.chain.re_rank, trade_off=2), "trade_off must be in"),
        (lambda s: fused_score({"like": 0.1}), "rates must hold 'click'"),
        (lambda s: fused_score({"click": 0.1}, {"like": 1}), "weights must be one of"),
        (lambda s: fused_score({"click": 0.1, "like": 1}, {"like": -1}), "like must be at least 0"),
        (lambda s: funnel.requests_from(s.log, 10**6), "n_requests must be at most"),
        (lambda s: funnel.truly_best([0.1], 2), "keep must be at most the 1 values"),
        (
            lambda s: value_kept(np.zeros(3_000), s.chain(s.requests[0]), 2),
            "values must have a best mean above",
        ),
        (
            lambda s: value_kept(np.ones(3), s.chain(s.requests[0]), 2),
            "items of candidates must be from 0 to 2",
        ),
        (lambda s: funnel.train_retrieval(s.table[:5], s.log, 0), "table must have one row per row"),
        (
            lambda s: funnel.train_retrieval(
                s.table[~s.log.rows["click"].to_numpy()],
                s.log.select(~s.log.rows["click"].to_numpy()),
                0,
            ),
            "at least one click",
        ),
        (
            lambda s: funnel.ThreeTowerModel(funnel.Sides.of(s.table), ()),
            "targets must be names of targets, at least one",
        ),
        (
            lambda s: funnel.training_table(s.encoder, s.world.simulate(50)),
            "log",
        ),
    ],
)
def test_bad_input_is_named(small, call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(small)
