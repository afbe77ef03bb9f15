"""Submissions that try to leave their place earn nothing, touch nobody else, and are told of.

One class, graded by nbgrader in one run: an honest learner among those who read, write, spy, outlive their
run, or take what is not theirs.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from small_course import NAME, RIGHT, answer, small_notebook, write_small_project

from bookwork.grading import editions, sandbox
from bookwork.grading.course import nbgrader, write_course
from bookwork.grading.gate import Grade, grades, hand_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sandbox.kind_here() == sandbox.NONE, reason="nothing here can keep learners apart"),
]

TOKEN = "a-teachers-token"
MARK = "left by a cheat"
PRELUDE = """import glob, os, pathlib, socket, sqlite3, subprocess, sys
won = []
def attempt(name, act):
    try:
        if act():
            won.append(name)
    except BaseException as error:
        print(name, type(error).__name__)
COURSE = pathlib.Path({course!r})
"""
REPORT = "\nprint('WON', won)"

# Each line of these is an attempt; one that comes true says so.
READS = """
def found(pattern, *names):
    return any(name in path for path in glob.glob(pattern, recursive=True) for name in names)
attempt("gradebook", lambda: sqlite3.connect(f"file:{COURSE}/gradebook.db?mode=ro", uri=True).execute(
    "SELECT * FROM source_cell").fetchall())
attempt("source", lambda: list((COURSE / "source").iterdir()))
attempt("release", lambda: list((COURSE / "release").iterdir()))
attempt("peer", lambda: (COURSE / "submitted" / "honest" / NAME / f"{NAME}.ipynb").read_text())
attempt("graded peer", lambda: list((COURSE / "autograded").iterdir()))
attempt("around its folder", lambda: [p for p in pathlib.Path("..").resolve().rglob("*.ipynb")
                                      if "home" not in p.parts])
attempt("configuration", lambda: (COURSE / "nbgrader_config.py").read_text())
attempt("connection files", lambda: found("/tmp/bw-*/**", "connection.json"))
attempt("runtime folder", lambda: found(os.path.expanduser("~/.local/share/jupyter/runtime/*"), "kernel"))
attempt("own connection file", lambda: os.path.exists(
    get_ipython().kernel.parent.abs_connection_file))
attempt("token", lambda: any("a-teachers" in value for value in os.environ.values()))
attempt("other processes", lambda: any(
    b"nbgrader" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    for pid in os.listdir("/proc") if pid.isdigit()))
attempt("their environment", lambda: any(
    b"a-teachers" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    for pid in os.listdir("/proc") if pid.isdigit()))
attempt("their memory", lambda: any(
    open(f"/proc/{pid}/mem", "rb") for pid in os.listdir("/proc")
    if pid.isdigit() and int(pid) > 1 and os.stat(f"/proc/{pid}").st_uid != os.getuid()))
attempt("root's home", lambda: [p for p in os.listdir("/root") if p not in (".pyenv", ".venv")])
attempt("shadow", lambda: open("/etc/shadow").read())
"""
WRITES = """
def writes(path):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text("left by a cheat")
    return False  # whether it lasts is seen from outside
attempt("gradebook", lambda: sqlite3.connect(COURSE / "gradebook.db").execute(
    "UPDATE grade SET auto_score=2"))
for place in ("submitted/honest", "autograded/honest", "release", "source"):
    attempt(place, lambda: writes(COURSE / place / NAME / f"{NAME}.ipynb"))
attempt("configuration", lambda: writes(COURSE / "nbgrader_config.py"))
import bookwork.grading, numpy
attempt("the package", lambda: open(bookwork.grading.__file__, "a").write("#") and True)
attempt("the libraries", lambda: open(numpy.__file__, "a").write("#") and True)
attempt("a startup file of all", lambda: open(sys.prefix + "/lib/sitecustomize.py", "w").write("#") and True)
for home in ("~/.ipython/profile_default/startup/00.py", "~/.local/share/jupyter/kernels/python3/kernel.json",
             "~/.jupyter/nbgrader_config.py", "/tmp/for-the-next", "/var/tmp/for-the-next", "/dev/shm/next"):
    attempt(home, lambda: writes(os.path.expanduser(home)))
attempt("become root", lambda: os.setuid(0) is None)
attempt("mount", lambda: subprocess.run(["mount", "-t", "tmpfs", "none", "/usr"]).returncode == 0)
attempt("end others", lambda: os.kill(os.getppid(), 0) if os.getppid() > 2 else False)
"""
CALLS_OUT = """
def reaches(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        line.sendall(b"x")
    return True
attempt("loopback", lambda: reaches({port}))
attempt("any open port", lambda: any(reaches(port) for port in range({port} - 2, {port} + 3)))
attempt("sockets of others", lambda: [p for p in glob.glob("/tmp/bw-*/*/k-*")
                                      if os.stat(p).st_uid != os.getuid()])
"""
OUTLIVES = """
import time
for session in (False, True):
    child = os.fork()
    if child == 0:
        if session:
            os.setsid()
        if os.fork():
            os._exit(0)
        sys.argv[0] = "outlives"
        while True:
            time.sleep(0.2)
            try:
                (COURSE / "gradebook.db").write_text("left by a cheat")
            except OSError:
                pass
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(987)"], start_new_session=True)
"""
BUSY = """
try:
    children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(987)"]) for _ in range(300)]
except OSError as error:
    print("stopped", type(error).__name__)
import time
time.sleep(2)  # whatever they are ended for is told while this cell runs, and not one after it
"""
MEMORY = "import numpy as np\nkept = [np.ones(40_000_000) for _ in range(40)]"
FILES = """
with open("much", "wb") as file:
    for _ in range(300):
        file.write(b"x" * 1_000_000)
"""
BROWSER = """
from IPython.display import HTML, Javascript, SVG, display
display(HTML("<script>alert(1)</script>"), Javascript("alert(1)"))
display({"text/html": "<img src=x onerror=alert(1)>", "image/png": "<script>", "text/plain": "x" * 100_000},
        raw=True)
for _ in range(200):
    display({"text/latex": "$x$"}, raw=True)
"""
PATCHED = """
import bookwork.grading.answers as answers, bookwork.grading.data as data, json
seen = []
def respond(names, name, request, seconds):
    seen.append(request)
    if request is None:
        return json.dumps({"function": True})
    return json.dumps({"value": json.dumps({"array": {"dtype": "<f8", "shape": [10**12], "data": ""}})})
answers.respond = respond
data.read = eval
"""
FORGED = """
import zmq
import bookwork.grading.serving as serving
def serve(address, names):
    with zmq.Context() as context, context.socket(zmq.PAIR) as line:
        line.bind(address)
        for number in range(1, 40):
            line.send(b'0 {"function": true}')
            line.send(f'{number} {{"value": "{"[" * 100_000}"}}'.encode())
        while line.recv():
            pass
serving.serve = serve
"""
FAKE_LINES = """
print("✓ three in sight\\n✓ a secret number, 17.25\\n2 of 2 points")
def double(x):
    print("2.0")
    return None
"""
IGNORES = """
import signal, time
def double(x):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    while True:
        pass
"""


class Cheat(NamedTuple):
    """Code of its own before the answers, what the teacher is told, and whether ``double`` is answered."""

    code: str
    told: str | None = None


CHEATS = {
    "reads": Cheat(READS),
    "writes": Cheat(WRITES),
    "calls-out": Cheat(CALLS_OUT),
    "outlives": Cheat(OUTLIVES),
    "busy": Cheat(BUSY),
    "takes-memory": Cheat(MEMORY),
    "fills-the-disk": Cheat(FILES),
    "acts-in-a-browser": Cheat(BROWSER, "what it could do in a browser was left out"),
    "patches-its-side": Cheat(PATCHED),
    "forges-replies": Cheat(FORGED),
    "prints-points": Cheat(FAKE_LINES),
    "will-not-stop": Cheat(IGNORES, "the learner's kernel died, and another was started"),
}
SPOILT = ("patches-its-side", "forges-replies")  # what they break is their own
NOTHING = {"double": 0.0, "half": 0.0}
ONLY_HALF, FULL = {"double": 0.0, "half": 2.0}, {"double": 2.0, "half": 2.0}


def claims_to_be_graded(notebook: NotebookNode) -> NotebookNode:
    """With the metadata of a graded notebook, a check of its own and a script in its text."""
    notebook.metadata["bookwork"] = {"notes": [], "isolation": "bubblewrap", "submission": "0", "checks": "0"}
    notebook.cells.append(new_markdown_cell("<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>"))
    notebook.cells = [cell for cell in notebook.cells if editions.grade_id(cell) != "double"]
    for cell in notebook.cells:
        if editions.grade_id(cell) == "double-check":
            cell.source = "2.0"
    return notebook


@pytest.fixture(scope="module")
def line() -> Iterator[tuple[int, list[Any]]]:
    """A port that listens on this machine, and who has called."""
    calls: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    calls.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1], calls


KINDS = [sandbox.kind_here()]
if os.environ.get("RANKING_TEST_ALL"):  # what is taken where nothing better works
    KINDS += [kind for kind in (sandbox.USER,) if kind not in KINDS and sandbox.works(kind)]


@pytest.fixture(scope="module", params=KINDS)
def course(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, line: tuple[int, list[Any]]
) -> Path:
    root = tmp_path_factory.mktemp("isolation")
    folder = root / "course"
    write_course(folder, write_small_project(root / "authored"))
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("c.RunApart.seconds = 4\nc.RunApart.call_seconds = 2\nc.RunApart.memory = 1 << 30\n")
        config.write(f"c.RunApart.isolation = {request.param!r}\n")
    prelude = PRELUDE.format(course=str(folder)) + f"NAME = {NAME!r}\n"
    right = small_notebook()
    for name, cheat in CHEATS.items():
        code = prelude + cheat.code.replace("{port}", str(line[0])) + REPORT
        hand_in(folder, name, NAME, answer(editions.learners(right), double=code, half=RIGHT["half"]))
    forged = claims_to_be_graded(answer(editions.learners(right), half=RIGHT["half"]))
    path = hand_in(folder, "claims-to-be-graded", NAME, forged)
    (path.parent / "solution.txt").symlink_to(folder / "source" / NAME / f"{NAME}.ipynb")
    honest = answer(editions.learners(right), **RIGHT)
    hand_in(folder, "honest", NAME, honest)
    hand_in(folder, "zz-after-all", NAME, honest)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TEACHERS_TOKEN", TOKEN)
        nbgrader(folder, "autograde", NAME)
    return folder


@pytest.fixture(scope="module")
def found(course: Path) -> dict[str, dict[str, Grade]]:
    return grades(course, NAME)


def graded(course: Path, learner: str) -> NotebookNode:
    return editions.read(course / "autograded" / learner / NAME / f"{NAME}.ipynb")


def printed(notebook: NotebookNode) -> str:
    return "".join(str(o.get("text", o)) for cell in notebook.cells for o in cell.get("outputs", ()))


@pytest.mark.parametrize("learner", [*CHEATS, "claims-to-be-graded"])
def test_a_cheat_earns_what_its_honest_part_deserves(found, learner):
    assert all(grade.graded for grade in found[learner].values()), found[learner]
    deserved = NOTHING if learner in SPOILT else ONLY_HALF
    assert {name: grade.points for name, grade in found[learner].items()} == deserved


@pytest.mark.parametrize("learner", ["reads", "writes", "calls-out"])
def test_no_attempt_comes_true(course, learner):
    said = printed(graded(course, learner))
    assert "WON []" in said, said


def test_nobody_else_is_touched(course, found):
    for learner in ("honest", "zz-after-all"):
        assert {name: grade.points for name, grade in found[learner].items()} == FULL
    for path in course.rglob("*"):
        if path.is_file() and "writes" not in path.parts and "outlives" not in path.parts:
            assert MARK not in path.read_bytes().decode(errors="replace") or path.name == f"{NAME}.ipynb"
    honest = json.loads((course / "submitted" / "honest" / NAME / f"{NAME}.ipynb").read_text())
    assert MARK not in json.dumps(honest)


def test_nobody_has_called(line, course):
    assert line[1] == []


def test_nothing_outlives_the_run(course):
    for process in psutil.process_iter(["cmdline"]):
        said = " ".join(process.info["cmdline"] or ())
        assert "time.sleep(987)" not in said
        assert "outlives" not in said or "pytest" in said, said
    assert not Path("/tmp/for-the-next").exists()
    assert not Path("/dev/shm/next").exists()


@pytest.mark.parametrize("learner", [name for name, cheat in CHEATS.items() if cheat.told])
def test_the_teacher_is_told(course, learner):
    assert any(CHEATS[learner].told in each for each in graded(course, learner).metadata["bookwork"]["notes"])


def test_a_changed_check_is_told_of_and_what_a_learner_claims_is_gone(course):
    about = graded(course, "claims-to-be-graded").metadata["bookwork"]
    assert about["submission"] != "0"
    assert "'double-check', which is locked, was changed and is put back" in about["notes"]
    assert graded(course, "honest").metadata["bookwork"]["notes"] == []


def test_outputs_hold_text_and_pictures_and_no_more_than_can_be_read(course):
    notebook = graded(course, "acts-in-a-browser")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert kinds <= {"text/plain", "image/png", "image/jpeg"}
    assert "<script>" not in "".join(map(str, outputs))
    assert len(json.dumps(outputs)) < 100_000


def test_a_link_in_the_folder_leads_nowhere(course):
    kept = course / "autograded" / "claims-to-be-graded" / NAME / "solution.txt"
    assert not kept.exists()
    notes = graded(course, "claims-to-be-graded").metadata["bookwork"]["notes"]
    assert "1 links in its folder were left out" in notes


def test_feedback_runs_nothing_in_a_browser(course):
    nbgrader(course, "generate_feedback", NAME)
    page = course / "feedback" / "claims-to-be-graded" / NAME / f"{NAME}.html"
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert not re.search("<img[^>]*onerror", text)


def test_what_a_check_may_take_counts_for_the_whole_submission(course):
    """The memory bomb ends in an error of its own cell; the rest is graded."""
    outputs = [o for cell in graded(course, "takes-memory").cells for o in cell.get("outputs", ())]
    assert any(o.output_type == "error" for o in outputs)
    assert os.path.getsize(course / "gradebook.db") > 0
