"""Re-make recorded results, one after the other, each in a process of its own.

    python -m experiments [--list] [NAME ...]

Without names, all of them; a name is that of a record, such as fusion/weights, or of a chapter, such as
fusion. The speed records are what some of the benchmarks write.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from bookwork import command_line

FOLDER = Path(__file__).parent
CHAPTERS = ("funnel", "multi_task", "calibration", "mmoe", "fusion", "watch_time", "world")
SPEED = {
    "multi_task/training_speed": "benchmarks.streaming",
    "multi_task/training_by_ids": "benchmarks.training",
    "mmoe/speed": "benchmarks.mmoe",
}


def commands() -> dict[str, list[str]]:
    """How each record is made, by its name: what follows ``python``; chapters in their order."""
    found = {}
    for chapter in CHAPTERS:
        scripts = sorted((FOLDER / chapter).glob("*.py"))
        for script in scripts:
            if "record(measure" in script.read_text(encoding="utf-8"):
                found[f"{chapter}/{script.stem}"] = ["-m", f"experiments.{chapter}.{script.stem}"]
        for name, benchmark in SPEED.items():
            if name.startswith(f"{chapter}/"):
                found[name] = ["-m", benchmark, "--out", f"experiments/{name}.json"]
    return found


def chosen(names: list[str]) -> dict[str, list[str]]:
    """The commands of these records and chapters; of all without names.

    Raises:
        ValueError: where a name is neither.
    """
    known = commands()
    unknown = [name for name in names if name not in (*CHAPTERS, *known)]
    if unknown:
        raise ValueError(
            f"no record or chapter is named {unknown[0]!r}; there are {', '.join((*CHAPTERS, *known))}"
        )
    return {
        name: command
        for name, command in known.items()
        if not names or name in names or name.split("/")[0] in names
    }


PROGRAM = "python -m experiments"


def main() -> None:
    """Make records; exit code 1 if one fails, 2 for bad input."""
    sys.exit(command_line.run(PROGRAM, _main))


def _main() -> int:
    parser = command_line.Parser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a record or of a chapter")
    parser.add_argument("--list", action="store_true", help="say what would run, and run nothing")
    options = parser.parse_args()
    for name, command in chosen(options.names).items():
        print(f"{name:28}python {shlex.join(command)}", flush=True)
        if not options.list and subprocess.run([sys.executable, *command], cwd=FOLDER.parent).returncode:
            left = "the records before it are made, it and those after it are as they were"
            print(f"{name} failed; {left}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    main()
