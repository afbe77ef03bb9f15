"""Ten worlds with everything switched on: what happened in them is what their truth says, however it is cut.

For each target, happenings y and their truth p are compared in total, in bins of p, by scene, day and so on.
And within a session (a request, a user, an item): given the truth, impressions are independent, so that the
square of the sum of y − p is the sum of the squares, in the mean, and spreads by 2 Σ v v' over pairs of
impressions with the variances v = p(1 − p). If something were missing from the truth that a whole session
shares, the squares of the sums would be larger.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from ranking.logs.statistics import DAY_MS
from ranking.simulator import Autoplay, Conflict, Drift, Sessions, World, WorldConfig, mood_posterior, world
from ranking.simulator.vocabulary import START_MS

SEEDS = range(10)
N = 24_000
LEAST_ROWS, LEAST_VARIANCE = 100, 25.0  # of a part and its positives: below, a normal tail is too thin
DRIFT = Drift(
    outcomes=("click", "like", "watch_time"),
    start_day=2,
    slope=0.08,
    walk=0.15,
    jump_day=7,
    jump=-0.7,
    jump_ages=(2, 3),
    tastes=0.12,
)
EVERYTHING = {
    "sessions": Sessions(mood=1.5, fatigue=0.4),
    "conflict": Conflict(alignment=-0.5, own_taste=True),
    "drift": DRIFT,
    "log_propensities": True,
    "randomised_from": "catalogue",
    "randomised_share": 0.2,
}
SIZES = {"n_users": 800, "n_items": 3_000, "n_authors": 300, "n_topics": 12, "dim": 8, "days": 12}
# rates far above those of a real surface, so that there is much to compare
CLICKED = {"click_rate": 0.25, "like_rate": 0.3, "collect_rate": 0.2, "share_rate": 0.15, "watch_sigma": 1.0}
PLAYED = {"autoplay": Autoplay(like_rate=0.25, collect_rate=0.2, share_rate=0.15, watch_sigma=1.0)}
SURFACES = {"clicked": CLICKED, "played": PLAYED}


def logged(surface, seed):
    """A world and its log. It is solved on a small sample: what is true there need not be as asked."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world, "SOLVE_REQUESTS", 2_000)
        built = World.build(WorldConfig(**SIZES, **EVERYTHING, **SURFACES[surface]), seed=seed)
    return built, built.simulate(N, seed=100 + seed)


def truth_of(built, log):
    """The truth of a log as a table, asked from a world that need not be its own."""
    names = ["user", "item", "hour", "weekday", "scene", "time_ms"]
    asked = {name: log.rows[name].to_numpy() for name in names}
    asked |= {name: log.truth[name].to_numpy() for name in ("mood", "seen")}
    if built.curve is None:
        return built.truth(**asked, position=log.rows["position"].to_numpy()).frame()
    return built.play_truth(**asked).frame()


def parts_of(log):
    """In what kinds of parts happenings and truth are compared, as codes by name, (rows,)."""
    rows, behind = log.rows, log.truth
    topic = log.items["topic"].to_numpy()[rows["item"]]
    return {
        "all": np.zeros(len(rows), dtype=int),
        "scene": rows["scene"].to_numpy(),
        "day": (rows["time_ms"].to_numpy() - START_MS) // DAY_MS,
        "seen": np.minimum(behind["seen"].to_numpy(), 3),
        "mood": (topic == behind["mood"]).to_numpy().astype(int),
        "position": rows["position"].to_numpy(),
        "randomised": rows["randomised"].to_numpy().astype(int),
        "age": log.users["age_band"].to_numpy()[rows["user"]],
    }


def surprises(log, truth):
    """How far off a truth is, in standard errors, by (target, kind of parts, part).

    (target, "within", "session") and the like stand for what the impressions of a session share.
    """
    rows = log.rows.assign(completion=log.rows["watch_time"] >= np.float32(0.8) * log.rows["duration"])
    kinds, found = parts_of(log), {}
    for target in [*log.targets, "completion", "watch_time"]:
        given_click = "click" in rows and target != "click"
        at = np.flatnonzero(rows["click"]) if given_click else np.arange(len(rows))
        expected = truth[f"p_{target}" if target in log.targets else target].to_numpy(dtype=np.float64)[at]
        off = rows[target].to_numpy(dtype=np.float64)[at] - expected
        variance = off**2 if target == "watch_time" else expected * (1 - expected)
        order = np.argsort(expected, kind="stable")
        bins = np.empty(len(at), dtype=int)
        bins[order] = np.arange(len(at)) * 10 // len(at)
        for kind, codes in [*((kind, codes[at]) for kind, codes in kinds.items()), ("bin", bins)]:
            sums, spread = np.bincount(codes, off), np.bincount(codes, variance)
            many = np.bincount(codes) >= LEAST_ROWS
            for part in np.flatnonzero(many & (spread >= LEAST_VARIANCE)):
                found[target, kind, int(part)] = sums[part] / np.sqrt(spread[part])
        for kind in ("session", "request", "user", "item"):
            codes = rows[kind].to_numpy()[at]
            pairs = np.sum(np.bincount(codes, off) ** 2) - np.sum(off**2)
            spread = 2 * (np.sum(np.bincount(codes, variance) ** 2) - np.sum(variance**2))
            found[target, "within", kind] = pairs / np.sqrt(spread)
    return found


def too_far(found, comparisons):
    """The surprises that so many comparisons would show once in a hundred times, or less often."""
    limit = norm.isf(0.01 / comparisons / 2)
    return {at: z for at, z in found.items() if abs(z) > limit}


@pytest.fixture(scope="module", params=SURFACES)
def worlds(request):
    return [logged(request.param, seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def compared(worlds):
    return {
        (seed, *at): z
        for seed, (_, log) in zip(SEEDS, worlds, strict=True)
        for at, z in surprises(log, log.truth).items()
    }


def test_truth_is_calibrated_in_each_of_ten_worlds(compared):
    assert too_far(compared, len(compared)) == {}
    assert [at for at, z in compared.items() if at[2:] == ("within", "session") and abs(z) > 4.0] == []


def test_parts_and_targets_are_all_looked_at(worlds, compared):
    targets = {at[1] for at in compared}
    surface = {"click"} if worlds[0][0].curve is None else {"effective_view", "long_view", "skip"}
    assert targets == {"like", "collect", "share", "completion", "watch_time"} | surface
    assert len(compared) > 10 * len(targets) * 50
    for target in targets:
        looked_at = {at[2:] for at in compared if at[1] == target}
        for kind, count in (("day", 12), ("scene", 4), ("seen", 4), ("mood", 2)):
            assert {(kind, part) for part in range(count)} <= looked_at
        assert {("bin", part) for part in range(5, 10)} <= looked_at  # few clicks are in the lowest
        assert ("within", "session") in looked_at


def test_surprises_are_as_large_as_chance_makes_them(compared):
    z = np.array([value for at, value in compared.items() if at[2] != "within"])
    assert z.mean() == pytest.approx(0.0, abs=0.1)
    assert np.mean(z**2) == pytest.approx(1.0, abs=0.1)


def test_a_log_holds_what_its_world_says(worlds):
    built, log = worlds[0]
    for name, values in truth_of(built, log).items():
        np.testing.assert_allclose(values, log.truth[name], rtol=1e-5, err_msg=name)


def without(built, part):
    """The world that leaves a part of itself out, for what it would call the truth."""
    if part in ("drifting", "conflicting"):
        return replace(built, **{part: None})
    if part == "walk":
        return replace(built, drifting=replace(built.drifting, walk=0.0 * built.drifting.walk))
    if part in ("slope", "jump", "tastes"):
        less = replace(built.drifting.drift, **{part: 0.0})
        return replace(built, drifting=replace(built.drifting, drift=less))
    sessions = replace(built.config.sessions, **{part: 0.0})
    return replace(built, config=replace(built.config, sessions=sessions))


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("mood", "mood"),
        ("mood", "within"),
        ("fatigue", "seen"),
        ("drifting", "day"),
        ("slope", "day"),
        ("walk", "day"),
        ("jump", "age"),
        ("tastes", "bin"),
        ("conflicting", "scene"),
    ],
)
def test_what_is_missing_from_a_truth_is_found(worlds, part, kind):
    built, log = worlds[0]
    found = surprises(log, truth_of(without(built, part), log))
    assert kind in {at[1] for at in too_far(found, len(SEEDS) * len(found))}


def test_sessions_show_a_mood_that_a_truth_averages_over(worlds):
    """A truth that knows who comes but not the mood is right in total, yet not session by session."""
    built, log = worlds[0]
    own = built.config.sessions.own_interest
    topics, user = SIZES["n_topics"], log.rows["user"].to_numpy()
    averaged = 0.0
    for mood in range(topics):
        chance = own * built.user_interests[user, mood] + (1 - own) / topics  # (rows,)
        behind = log.truth.assign(mood=np.full(len(log), mood))
        averaged = averaged + truth_of(built, replace(log, truth=behind)).mul(chance, axis=0)
    found = surprises(log, averaged)
    first = "click" if built.curve is None else "effective_view"
    shown = too_far(found, len(SEEDS) * len(found))
    assert {(first, "within", "session"), (first, "mood", 1)} <= shown.keys()
    assert {at[1] for at in shown if at[0] == first} <= {"within", "mood"}


def test_moods_come_as_often_as_what_happened_says(worlds):
    """Bayes' rule by the truth: before the last request of a session, moods are as likely as it says."""
    chances, right = [], []
    for built, log in worlds[:5]:
        rows = log.rows
        last = rows[rows["request"] == rows.groupby("session")["request"].transform("max")]
        last = last.drop_duplicates("session").index  # requests of one session share their mood
        chances.append(mood_posterior(built, log)[last].astype(np.float64))
        right.append(log.truth["mood"].to_numpy()[last][:, None] == np.arange(SIZES["n_topics"]))
    chance, off = np.concatenate(chances), np.concatenate(right) - np.concatenate(chances)
    assert np.mean(chance.max(axis=1) > 0.8) > 0.1  # many are as good as known
    for low, high in ((0.0, 0.01), (0.01, 0.03), (0.03, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.0)):
        here = (chance >= low) & (chance <= high)
        spread = np.sqrt(np.sum(chance[here] * (1 - chance[here])))
        assert spread > 2.0
        assert abs(off[here].sum()) < 4 * spread
