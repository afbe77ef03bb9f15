"""Multi-gate mixture-of-experts (MMoE, Ma et al., KDD 2018), with its two relatives and its ensembles.

Claims D1–D4 and D7 of the source map. Every expert is a small network over the same input; every task has a
gate, whose softmax mixes the experts' outputs, and a tower that turns the mixture into a logit:

    x_e = expert_e(x),    g_k = softmax(gate_k(x)),    logit_k = tower_k(Σ_e g_ke x_e).

With one gate for all tasks it is OMoE, with one expert and no gate the shared bottom.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ranking import validation
from ranking.mmoe.fused import ExpertsToLogits
from ranking.mmoe.masking import (
    MASKINGS,
    check_epsilon,
    check_kept,
    check_mask_rate,
    draw_kept,
    mixing_weights,
)
from ranking.mmoe.networks import Networks

GATES = ("per task", "one", "none")
"""What mixes the experts: MMoE, OMoE, shared bottom."""


def _widths(name: str, widths: Sequence[int]) -> tuple[int, ...]:
    if isinstance(widths, (str, int)):
        raise ValueError(f"{name} must be widths of layers, such as (16,), got {widths!r}")
    return tuple(validation.positive_int(name, width) for width in widths)


class MMoE(nn.Module):
    """A mixture of experts for several tasks; logits out. One model, or an ensemble of many seeds.

    The default is the source's configuration: 3 experts, 2 tasks, 10% of the gate weights masked in training.
    An ensemble holds the parameters of many independent models with a leading axis over seeds, so that all
    of them are evaluated and trained at once.

    Args:
        inputs: numbers per row.
        tasks: number of targets, each with its tower.
        experts: number of experts.
        expert: widths of an expert's layers, each followed by a ReLU; at least one.
        gate: widths of a gate's hidden layers; none makes it linear.
        tower: widths of a tower's hidden layers; none makes it linear.
        gates: "per task" for MMoE, "one" for OMoE, "none" for the shared bottom, which has one expert.
        mask_rate: probability that an expert is masked in training, in [0, 1); drawn for every row, gate and
            expert. Nothing is masked in evaluation mode.
        masking: what happens to the other weights, see :mod:`ranking.mmoe.masking`.
        epsilon: the constant of the masking "epsilon", above 0.
        seeds: None for one model, whose first weights torch's global random state decides; or a seed for each
            member of an ensemble, which starts like the single model that is built after
            ``torch.manual_seed(seed)``.

    Raises:
        ValueError: for arguments outside what is allowed.
    """

    def __init__(
        self,
        inputs: int,
        tasks: int = 2,
        experts: int = 3,
        *,
        expert: Sequence[int] = (16,),
        gate: Sequence[int] = (),
        tower: Sequence[int] = (8,),
        gates: str = "per task",
        mask_rate: float = 0.1,
        masking: str = "renormalised",
        epsilon: float = 1e-3,
        seeds: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.inputs = validation.positive_int("inputs", inputs)
        self.tasks = validation.positive_int("tasks", tasks)
        self.experts = validation.positive_int("experts", experts)
        expert, gate, tower = _widths("expert", expert), _widths("gate", gate), _widths("tower", tower)
        if not expert:
            raise ValueError("expert must name at least one layer's width, got none")
        self.gates = validation.one_of("gates", gates, GATES)
        if gates == "none" and experts > 1:
            raise ValueError(
                f"experts must be 1 where gates is 'none': nothing would mix them, got {experts}"
            )
        self.mask_rate = check_mask_rate(mask_rate)
        self.masking = validation.one_of("masking", masking, MASKINGS)
        self.epsilon = check_epsilon(epsilon)
        self.seeds = None if seeds is None else tuple(validation.seed("seeds", seed) for seed in seeds)
        if self.seeds is not None and (not self.seeds or len(set(self.seeds)) < len(self.seeds)):
            raise ValueError(f"seeds must be at least one, each once, got {self.seeds}")
        self.n_gates = {"per task": self.tasks, "one": 1, "none": 0}[gates]
        members = len(self.seeds or (0,))
        self.widths = {"expert": expert, "gate": gate, "tower": tower}
        self.expert_networks = Networks(members, self.experts, (inputs, *expert))
        if self.n_gates:
            self.gate_networks = Networks(members, self.n_gates, (inputs, *gate, experts))
        self.towers = Networks(members, self.tasks, (expert[-1], *tower, 1))
        for number in range(members):
            own = None if self.seeds is None else torch.Generator().manual_seed(self.seeds[number])
            for networks in self.children():
                networks.draw(number, own)

    def forward(
        self, x: Tensor, return_gates: bool = False, kept: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Logits of every row and task.

        Args:
            x: shape (rows, inputs); for an ensemble also (seeds, rows, inputs), each member its own rows.
            return_gates: whether to return the gate weights, too.
            kept: which experts are kept (1 or True), in training mode; shape (rows, n_gates, experts), with
                the axis of the seeds in front for an ensemble. None draws them.

        Returns:
            Logits, shape (rows, tasks), with an axis of the seeds in front for an ensemble. With
            ``return_gates`` also the gates' softmax *before* masking, shape (…, rows, tasks, experts): OMoE's
            gate is repeated for every task, and the shared bottom has ones.

        Raises:
            ValueError: for shapes that do not match and inputs that are not finite.
        """
        rows = self._checked(x)  # (seeds or 1, 1, inputs, rows)
        mixing, weights = self._gates(rows, return_gates, kept)
        layers = [*self.expert_networks.by_layer(), *self.towers.by_layer()]
        logits = ExpertsToLogits.apply(
            rows, mixing, len(self.widths["expert"]), *itertools.chain.from_iterable(layers)
        )  # (seeds, tasks, 1, rows)
        logits = self._outwards(logits.squeeze(2).transpose(1, 2))  # (seeds, rows, tasks)
        return (logits, weights) if return_gates else logits

    @torch.no_grad()
    def gate_weights(self, x: Tensor) -> Tensor:
        """The gates' softmax, nothing masked, without gradient: shape (…, rows, tasks, experts)."""
        rows = self._checked(x)
        if not self.n_gates:
            return self._ones(rows)
        return self._by_rows(self.gate_networks(rows).softmax(dim=2))

    def _gates(
        self, rows: Tensor, return_gates: bool, kept: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """What mixes the experts, (seeds, n_gates, experts, rows), and the softmax, if to be returned."""
        if not self.n_gates:
            return None, self._ones(rows) if return_gates else None
        logits = self.gate_networks(rows)  # (seeds, n_gates, experts, rows)
        masked = self.training and self.mask_rate > 0.0
        weights = logits.softmax(dim=2) if return_gates or not masked else None
        mixing = weights
        if masked:
            keep = self._kept(logits, kept)  # (seeds, n_gates, experts, rows)
            mixing = mixing_weights(logits, keep, self.masking, self.mask_rate, self.epsilon, dim=2)
        return mixing, self._by_rows(weights) if return_gates else None

    def _kept(self, logits: Tensor, kept: Tensor | None) -> Tensor:
        """The mask, given or drawn, shape (seeds, n_gates, experts, rows)."""
        if kept is None:
            exact = self.masking == "renormalised"
            return draw_kept(logits.shape, self.mask_rate, at_least_one=exact, dim=2).to(logits.device)
        seeds, gates, experts, rows = logits.shape
        shape = (rows, gates, experts) if self.seeds is None else (seeds, rows, gates, experts)
        keep = check_kept(kept, shape, self.masking, dim=-1)
        return keep.view(seeds, rows, gates, experts).permute(0, 2, 3, 1)

    def _checked(self, x: Tensor) -> Tensor:
        """Rows last, shape (seeds or 1, 1, inputs, rows)."""
        like = self.towers.biases[-1]
        if not isinstance(x, Tensor) or x.dtype != like.dtype:
            got = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"x must be a tensor of {like.dtype}, as the model is, got {got}")
        own_rows = self.seeds is not None and x.ndim == 3
        if (
            x.ndim != (3 if own_rows else 2)
            or x.shape[-1] != self.inputs
            or (own_rows and len(x) != len(self.seeds))
        ):
            several = "" if self.seeds is None else f" or ({len(self.seeds)}, rows, {self.inputs})"
            raise ValueError(f"x must have shape (rows, {self.inputs}){several}, got {tuple(x.shape)}")
        # One sum is the cheapest look at all numbers; only if it is not finite is there more to find out.
        if not math.isfinite(x.detach().sum().item()):
            bad = ~torch.isfinite(x)
            if bad.any():
                first = tuple(bad.nonzero()[0].tolist())
                raise ValueError(f"x must be finite, got {x[first].item()} at index {first}")
        return (x if own_rows else x.unsqueeze(0)).mT.unsqueeze(1)

    def _outwards(self, values: Tensor) -> Tensor:
        """Without the axis of the seeds where there is one model."""
        return values.squeeze(0) if self.seeds is None else values

    def _by_rows(self, weights: Tensor) -> Tensor:
        """Gate weights (seeds, n_gates, experts, rows) as (…, rows, tasks, experts)."""
        weights = weights.permute(0, 3, 1, 2)
        return self._outwards(weights.expand(-1, -1, self.tasks, -1))

    def _ones(self, rows: Tensor) -> Tensor:
        """The weights of a single expert."""
        members = len(self.seeds or (0,))
        return self._outwards(rows.new_ones(members, rows.shape[-1], self.tasks, 1))

    def member(self, number: int) -> MMoE:
        """Member ``number`` of an ensemble (from 0) as a single model, with a copy of its parameters."""
        members = len(self.seeds or (0,))
        validation.indices("number", number, members)
        settings = {"gates": self.gates, "mask_rate": self.mask_rate, "masking": self.masking}
        with torch.random.fork_rng():  # first weights that are overwritten must not move the random state
            single = MMoE(
                *(self.inputs, self.tasks, self.experts), epsilon=self.epsilon, **self.widths, **settings
            )
        single.to(next(self.parameters()))
        with torch.no_grad():
            for own, all_members in zip(single.parameters(), self.parameters(), strict=True):
                own.copy_(all_members[number : number + 1])
        return single.train(self.training)

    def expert_layers(self, expert: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """Weight (out, in) and bias (out,) of each layer of an expert: views, to read and to copy into.

        Args:
            expert: its number, from 0.
            seed: number of the member in an ensemble, from 0.

        Raises:
            ValueError: for a number that there is not.
        """
        return self._layers(self.expert_networks, "expert", expert, seed)

    def gate_layers(self, gate: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """As :meth:`expert_layers`, for a gate; the last layer has one unit per expert."""
        if not self.n_gates:
            raise ValueError(f"gate must be left out: a shared bottom has no gates, got {gate}")
        return self._layers(self.gate_networks, "gate", gate, seed)

    def tower_layers(self, task: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """As :meth:`expert_layers`, for a tower; the last layer has one unit."""
        return self._layers(self.towers, "task", task, seed)

    @staticmethod
    def _layers(networks: Networks, name: str, number: int, seed: int) -> list[tuple[Tensor, Tensor]]:
        """Layers of one network of one member, whose numbers are checked."""
        seeds, count = networks.weights[0].shape[:2]
        validation.indices(name, number, count)
        validation.indices("seed", seed, seeds)
        return networks.of(number, seed)
