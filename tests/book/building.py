"""Build a book as `make html` does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def build(root: Path, output: Path, **variables: str) -> str:
    """Build the book of ``root`` with warnings as errors; the pages lie in ``output / "_build" / "html"``.

    Args:
        root: holds _config.yml, _toc.yml and the folder of the book.
        output: where to build.
        variables: of the environment.

    Returns:
        What the build printed.

    Raises:
        AssertionError: if it fails, with the end of what it printed.
    """
    options = ["--config", "_config.yml", "--toc", "_toc.yml", "--path-output", str(output)]
    # Run with this interpreter, so that the kernel and the extension come from the same environment.
    run = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "build", "book", *options, "-W", "--keep-going"]
    environment = {**os.environ, "RANKING_SILENT": "1", "NO_COLOR": "1", **variables}
    result = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed[-6000:]
    return printed
