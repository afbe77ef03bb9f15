"""A conflict of targets: what each follows in each scene, taken from the truth of logged impressions."""

import numpy as np
import pytest
from scipy.special import logit
from solving_sample import solving_sample

from ranking.simulator import Autoplay, Conflict, Sessions, World, WorldConfig
from ranking.simulator import world as worlds
from ranking.simulator.autoplay import PLAY_EFFECTS
from ranking.simulator.conflict import Conflicting
from ranking.simulator.drivers import EFFECTS
from ranking.simulator.vocabulary import OUTCOMES, SCENES

SIZES = {"n_users": 700, "n_items": 2_500, "n_authors": 250, "n_topics": 12, "dim": 8, "days": 8}
PAIRS = [("like", "click"), ("watch_time", "like"), ("click", "watch_time"), ("share", "collect")]


def world(conflict=None, **parts):
    return World.build(WorldConfig(**SIZES, conflict=conflict, **parts), seed=4)


def followed(built, log):
    """What the drivers of each outcome add up to behind the rows of a log, by name, taken from its truth.

    That is the logits without the intercept, the bias of the user, the effect of the topic and the context.
    """
    rows, true = log.rows, log.truth
    item, hour, scene = (rows[name].to_numpy() for name in ("item", "hour", "scene"))
    topic, length = built.item_topic[item], np.log(built.item_duration[item] / 60)
    p_click = true["p_click"].to_numpy(dtype=np.float64) * rows["position"].to_numpy() ** 0.3
    wave = 0.4 * np.cos(2 * np.pi * (hour - built.topics["peak_hour"].to_numpy()[topic]) / 24)
    context = {"click": wave + np.array([0.10, -0.50, -0.25, 0.0])[scene] * length}
    context["watch_time"] = np.array([0.10, -0.20, -0.30, 0.0])[scene] + 0.1 * (
        rows["weekday"].to_numpy() >= 5
    )
    if "seen" in true:
        context["click"] = context["click"] - built.config.sessions.fatigue * np.log1p(
            true["seen"].to_numpy()
        )
    sums = {}
    for column, name in enumerate(OUTCOMES):
        if name == "watch_time":
            total = true["watch_mu"].to_numpy(dtype=np.float64)
        else:
            total = logit(p_click if name == "click" else true[f"p_{name}"].to_numpy(dtype=np.float64))
        base = built.intercepts[column] + built.user_bias[rows["user"], column]
        sums[name] = total - base - built.topic_effect[topic, column] - context.get(name, 0.0)
    return sums


def tastes_of(built, log):
    """(rows, dim), the users' vectors in their moods."""
    tastes = built.user_vectors[log.rows["user"]]
    if "mood" not in log.truth:
        return tastes
    return tastes + built.config.sessions.mood * built.topic_vectors[log.truth["mood"]]


def usual(built, log):
    """What the drivers add up to without a conflict: ``EFFECTS`` · drivers, by name of outcome."""
    item = log.rows["item"].to_numpy()
    drivers = {
        "affinity": np.sum(tastes_of(built, log) * built.item_vectors[item], axis=1),
        "quality": built.item_quality[item],
        "appeal": built.item_appeal[item],
        "followed": log.rows["followed"].to_numpy(),
        "length": np.log(built.item_duration[item] / 60),
    }
    return {name: sum(effect * drivers[k] for k, effect in EFFECTS[name].items()) for name in OUTCOMES}


def each_scene(log, names=SCENES):
    for name in names:
        yield log.rows["scene"].to_numpy() == SCENES.index(name)


@pytest.fixture(scope="module", autouse=True)
def solved_quickly():
    """On a sample so small that it is drawn again in no time: what is asked for holds there exactly."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worlds, "SOLVE_REQUESTS", 3_000)
        yield


@pytest.fixture(scope="module")
def alone():
    """The world without a conflict, and the sample on which it was solved."""
    built = world()
    return built, solving_sample(built)


def test_what_is_taken_from_the_truth_are_the_drivers(alone):
    """The tool of the other tests, in a world without a conflict."""
    found, expected = followed(*alone), usual(*alone)
    for name in OUTCOMES:
        np.testing.assert_allclose(found[name], expected[name], atol=2e-3)


@pytest.mark.parametrize("alignment", [-1.0, -0.5, 0.0, 0.6, 1.0])
def test_in_its_scenes_targets_correlate_as_aligned(alignment):
    built = world(Conflict(alignment=alignment))
    log = solving_sample(built)
    sums, without = followed(built, log), usual(built, log)
    for here in each_scene(log, ("commute", "work", "other")):
        assert np.corrcoef(sums["like"][here], sums["click"][here])[0, 1] == pytest.approx(
            alignment, abs=0.03
        )
        # as much to like, and as differently, as without
        assert sums["like"][here].mean() == pytest.approx(without["like"][here].mean(), abs=2e-3)
        assert sums["like"][here].std() == pytest.approx(without["like"][here].std(), rel=2e-3)
    home = log.rows["scene"].to_numpy() == 0
    np.testing.assert_allclose(sums["like"][home], without["like"][home], atol=2e-3)
    for name in ("click", "collect", "share", "watch_time"):
        np.testing.assert_allclose(sums[name], without[name], atol=2e-3)


@pytest.mark.parametrize(("target", "reference"), PAIRS)
@pytest.mark.parametrize("own_taste", [False, True])
def test_any_two_outcomes_may_part_ways(target, reference, own_taste):
    built = world(Conflict(target, reference, ("home", "work"), -0.6, own_taste))
    log = solving_sample(built)
    sums, without = followed(built, log), usual(built, log)
    for here in each_scene(log, ("home", "work")):
        assert np.corrcoef(sums[target][here], sums[reference][here])[0, 1] == pytest.approx(-0.6, abs=2e-3)
        for name in (target, reference):
            assert sums[name][here].mean() == pytest.approx(without[name][here].mean(), abs=2e-3)
            assert sums[name][here].std() == pytest.approx(without[name][here].std(), rel=2e-3)
    changed = {target, reference} if own_taste else {target}
    for name in OUTCOMES:
        here = slice(None)
        if name in changed:
            here = np.isin(log.rows["scene"], (1, 3))
        np.testing.assert_allclose(sums[name][here], without[name][here], atol=2e-3)


@pytest.mark.parametrize("strength", [0.25, 2.0])
def test_strength_is_how_much_of_the_spread_there_is(strength):
    built = world(Conflict(scenes=("work",), alignment=0.4, strength=strength))
    log = solving_sample(built)
    sums, without = followed(built, log), usual(built, log)
    (here,) = each_scene(log, ("work",))
    assert sums["like"][here].std() == pytest.approx(strength * without["like"][here].std(), rel=2e-3)
    assert sums["like"][here].mean() == pytest.approx(without["like"][here].mean(), abs=2e-3)
    assert np.corrcoef(sums["like"][here], sums["click"][here])[0, 1] == pytest.approx(0.4, abs=2e-3)


def test_with_tastes_of_their_own_no_order_serves_all_scenes():
    built = world(Conflict(alignment=0.3, own_taste=True))
    log = solving_sample(built)
    sums, without = followed(built, log), usual(built, log)
    for here in each_scene(log, ("commute", "work", "other")):
        assert abs(np.corrcoef(sums["click"][here], without["click"][here])[0, 1]) < 0.5
        assert np.corrcoef(sums["like"][here], sums["click"][here])[0, 1] == pytest.approx(0.3, abs=2e-3)
    # for the same impressions, too, scenes go by different tastes
    user, item = log.rows["user"].to_numpy()[:20_000], log.rows["item"].to_numpy()[:20_000]
    logits = [logit(built.truth(user, item, 12, 0, scene).p_click.astype(float)) for scene in range(4)]
    logits -= built.user_bias[user, 0] + built.topic_effect[built.item_topic[item], 0]
    length = np.log(built.item_duration[item] / 60)
    tastes = [logits[k] - (0.10, -0.50, -0.25, 0.0)[k] * length for k in range(4)]
    correlations = np.corrcoef(tastes)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 0.6


@pytest.mark.parametrize("sessions", [None, Sessions(mood=1.5)], ids=["single", "in sessions"])
@pytest.mark.parametrize("own_taste", [False, True])
def test_the_formula_by_hand(own_taste, sessions):
    """D' of the docstring, with R and N standardised over the sample."""
    conflict = Conflict(scenes=("work",), alignment=-0.7, own_taste=own_taste)
    built = world(conflict, sessions=sessions)
    log = solving_sample(built)
    sums, without = followed(built, log), usual(built, log)
    (here,) = each_scene(log, ("work",))
    tastes, topic = tastes_of(built, log)[here], built.item_topic[log.rows["item"].to_numpy()[here]]
    rings = built.conflicting.instead[:, SCENES.index("work")]  # (2, topics)
    own, other = (np.sum(tastes * built.topic_vectors[ring[topic]], axis=1) for ring in rings)
    r = own if own_taste else without["click"][here]
    r = (r - r.mean()) / r.std()
    n = other - np.polyval(np.polyfit(r, other, 1), r)
    n /= n.std()
    usually = without["like"][here]
    expected = usually.mean() + usually.std() * (-0.7 * r + np.sqrt(1 - 0.49) * n)
    off = sums["like"][here] - expected
    assert np.abs(off).max() < 5e-3


@pytest.mark.parametrize("n_topics", [3, 4, 24])
def test_each_scene_has_a_ring_of_all_topics(n_topics):
    drawn = Conflicting.draw(Conflict(), n_topics, np.random.default_rng(1))
    assert drawn.instead.shape == (2, 4, n_topics)
    for next_, second in zip(*drawn.instead, strict=True):
        at, seen = 0, []
        for _ in range(n_topics):
            seen.append(at)
            assert second[at] == next_[next_[at]]
            at = next_[at]
        assert at == 0
        assert sorted(seen) == list(range(n_topics))
    assert drawn.there.tolist() == [False, True, True, True]
    if n_topics == 24:
        assert len({tuple(ring) for ring in drawn.instead[0]}) == 4


def test_rates_asked_for_hold_with_a_conflict_and_in_sessions():
    built = world(Conflict(alignment=-0.5, own_taste=True), sessions=Sessions())
    log = solving_sample(built)
    clicked = log.truth["p_click"].to_numpy(dtype=np.float64)
    assert clicked.mean() == pytest.approx(0.10, rel=2e-3)
    for name, rate in (("like", 0.04), ("collect", 0.03), ("share", 0.015)):
        assert np.average(log.truth[f"p_{name}"], weights=clicked) == pytest.approx(rate, rel=2e-3)
    assert np.average(log.truth["watch_time"], weights=clicked) == pytest.approx(20.0, rel=2e-3)
    sums = followed(built, log)
    for here in each_scene(log, ("commute", "work", "other")):  # moods are in tastes and drivers alike
        assert np.corrcoef(sums["like"][here], sums["click"][here])[0, 1] == pytest.approx(-0.5, abs=2e-3)


def test_where_items_play_at_once_targets_part_ways_too():
    built = world(Conflict("like", "click", alignment=0.8, own_taste=False), autoplay=Autoplay())
    still = world(autoplay=Autoplay())
    log, without = solving_sample(built), solving_sample(still)
    user, item = log.rows["user"].to_numpy(), log.rows["item"].to_numpy()
    like = logit(log.of.if_whole["like"].astype(float)) - built.curve.intercepts["like"]
    usually = logit(without.of.if_whole["like"].astype(float)) - still.curve.intercepts["like"]
    base = built.user_bias[user, 1] + built.topic_effect[built.item_topic[item], 1]
    drivers = {
        "affinity": np.sum(built.user_vectors[user] * built.item_vectors[item], axis=1),
        "quality": built.item_quality[item],
        "followed": log.rows["followed"].to_numpy(),
        "patience": built.user_bias[user, 4],
    }
    stays = sum(effect * drivers[name] for name, effect in PLAY_EFFECTS["click"].items())
    for here in each_scene(log, ("commute", "work", "other")):
        assert np.corrcoef(like[here] - base[here], stays[here])[0, 1] == pytest.approx(0.8, abs=2e-3)
    (home,) = each_scene(log, ("home",))
    np.testing.assert_allclose(like[home], usually[home], atol=2e-3)


def test_the_same_people_live_in_a_world_without(alone):
    built = world(Conflict())
    for name in ("user_vectors", "item_vectors", "user_bias", "item_quality", "follow_author"):
        np.testing.assert_array_equal(getattr(built, name), getattr(alone[0], name))
    logs = [one.simulate(2_000, seed=9) for one in (built, alone[0])]
    np.testing.assert_array_equal(logs[0].rows["item"], logs[1].rows["item"])


@pytest.mark.parametrize("alignment", [-1.0, 0.0, 0.6])
def test_in_another_log_targets_correlate_as_aligned(alignment, monkeypatch):
    """Over impressions on which nothing was solved; on the way to work there are 700 requests."""
    monkeypatch.setattr(worlds, "SOLVE_REQUESTS", 20_000)
    built = world(Conflict(alignment=alignment, own_taste=alignment > 0))
    log = built.simulate(120_000, seed=9)
    sums, without = followed(built, log), usual(built, log)
    for here in each_scene(log, ("commute", "work", "other")):
        assert np.corrcoef(sums["like"][here], sums["click"][here])[0, 1] == pytest.approx(
            alignment, abs=0.04
        )
        assert sums["like"][here].mean() == pytest.approx(without["like"][here].mean(), abs=0.08)
        assert sums["like"][here].std() == pytest.approx(without["like"][here].std(), rel=0.08)


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "view"}, "target must be one of 'click', .* got 'view'"),
        ({"reference": None}, "reference must be one of 'click', .* got None"),
        ({"target": "click"}, "reference must be another outcome than the target, got 'click'"),
        ({"scenes": ("home", "bed")}, "scenes must be one of 'home', .* got 'bed'"),
        ({"scenes": ()}, "scenes must"),
        ({"scenes": "work"}, "scenes must"),
        ({"alignment": 1.01}, r"alignment must be in \[-1, 1\], got 1.01"),
        ({"own_taste": 1}, "own_taste must be True or False, got 1"),
        ({"strength": 0.0}, r"strength must be in \(0, 1000\], got 0.0"),
        ({"strength": 1e39}, r"strength must be in \(0, 1000\], got 1e\+39"),
    ],
)
def test_conflicts_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Conflict(**change)


def test_worlds_too_small_for_a_conflict_say_so(monkeypatch):
    with pytest.raises(ValueError, match="n_topics must be at least 3 in a world with a conflict, got 2"):
        WorldConfig(n_topics=2, conflict=Conflict())
    with pytest.raises(ValueError, match="conflict must be a Conflict, got str"):
        WorldConfig(conflict="like")
    one_user = WorldConfig(**(SIZES | {"n_users": 1, "dim": 1}), conflict=Conflict(scenes=["work"]))
    World.build(one_user)  # tastes of one user still differ by the sign of the topic
    monkeypatch.setattr(worlds, "SOLVE_REQUESTS", 2)
    with pytest.raises(ValueError, match=r"conflict\.scenes: the log of this world has no impression in"):
        world(Conflict())


def test_where_nothing_varies_there_is_nothing_to_follow():
    drawn = Conflicting.draw(Conflict(scenes=["work"]), 5, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    varied = [rng.standard_normal((50, 3)).astype(np.float32) for _ in range(4)]
    constant = np.ones((50, 3), dtype=np.float32)
    scene = np.full((50, 1), 2, dtype=np.int8)
    click, like, own, other = varied
    drawn.settle({"click": click, "like": like}, (own, other), scene)
    for sums, tastes in (
        ({"click": constant, "like": like}, (own, other)),
        ({"click": click, "like": constant}, (own, other)),
        ({"click": click, "like": like}, (own, constant)),
    ):
        with pytest.raises(ValueError, match="nothing to follow varies in 'work' in so small a world"):
            drawn.settle(sums, tastes, scene)
