"""What one learner needs of a server: memory and processor time of a kernel that runs a notebook whole.

    python benchmarks/classroom.py [NOTEBOOK ...]

Without arguments: the solution edition of every exercise notebook, then every page of the chapters. Each runs
from top to bottom in a fresh kernel on one thread. Printed are, of the kernel's process, the largest memory
up to the end of the first code cell (the imports) and in all, and the processor time; and the memory of a
JupyterLab server without any notebook, which every learner has too. Memory counts libraries that processes
share in each of them, so the sum over learners is an upper bound. Linux only: the figures come from /proc.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bookwork import command_line
from bookwork.chapters import pages_of
from bookwork.grading import editions
from bookwork.grading.kernels import Kernel

BOOK = Path(__file__).resolve().parents[1] / "book"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CELL_SECONDS = 600.0
SERVER_SECONDS = 15.0


def peak(pid: int) -> float:
    """Largest resident memory of a process so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} tells nothing of its memory")


def measure(path: Path) -> tuple[float, float, float]:
    """MiB after the imports, MiB at most, and processor seconds."""
    cells = [cell for cell in editions.read(path).cells if cell.cell_type == "code"]
    kernel = Kernel()
    try:
        kernel.run(f"import os\nos.chdir({str(path.parent)!r})\ndel os", CELL_SECONDS)
        imports = 0.0
        for cell in cells:
            ran = kernel.run(cell.source, CELL_SECONDS)
            if ran.status != "ok":
                raise ValueError(f"{path} must run from top to bottom, got {ran.status}: {ran.outputs[-1:]}")
            imports = imports or peak(kernel.pid)
        times = psutil.Process(kernel.pid).cpu_times()
        return imports, peak(kernel.pid), times.user + times.system
    finally:
        kernel.stop()


def server() -> float:
    """MiB of a JupyterLab server that nobody has opened yet."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(SERVER_SECONDS)
            return peak(running.pid)
        finally:
            running.terminate()
            running.wait()


def main() -> None:
    """Print a line per notebook."""
    parser = command_line.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", type=Path, nargs="*", metavar="NOTEBOOK")
    exercises, indices = (sorted(BOOK.glob(f"0*/{name}.ipynb")) for name in ("exercises", "index"))
    chapters = [page for index in indices for page in pages_of(index)]
    paths = [path.resolve() for path in parser.parse_args().notebooks] or [*exercises, *chapters]
    for path in paths:
        editions.read(path)
    for name in (*THREADS, "RANKING_SILENT"):
        os.environ[name] = "1"
    print(f"{'':32} {'imports MiB':>12} {'peak MiB':>9} {'CPU s':>6}")
    print(f"{'JupyterLab server':32} {'':>12} {server():9.0f}", flush=True)
    for path in paths:
        imports, most, seconds = measure(path)
        name = f"{path.parent.name}/{path.stem}"
        print(f"{name:32} {imports:12.0f} {most:9.0f} {seconds:6.1f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(command_line.run(Path(__file__).name, main))
