"""All that a page loads comes with the book; what would ask another host is dropped."""

from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.explorer import bundle
from bookwork.files import write_whole

FOLDER = "ranking"  # below _static of the output; no folder of the sources: those load on every page
EXPLORERS = "explorers"  # folder below that one: one script per explorer, and the runtime that mounts them
MATHJAX = "tex-svg.js"
ASSETS = Path(__file__).parent / "assets"
THEBE = "sphinx_thebe"  # live kernels on a foreign host, which stock Jupyter Book prepares on every page

FRONT_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{head}
</head>
<body class="front"><main><h1>{title}</h1>
{body}
</main></body>
</html>
"""


def wheel_path(wheel: str, name: str) -> Path:
    """Where a file out of a wheel lies."""
    (found,) = (path for path in distribution(wheel).files or [] if path.as_posix().endswith(f"/{name}"))
    return Path(str(found.locate()))


def wheel_file(wheel: str, name: str) -> bytes:
    """A file out of the wheel that carries it."""
    return wheel_path(wheel, name).read_bytes()


def write_live_scripts(folder: Path, explorers: Sequence[str]) -> None:
    """Write what figures and explorers need into a folder; ``explorers`` are packages that bring some."""
    write(folder / "runtime.js", bundle.page_runtime().encode())
    for name, script in bundle.page_scripts(explorers).items():
        write(folder / f"{name}.js", script.encode())


def write(path: Path, content: bytes) -> None:
    """Write a file, whole, unless it holds just that."""
    if not path.is_file() or path.read_bytes() != content:
        write_whole(path, content)


def write_front(folder: Path, title: str, head: str, body: str) -> None:
    """Write a page ``index.html`` that leads to others; all texts are HTML."""
    write(folder / "index.html", FRONT_PAGE.format(title=title, head=head, body=body).encode())


def drop_thebe(app: Sphinx, config: Config) -> None:
    """Undo what Thebe's extension has connected, so that it leaves no trace in any page."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == THEBE:
                app.disconnect(listener.id)
