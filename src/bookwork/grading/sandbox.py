"""Where a learner's code runs while it is graded: with nothing in sight that it could read or spoil.

Three kinds, the first that works here is taken:

- ``bubblewrap``: namespaces of its own, by the program ``bwrap`` (https://github.com/containers/bubblewrap).
  No network, no other process, of all files Python's and the system's libraries to read, and one folder to
  write in. Where the grader is root, as another user besides.
- ``user``: another user id, with the system's tools ``setpriv`` and ``unshare`` (util-linux), if the grader
  is root: no network, no other process; what only its owner may read stays unread, and what it writes where
  every user may is removed after it.
- ``none``: as whoever grades, with limits alone. The run says so loudly.
"""

import contextlib
import ctypes
import functools
import os
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bookwork.arguments import one_of

BUBBLEWRAP, USER, NONE = "bubblewrap", "user", "none"
KINDS = (BUBBLEWRAP, USER, NONE)
OTHER_USER = 70_000 + os.getpid() % 10_000  # ids that systems do not give away; each run has its own
PROCESSES = 128  # and threads, of all submissions that are graded at a time
FILE_BYTES = 100 * 1024**2  # of one file
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/opt/conda")
SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # folders in which every user may write
SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE")
LOUD = """The learners' code is NOT kept apart: it may read and write what you may, and use the network.
Install bubblewrap (Debian and Ubuntu: apt-get install bubblewrap), or grade as root where setpriv is."""


def end_with_parent() -> None:
    """Have the system end this process as soon as the one that started it has ended (Linux)."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)


def hand_over(*folders: Path) -> None:
    """Give folders to the user under whom the learner's code runs, if that is another one."""
    if os.geteuid() != 0:
        return
    for path in (entry for folder in folders for entry in (folder, *folder.rglob("*"))):
        os.chown(path, OTHER_USER, OTHER_USER, follow_symlinks=False)


def sweep(kind: str) -> int:
    """Remove what the learner's user has left in ``SHARED``; gives the number of files and folders.

    Its processes must have ended. In a sandbox of another kind these folders are its own, or cannot be told
    from those of whoever grades.
    """
    if kind != USER:
        return 0
    found = [path for folder in SHARED for path in _left_in(folder)]
    for path in found:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
    return len(found)


def _left_in(folder: str) -> list[str]:
    """The outermost of what the learner's user has in a folder, and in those below in which all may write."""
    found: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # it is not there
        for entry in entries:
            with contextlib.suppress(OSError):  # others write here, too: it is gone meanwhile
                about = entry.stat(follow_symlinks=False)
                if about.st_uid == OTHER_USER:
                    found.append(entry.path)
                elif stat.S_ISDIR(about.st_mode) and about.st_mode & stat.S_IWOTH:
                    found += _left_in(entry.path)
    return found


def environment(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """What a learner's process finds in its environment: what Python needs, what the course gives."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    said = {
        "PATH": path,
        "HOME": str(home),
        "TMPDIR": str(home),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    safe = {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1", "IPYTHONDIR": str(home / ".ipython")}
    where = {"PYTHONPATH": os.pathsep.join(libraries(os.environ.get("PYTHONPATH", "").split(os.pathsep)))}
    return {"LANG": "C.UTF-8", **kept, **said, **safe, **where, **given}


def command(kind: str, program: Sequence[str], folders: Iterable[Path], work: Path) -> list[str]:
    """``program`` in a sandbox of that kind.

    Args:
        kind: one of ``KINDS``.
        program: what to run, in ``work``.
        folders: what it may read and write; everything else is out of sight, or out of reach.
        work: the working folder, one of them or in one of them.
    """
    one_of("kind", kind, KINDS)
    if kind == NONE:
        return list(program)
    if kind == USER:
        apart = ["unshare", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        return [*apart, "--", *_as_other(), *program]
    folders = list(folders)
    seen = [
        path
        for path in (*SYSTEM, *SETTINGS, *python_folders(), *outermost(libraries(sys.path)))
        if Path(path).exists()
    ]
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--hostname", "grading"]
    options += ["--perms", "1777", "--tmpfs", "/tmp"]
    for parent in _parents([*seen, *map(str, folders)]):
        options += ["--perms", "0755", "--dir", parent]  # else only root could pass through it
    for path in dict.fromkeys(seen):
        link = os.readlink(path) if Path(path).parent == Path("/") and os.path.islink(path) else None
        options += ["--symlink", link, path] if link else ["--ro-bind", path, path]
    options += ["--proc", "/proc", "--dev", "/dev"]
    for folder in folders:
        options += ["--bind", str(folder), str(folder)]
    if os.geteuid() != 0:
        return ["bwrap", *options, "--chdir", str(work), "--", *program]
    # as root there is no need of a namespace of users; the right to change the user goes with the change
    options[0:1] = [
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
    ]
    options += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    options += ["--cap-add", "CAP_SETPCAP"]
    return ["bwrap", *options, "--chdir", str(work), "--", *_as_other(), *program]


def _parents(paths: Iterable[str]) -> list[str]:
    """All folders above some, the outermost first, without the root."""
    found = {str(parent): None for path in paths for parent in reversed(Path(path).parents)}
    return [parent for parent in sorted(found) if parent not in ("/", "/tmp")]


def _as_other() -> list[str]:
    ids = ["--reuid", str(OTHER_USER), "--regid", str(OTHER_USER), "--clear-groups"]
    return ["setpriv", *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


def python_folders() -> list[str]:
    """Where Python and what is installed for it lie."""
    paths = sysconfig.get_paths()
    found = [
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        paths["purelib"],
        paths["platlib"],
        paths["stdlib"],
    ]
    found += [str(Path(sys.executable).resolve().parents[1])]
    return outermost(found)


def libraries(paths: Iterable[str]) -> list[str]:
    """Of the folders that Python imports from those that are given away: none with the course folder in it.

    A working folder, or one around it, holds submissions, solutions or the gradebook.
    """
    here = Path.cwd().resolve()
    found = [Path(path).resolve() for path in paths if path]
    return [
        str(path)
        for path in found
        if path.is_dir() and path != here and path not in here.parents and not path.is_relative_to(here)
    ]


def outermost(paths: Iterable[str]) -> list[str]:
    """Folders without those that lie in another of them."""
    found = [Path(path) for path in dict.fromkeys(paths)]
    return [str(path) for path in found if not any(other in path.parents for other in found)]


def limits_of(kind: str, memory: int) -> Callable[[], None] | None:
    """What a new process calls to limit itself and its children: memory (bytes), files, processes."""
    wanted = {"RLIMIT_DATA": memory, "RLIMIT_FSIZE": FILE_BYTES, "RLIMIT_CORE": 0}
    if kind != NONE and os.geteuid() == 0:  # else those count that the grader has started himself
        wanted["RLIMIT_NPROC"] = PROCESSES

    def limit() -> None:
        import resource  # Windows lacks it, and has no such limits

        end_with_parent()
        for name, most in wanted.items():
            if what := getattr(resource, name, None):
                _, hard = resource.getrlimit(what)
                least = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(what, (least, least))

    return limit if os.name == "posix" else None


@functools.cache
def kind_here() -> str:
    """The first kind that works on this machine."""
    return next(kind for kind in KINDS if works(kind))


def works(kind: str) -> bool:
    """Whether Python starts in a sandbox of that kind."""
    if kind == NONE:
        return True
    tools = {BUBBLEWRAP: ["bwrap"], USER: ["setpriv", "unshare"]}[kind]
    if kind == BUBBLEWRAP and os.geteuid() == 0:
        tools = [*tools, "setpriv"]
    if not all(shutil.which(tool) for tool in tools) or (kind == USER and os.geteuid() != 0):
        return False
    program = [sys.executable, "-c", "import ipykernel"]
    try:
        told = subprocess.run(command(kind, program, [], Path("/")), capture_output=True, timeout=60, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0
