"""A kernel of a grading run hears the end of each cell, whoever else asks it meanwhile."""

from __future__ import annotations

import pytest

from bookwork.grading import limits, other_kernel
from bookwork.grading.kernels import Kernel

pytestmark = pytest.mark.slow
CALLS = 1500  # each publishes two messages that nobody reads: more than a queue holds


@pytest.fixture
def kernel():
    made = Kernel()
    yield made
    made.stop()


def test_the_end_of_a_cell_is_heard_after_many_calls_of_another(kernel, monkeypatch):
    kernel.run("def double(x):\n    return 2 * x", 5)
    other = other_kernel.OtherKernel(kernel.connection, kernel.pid, 5.0)
    double = other.get("double")
    assert [double(k) for k in range(CALLS)] == [2 * k for k in range(CALLS)]
    other_kernel.let_go(other.client)
    monkeypatch.setattr(limits, "WAITS", 1)  # by the clock: what is not heard would end as a timeout
    ran = kernel.run("print(double(4))", 5)
    assert (ran.status, ran.outputs[0].text) == ("ok", "8\n")


def test_the_connection_file_is_gone_once_the_kernel_answers(kernel):
    kernel.ready()
    assert not list(kernel.home.parent.rglob("connection.json"))


def test_what_a_cell_prints_has_an_end(kernel):
    ran = kernel.run("for _ in range(2000):\n    print('x' * 1000)", 20)
    assert ran.status == "ok"
    assert sum(len(str(output)) for output in ran.outputs) < 500_000


def test_a_fresh_kernel_knows_nothing_of_the_one_before(kernel):
    kernel.run("mine = 1", 5)
    assert kernel.run("import os\nos._exit(1)", 5).status == "died"
    kernel.restart()
    assert kernel.run("mine", 5).outputs[-1].ename == "NameError"
