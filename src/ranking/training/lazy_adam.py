"""Adam for embedding tables: a step costs what the rows of its batch cost, however many others there are.

A batch of 256 impressions names a few thousand ids at most. The gradient of every other row of the table is
0, and yet the Adam of a dense table walks through all of them at every step: through weights, moments and the
average of the weights. With ``nn.Embedding(..., sparse=True)`` torch gives the gradient as a list of rows,
and nothing else is read or written here.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ranking import validation

BETAS = (0.9, 0.999)
EPS = 1e-8


def sparse_tables(model: nn.Module) -> list[Tensor]:
    """The embedding tables of a model whose gradients are sparse, each once."""
    tables = [
        module.weight
        for module in validation.instance("model", model, nn.Module).modules()
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and module.sparse
    ]
    return list(dict.fromkeys(tables))


class LazyAdam(torch.optim.Optimizer):
    """Adam that updates just the rows which have a gradient, and their average over the last steps.

    For a row r with the gradient g at step t it does what Adam does (Kingma and Ba, ICLR 2015),

        m_r ← β₁ m_r + (1 − β₁) g,    v_r ← β₂ v_r + (1 − β₂) g²,
        w_r ← w_r − η · (m_r / (1 − β₁ᵗ)) / (√(v_r / (1 − β₂ᵗ)) + ε).

    Rows without a gradient keep their weights *and their moments*. Dense Adam lets both fade: it goes on
    moving a row for some steps after the last batch that held it. Where every batch holds every row, the two
    are the same. torch's ``SparseAdam`` follows the same rule (and adds ε to √v itself); TensorFlow calls it
    LazyAdam. It is not FBGEMM's "row-wise" Adam, which keeps one v for all numbers of a row.

    The mean of the weights over the last steps is lazy, too. A change Δ made by the k-th of n averaged steps
    is missing from k − 1 of the n terms of the mean, so that

        mean of w = w at the end − Σₖ (k − 1) Δₖ / n,

    and the sum grows only where a row changes.

    Args:
        tables: parameters of shape (rows, dim) with sparse gradients.
        lr: step size η, above 0; a schedule may change it.
        weight_decay: share of a row's weights, times η, that is taken off (as in AdamW) *when a batch holds
            the row*; at least 0.
        average_after: steps before the first whose weights are averaged; None for no average.
    """

    def __init__(
        self,
        tables: Iterable[Tensor],
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        average_after: int | None = None,
    ) -> None:
        settings: dict[str, Any] = {
            "lr": validation.number("lr", lr, above=0.0),
            "weight_decay": validation.number("weight_decay", weight_decay, least=0.0),
            "average_after": average_after
            if average_after is None
            else validation.whole_number("average_after", average_after),
            "steps": 0,
        }
        given = list(tables) if isinstance(tables, Iterator) else validation.listed("tables", tables)
        for table in given:
            if not isinstance(table, Tensor) or table.ndim != 2:
                raise ValueError(f"tables must be parameters of shape (rows, dim), got {table!r:.80}")
        super().__init__(given, settings)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in every optimiser of torch; the tables' state is made at once."""
        super().add_param_group(param_group)
        # Moments m and v, and Σ (k − 1) Δₖ where weights are averaged, of each row side by side; written now,
        # as memory that is touched for the first time would slow the steps that touch it.
        width = 2 if self.param_groups[-1]["average_after"] is None else 3
        for table in self.param_groups[-1]["params"]:
            self.state[table]["held"] = table.new_empty(len(table), width, table.shape[1]).zero_()

    @property
    def tables(self) -> list[Tensor]:
        """All tables, in the order in which they were given."""
        return [table for group in self.param_groups for table in group["params"]]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step for the rows that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["steps"] += 1
            for table in group["params"]:
                if table.grad is not None:
                    self._update(table, group)
        return loss

    def _update(self, table: Tensor, group: dict[str, Any]) -> None:
        """Move the rows of one table that have a gradient."""
        assert table.grad is not None
        if not table.grad.is_sparse:
            raise ValueError(
                "tables must have sparse gradients: build them with nn.Embedding(..., sparse=True)"
            )
        gradient = table.grad.coalesce()  # each row once, in ascending order
        rows, g = gradient.indices()[0], gradient.values()  # (touched,), (touched, dim)
        held: Tensor = self.state[table]["held"]  # (rows, 2 or 3, dim)
        now = held.index_select(0, rows)  # (touched, 2 or 3, dim)
        m, v = now[:, 0], now[:, 1]  # (touched, dim) each
        beta1, beta2 = BETAS
        steps, rate = group["steps"], group["lr"]
        m.lerp_(g, 1.0 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1.0 - beta2)
        # a root of numbers that lie side by side takes a fraction of the time
        spread = v.contiguous().sqrt_().div_(math.sqrt(1.0 - beta2**steps)).add_(EPS)  # (touched, dim)
        change = (m / spread).mul_(-rate / (1.0 - beta1**steps))  # (touched, dim)
        weights = table.index_select(0, rows)  # (touched, dim)
        if group["weight_decay"]:
            change.sub_(weights, alpha=rate * group["weight_decay"])
        if group["average_after"] is not None and (past := steps - group["average_after"]) > 1:
            now[:, 2].add_(change, alpha=past - 1.0)
        # one row of all that is held is read and written at once: far apart in memory, that is what costs
        held.index_copy_(0, rows, now)
        table.index_copy_(0, rows, weights.add_(change))

    @torch.no_grad()
    def take_averages(self) -> None:
        """Put into every table the mean of its weights over the steps after ``average_after``."""
        for group in self.param_groups:
            count = group["steps"] - (
                group["steps"] if group["average_after"] is None else group["average_after"]
            )
            for table in group["params"]:
                if count > 1:
                    table.sub_(self.state[table]["held"][:, 2], alpha=1.0 / count)
