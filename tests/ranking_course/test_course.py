"""The log of the course: bit for bit what the simulator writes, and never half read, stale or in the way."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ranking.simulator import Autoplay, Conflict, Drift, Sessions, World, WorldConfig
from ranking_course import course_log, course_world, kept_log

SMALL = WorldConfig(n_users=60, n_items=300, n_authors=30)
FULL = WorldConfig(
    n_users=60,
    n_items=300,
    n_authors=30,
    sessions=Sessions(),
    autoplay=Autoplay(),
    conflict=Conflict(),
    drift=Drift(slope=0.01),
    log_propensities=True,
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of its own, in which nothing lies yet."""
    monkeypatch.setenv("RANKING_COURSE_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def no_simulator(monkeypatch):
    """Whoever asks for a log now gets one that was kept, or an error."""
    monkeypatch.delattr(World, "simulate")


def assert_same(log, wanted):
    for name in ("rows", "users", "items", "truth"):
        found, table = getattr(log, name), getattr(wanted, name)
        pd.testing.assert_frame_equal(found, table, check_exact=True, check_index_type="exact")
        for column in table:
            assert found[column].to_numpy().tobytes() == table[column].to_numpy().tobytes(), column
            assert found[column].to_numpy().flags.writeable == table[column].to_numpy().flags.writeable
    assert log.report is wanted.report is None


def small_log(**others):
    return course_log(500, seed=3, config=SMALL, world_seed=1, **others)


def only_file(folder) -> Path:
    (path,) = folder.iterdir()
    return path


@pytest.mark.parametrize("config", [SMALL, FULL])
def test_it_is_what_the_simulator_writes_made_or_kept(folder, monkeypatch, config):
    wanted = World.build(config, seed=1).simulate(500, seed=3).with_statistics()
    assert_same(course_log(500, seed=3, config=config, world_seed=1), wanted)
    only_file(folder)
    monkeypatch.delattr(World, "simulate")
    assert_same(course_log(500, seed=3, config=config, world_seed=1), wanted)
    assert_same(course_log(np.int64(500), seed=np.uint8(3), config=config, world_seed=1), wanted)


@pytest.mark.usefixtures("no_simulator")
def test_the_defaults_are_those_of_the_world_and_a_million(monkeypatch):
    asked = []
    monkeypatch.setattr(World, "simulate", lambda *given: asked.append(given) or 1 / 0, raising=False)
    with pytest.raises(ZeroDivisionError):
        course_log()
    ((world, *sizes),) = asked
    assert sizes == [1_000_000, 0]
    assert world is course_world()
    assert (world.config, world.seed) == (WorldConfig(), 0)


def test_no_value_is_lost_on_the_way():
    """Infinity, a zero with a sign and each kind of NaN, too, which no log has today."""
    log = course_world(SMALL, 1).simulate(8).with_statistics()
    bits = np.array([0x7FC00000, 0xFFC00000, 0x7FC00001, 0x7F800000, 0x80000000, 1, 2, 3], dtype=np.uint32)
    log.truth["p_click"] = bits.view(np.float32)
    assert_same(kept_log.kept_log("odd", lambda: log), log)
    assert_same(kept_log.kept_log("odd", lambda: 1 / 0), log)


def test_every_setting_has_a_file_of_its_own(folder):
    for n, seed, config, world_seed in (
        (20, 0, SMALL, 0),
        (30, 0, SMALL, 0),
        (20, 1, SMALL, 0),
        (20, 0, SMALL, 1),
        (20, 0, WorldConfig(n_users=60, n_items=300, n_authors=30, like_rate=0.05), 0),
        (20, 0, WorldConfig(n_users=60, n_items=300, n_authors=30, drift=Drift()), 0),
    ):
        course_log(n, seed, config, world_seed)
    assert len(list(folder.iterdir())) == 6


def test_what_is_changed_in_one_log_is_not_in_the_next():
    first = small_log()
    first.rows["click"] = True
    first.users.loc[0, "region"] = 99
    assert_same(small_log(), course_world(SMALL, 1).simulate(500, 3).with_statistics())


def test_a_world_is_built_once():
    assert course_world(SMALL, 1) is course_world(SMALL, np.int8(1))
    assert course_world(SMALL, 1) is not course_world(SMALL, 2)
    wanted = World.build(SMALL, 1)
    np.testing.assert_array_equal(course_world(SMALL, 1).intercepts, wanted.intercepts)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:70],
        lambda content: content[:10],
        lambda content: b"",
        lambda content: content + b"\0",
        lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        lambda content: b"0" * 64 + content[64:],
    ],
)
def test_a_file_that_is_damaged_or_cut_is_said_and_made_anew(folder, damage):
    wanted = small_log()
    path = only_file(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with pytest.warns(UserWarning, match="is damaged or cut.*made anew") as said:
        assert_same(small_log(), wanted)
    assert len(said) == 1
    assert said[0].filename == __file__
    assert str(path) in str(said[0].message)
    assert "\n" not in str(said[0].message)
    assert only_file(folder).read_bytes() == whole


def test_the_file_of_other_settings_is_not_taken_for_this_one(folder):
    wanted = small_log()
    path = only_file(folder)
    course_log(500, seed=4, config=SMALL, world_seed=1)
    (other,) = set(folder.iterdir()) - {path}
    other.replace(path)
    with pytest.warns(UserWarning, match="is damaged or cut"):
        assert_same(small_log(), wanted)


def test_another_version_makes_a_file_of_its_own_and_removes_the_old(folder, monkeypatch):
    small_log()
    course_log(20, config=SMALL)
    (folder / "mine.arrow").touch()
    (folder / "ranking-course-log.txt").touch()
    old = set(folder.iterdir())
    for name in ("_version", "_VERSION_AT_IMPORT"):
        monkeypatch.setattr(kept_log, name, "0" * 16 if name.isupper() else lambda: "0" * 16)
    assert_same(small_log(), course_world(SMALL, 1).simulate(500, 3).with_statistics())
    left = {path.name for path in folder.iterdir()}
    assert len(left) == 3
    assert {"mine.arrow", "ranking-course-log.txt"} < left
    assert len(old & set(folder.iterdir())) == 2


def test_the_version_knows_every_file_that_the_log_comes_from():
    """What the simulator imports of this project is among what the version is made of."""
    source = (
        "import sys, ranking.simulator, ranking.logs.statistics\n"
        "print(*(m.__file__ for name, m in sys.modules.items() if name.startswith('ranking.')), sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    deciding = {str(path) for path in kept_log._sources()}
    assert set(run.stdout.splitlines()) <= deciding
    assert {Path(path).name for path in deciding} >= {"world.py", "statistics.py", "course.py", "kept_log.py"}


def test_the_version_changes_with_a_source_and_with_a_release(tmp_path, monkeypatch):
    now = kept_log._version()
    with monkeypatch.context() as other:
        other.setattr(np, "__version__", "2.0.0")
        assert kept_log._version() != now
    edited = tmp_path / kept_log._sources()[0].name
    edited.write_bytes(kept_log._sources()[0].read_bytes() + b"\n")
    others = kept_log._sources()[1:]
    monkeypatch.setattr(kept_log, "_sources", lambda: [edited, *others])
    assert kept_log._version() != now


def test_a_simulator_that_was_edited_after_its_import_neither_reads_nor_keeps(folder, monkeypatch):
    """A notebook that goes on with the old code would keep its log as one of the new."""
    small_log()
    before = only_file(folder).read_bytes()
    monkeypatch.setattr(kept_log, "_version", lambda: "f" * 16)
    with pytest.warns(UserWarning, match="edited after its import: restart Python"):
        assert_same(small_log(), course_world(SMALL, 1).simulate(500, 3).with_statistics())
    assert only_file(folder).read_bytes() == before


@pytest.mark.parametrize("what", ["a file", "in a file", "a folder in the way", "full"])
def test_a_cache_that_cannot_be_written_gives_the_log_and_says_so_in_one_line(
    tmp_path, folder, monkeypatch, what
):
    wanted = small_log()
    path = only_file(folder)
    path.unlink()
    if what == "full":
        monkeypatch.setattr(
            kept_log.pa, "BufferOutputStream", lambda: (_ for _ in ()).throw(OSError(28, "full"))
        )
    elif what == "a folder in the way":
        path.mkdir()
    else:
        (tmp_path / "file").touch()
        named = tmp_path / "file" / ("below" if what == "in a file" else "")
        monkeypatch.setenv("RANKING_COURSE_CACHE", str(named))
    with pytest.warns(UserWarning, match="could not be kept for the next time.*RANKING_COURSE_CACHE") as said:
        assert_same(small_log(), wanted)
    assert len(said) == 1
    assert said[0].filename == __file__
    assert "\n" not in str(said[0].message)


def test_two_processes_at_once_do_not_disturb_each_other(folder):
    """Another process reads and writes a log that this one writes and removes, again and again."""
    source = (
        "import warnings; warnings.simplefilter('error')\n"
        "from ranking.simulator import WorldConfig\n"
        "from ranking_course import course_log\n"
        "config = WorldConfig(n_users=60, n_items=300, n_authors=30)\n"
        "for _ in range(40):\n"
        "    log = course_log(500, seed=3, config=config, world_seed=1)\n"
        "    assert (len(log.rows), len(log.truth)) == (500, 500)\n"
    )
    wanted = small_log()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = subprocess.Popen([sys.executable, "-c", source])
        while other.poll() is None:
            assert_same(small_log(), wanted)
            assert_same(small_log(), wanted)
            for path in folder.glob("*.arrow"):
                path.unlink(missing_ok=True)
    assert other.returncode == 0
    assert_same(small_log(), wanted)
    only_file(folder)


def test_the_usual_folder_is_the_users_cache(monkeypatch):
    monkeypatch.setenv("RANKING_COURSE_CACHE", "")  # as if it were not set
    folder = kept_log.cache_folder()
    assert folder.name == "logs"
    assert "ranking-course" in folder.parts
    monkeypatch.setenv("RANKING_COURSE_CACHE", "~/elsewhere")
    assert kept_log.cache_folder() == Path.home() / "elsewhere"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: course_log(0), "n_impressions must be a whole number of at least 1, got 0"),
        (lambda: course_log(1e6), "n_impressions must be a whole number of at least 1, got 1000000.0"),
        (lambda: course_log(2**31), "n_impressions must be at most 2,147,483,647"),
        (lambda: course_log(True), "n_impressions must be a whole number of at least 1, got True"),
        (lambda: course_log(10, seed=-1), "^seed must be a whole number from 0 to"),
        (lambda: course_log(10, world_seed="0"), "world_seed must be a whole number from 0 to"),
        (lambda: course_log(10, config={"n_users": 3}), "config must be a WorldConfig, got dict"),
        (lambda: course_world(seed=True), "seed must be a whole number from 0 to"),
        (lambda: course_world(seed=1.0), "seed must be a whole number from 0 to"),
        (lambda: course_world(0), "config must be a WorldConfig, got int 0"),
    ],
)
def test_bad_arguments_are_refused(folder, ask, message):
    course_world(SMALL, 1)  # which a seed of True or 1.0 must not be taken for
    with pytest.raises(ValueError, match=message):
        ask()
    assert not folder.exists()


def test_importing_the_book_does_not_import_the_simulator():
    source = "import sys, ranking_course; assert not {'ranking', 'pandas', 'numpy'} & {*sys.modules}"
    assert subprocess.run([sys.executable, "-c", source]).returncode == 0
    reading = "import sys; from ranking_course import course_log; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", reading]).returncode == 0
    import ranking_course

    name = "course_logs"
    with pytest.raises(AttributeError, match="has no attribute 'course_logs'"):
        getattr(ranking_course, name)
    assert ranking_course.course_log is course_log
