"""A kernel of a grading run hears the end of each cell, whoever else asks it meanwhile."""

from __future__ import annotations

import os
import time
from queue import Empty

import pytest

from bookwork.grading import kernels, limits, other_kernel, sandbox
from bookwork.grading.answers import AnswerError
from bookwork.grading.kernels import Kernel

pytestmark = pytest.mark.slow
CALLS = 1500  # of two messages each: more than a queue holds


@pytest.fixture
def kernel():
    made = Kernel()
    yield made
    made.stop()


@pytest.fixture
def other(kernel):
    kernel.ready()
    made = other_kernel.OtherKernel(kernel.connection, kernel.address, kernel.pid, 1.0)
    yield made
    made.close()


def test_many_calls_are_answered_in_one_cell_and_its_end_is_heard(kernel, monkeypatch):
    kernel.run("def double(x):\n    return 2 * x", 5)
    other = other_kernel.OtherKernel(kernel.connection, kernel.address, kernel.pid, 5.0)
    double = other.get("double")
    assert [double(k) for k in range(CALLS)] == [2 * k for k in range(CALLS)]
    other.close()
    monkeypatch.setattr(limits, "WAITS", 1)  # by the clock: what is not heard would end as a timeout
    ran = kernel.run("print(double(4))", 5)
    assert (ran.status, ran.outputs[0].text) == ("ok", "8\n")


def test_the_end_of_a_cell_is_heard_after_many_messages_that_nobody_reads(kernel, monkeypatch):
    kernel.run("1", 5)
    client = other_kernel.client_of(kernel.connection)
    client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
    for _ in range(CALLS):  # each publishes two
        sent = client.kernel_info()
        assert other_kernel.reply_to(client, sent, 5.0, kernel.pid) is not None
    other_kernel.let_go(client)
    monkeypatch.setattr(limits, "WAITS", 1)
    assert kernel.run("print(4)", 5).status == "ok"


def late(kernel, monkeypatch, seconds):
    """Have what the kernel publishes arrive so much after it is asked for, and its replies at once."""
    heard, begin = kernel.client.get_iopub_msg, time.monotonic()

    def get(timeout):
        if time.monotonic() - begin < seconds:
            time.sleep(timeout)
            raise Empty
        return heard(timeout=timeout)

    monkeypatch.setattr(kernel.client, "get_iopub_msg", get)


def test_what_a_cell_publishes_may_come_later_than_its_reply(kernel, monkeypatch):
    kernel.run("1", 5)
    sent = kernel.send("print(1)\n2.0")
    late(kernel, monkeypatch, 1.0)
    ran = kernel.finish(sent, 5)
    assert (ran.status, [output.output_type for output in ran.outputs]) == (
        "ok",
        ["stream", "execute_result"],
    )


@pytest.mark.parametrize(("source", "status"), [("print(1)", "ok"), ("1 / 0", "error")])
def test_a_cell_whose_end_is_never_heard_ends_as_its_reply_says(kernel, monkeypatch, source, status):
    monkeypatch.setattr(kernels, "LATE_SECONDS", 0.5)
    kernel.run("1", 5)
    sent = kernel.send(source)
    late(kernel, monkeypatch, 60.0)
    assert kernel.finish(sent, 5) == (status, [])


def test_a_result_is_kept_however_much_was_printed_before_it(kernel, monkeypatch):
    monkeypatch.setattr(kernels, "MOST_OUTPUT", 100)
    ran = kernel.run("print('x' * 1000)\nprint('y', flush=True)\n2.0", 5)
    assert [output.output_type for output in ran.outputs] == ["stream", "execute_result"]
    assert len(ran.outputs[0].text) == 100


def test_a_call_that_ends_the_cell_costs_itself_alone(kernel, other):
    kernel.run("def f(x):\n    if x:\n        raise KeyboardInterrupt('mine')\n    return 1", 5)
    f = other.get("f")
    assert f(0) == 1
    with pytest.raises(AnswerError, match="f gave no answer: KeyboardInterrupt mine"):
        f(1)
    assert f(0) == 1


def test_a_call_without_end_loses_the_connection_and_the_kernel_settles(kernel, monkeypatch):
    monkeypatch.setattr(other_kernel, "GRACE_SECONDS", 0.2)
    kernel.run(
        "import signal\ndef f():\n    signal.setitimer(signal.ITIMER_PROF, 0)\n    while True: pass", 5
    )
    other = other_kernel.OtherKernel(kernel.connection, kernel.address, kernel.pid, 0.3)
    for _ in range(2):
        with pytest.raises(AnswerError, match=r"f took more than 0\.3 seconds of processor time"):
            other.get("f")()
    other.close()
    assert kernel.settles()
    assert kernel.run("print(1)", 5).status == "ok"


ODD = [
    ("b'1 nonsense'", "no answer that can be read"),
    ("b'1 [1]'", "no answer that can be read"),
    ("b'1 ' + b'[' * 100_000", "no answer that can be read"),
    ("b'\\xff'", "took more than 0.3 seconds"),
    ("b'7 {}'", "took more than 0.3 seconds"),
]


@pytest.mark.parametrize(("sent", "told"), ODD)
def test_what_a_changed_learners_side_sends_is_an_error(kernel, monkeypatch, sent, told):
    monkeypatch.setattr(other_kernel, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(limits, "WAITS", 2)
    kernel.run(
        f"""
import zmq
import bookwork.grading.serving as serving
def serve(address, names):
    with zmq.Context() as context, context.socket(zmq.PAIR) as line:
        line.bind(address)
        while line.recv():
            line.send({sent})
serving.serve = serve""",
        5,
    )
    other = other_kernel.OtherKernel(kernel.connection, kernel.address, kernel.pid, 0.3)
    with pytest.raises(AnswerError, match=told):
        other.get("f")
    other.close()
    assert kernel.settles()


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
def f():
    import threading
    threading.Thread(target=print).start()
"""


@pytest.mark.skipif(
    sandbox.kind_here() == sandbox.NONE or os.geteuid() != 0, reason="limits hold only for another user"
)
def test_a_learner_who_has_left_no_room_for_threads_is_asked_all_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kernel = Kernel(sandbox.kind_here())
    kernel.run(f"{FULL}def g():\n    return 1", 5)
    other = other_kernel.OtherKernel(kernel.connection, kernel.address, kernel.pid, 5.0)
    assert other.get("g")() == 1
    with pytest.raises(AnswerError, match="can't start new thread"):
        other.get("f")()
    other.close()
    kernel.stop()


def test_a_learners_side_that_is_gone_is_an_error(kernel, other):
    kernel.run("import bookwork.grading.serving as serving\ndel serving.serve", 5)
    for _ in range(2):
        with pytest.raises(AnswerError, match="f gave no answer: AttributeError"):
            other.get("f")


def test_a_kernel_that_dies_in_a_call_is_told(kernel, other):
    kernel.run("import os\ndef f():\n    os._exit(1)", 5)
    f = other.get("f")
    for _ in range(2):
        with pytest.raises(AnswerError, match="the kernel died while f was asked for"):
            f()


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
