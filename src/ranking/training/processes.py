"""Several processes that train one model: started by ``torchrun``, joined here.

``torchrun --standalone --nproc-per-node 2 train.py`` starts the same script twice and tells each copy, in
environment variables, which of them it is. A script that calls :func:`ranking.training.fit` stays as it is.
"""

import atexit
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Processes:
    """Which process this is, from 0, and how many there are: 1 for a run without torchrun."""

    rank: int
    count: int

    @property
    def first(self) -> bool:
        """Whether this process speaks for all: it writes checkpoints and shows the progress bar."""
        return self.rank == 0

    def share(self, rows: int) -> tuple[slice, float]:
        """Which rows of a batch are this process's, and their weight in the mean over the batch.

        A batch with fewer rows than processes goes to each of them whole.
        """
        if self.count == 1 or rows < self.count:
            return slice(None), 1.0 / self.count
        mine = slice(rows * self.rank // self.count, rows * (self.rank + 1) // self.count)
        return mine, (mine.stop - mine.start) / rows

    def total(self, value: float) -> float:
        """The sum of a number over all processes."""
        if self.count == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(number)
        return float(number)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()


def join() -> Processes:
    """The processes that torchrun started, connected through gloo (CPU); one process where it did not."""
    if dist.is_available() and not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo")
        atexit.register(dist.destroy_process_group)
    if dist.is_available() and dist.is_initialized():
        return Processes(dist.get_rank(), dist.get_world_size())
    return Processes(0, 1)
