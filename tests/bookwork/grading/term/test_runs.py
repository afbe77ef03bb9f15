"""Learners are shared among several nbgraders, so that a few that take long hold up nobody else."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from bookwork.grading.term import runs

SENTINEL = "zz"


@pytest.fixture
def given(monkeypatch):
    """The shares in the order in which they were begun; learners of that name take long."""
    begun: list[list[str]] = []

    def run(course: Path, assignment: str, learners: list[str]) -> str:
        begun.append(learners)
        time.sleep(0.3 if "slow" in learners else 0.001)
        return ""

    monkeypatch.setattr(runs, "_run", run)
    monkeypatch.setattr(runs.os, "cpu_count", lambda: 2)
    return begun


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9, 30, 101])
def test_each_learner_is_graded_once_and_the_empty_one_last(given, n):
    learners = [f"learner-{k}" for k in range(n)]
    assert runs._grade(Path(), "a", learners, SENTINEL) == ""
    assert sorted(name for share in given[:-1] for name in share) == sorted(learners)
    assert given[-1] == [SENTINEL]


def test_while_one_share_takes_long_the_other_nbgrader_takes_all_the_rest(given, monkeypatch):
    workers: dict[int, int] = {}
    run = runs._run

    def counted(*arguments):
        workers[threading.get_ident()] = workers.get(threading.get_ident(), 0) + 1
        return run(*arguments)

    monkeypatch.setattr(runs, "_run", counted)
    runs._grade(Path(), "a", ["slow", *(f"learner-{k}" for k in range(31))], SENTINEL)
    workers.pop(threading.get_ident())  # the empty submission's
    assert sorted(workers.values()) == [1, 7]
