"""Several processes that train one model: started by ``torchrun``, joined here.

``torchrun --standalone --nproc-per-node 2 train.py`` starts the same script twice and tells each copy, in
environment variables, which of them it is. A script that calls :func:`ranking.training.fit` stays as it is.
"""

import atexit
import os
from dataclasses import dataclass
from typing import Any

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

        A batch that does not give two rows to each (a batch norm cannot learn from one) goes to each whole.
        """
        if self.count == 1 or rows < 2 * self.count:
            return slice(None), 1.0 / self.count
        mine = slice(rows * self.rank // self.count, rows * (self.rank + 1) // self.count)
        return mine, (mine.stop - mine.start) / rows

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sums of some numbers over all processes."""
        if self.count > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def everyones(self, mine: Any) -> list[Any]:
        """What each process holds, in their order, for the first one; the others get an empty list."""
        if self.count == 1:
            return [mine]
        held: list[Any] = [None] * self.count if self.first else []
        dist.gather_object(mine, held if self.first else None)
        return held

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()


ALONE = Processes(0, 1)


def join() -> Processes:
    """The processes that torchrun started, connected through gloo (CPU); one process where it did not."""
    if dist.is_available() and not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo")
        atexit.register(dist.destroy_process_group)
    if dist.is_available() and dist.is_initialized():
        return Processes(dist.get_rank(), dist.get_world_size())
    return ALONE
