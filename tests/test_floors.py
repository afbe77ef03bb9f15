"""A file imports only from its own floor of the design or from lower ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    return subprocess.run(
        [program, "--config", str(config), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )


def test_floors_hold():
    answer = lint_imports(ROOT / "pyproject.toml")
    assert answer.returncode == 0, answer.stdout


def test_the_check_sees_a_broken_floor(tmp_path):
    """Turned upside down, the same floors do not hold: the check looks at real imports."""
    config = tmp_path / "upside_down.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "ranking"\n\n[[tool.importlinter.contracts]]\n'
        'name = "upside down"\ntype = "layers"\ncontainers = ["ranking"]\nlayers = ["validation", "logs"]\n'
    )
    assert lint_imports(config).returncode == 1
