"""Multi-gate mixture-of-experts (MMoE, Ma et al., KDD 2018), with its two relatives.

Claims D1–D4 and D7 of the source map. Every expert is a small network over the same input; every task has a
gate, whose softmax mixes the experts' outputs, and a tower that turns the mixture into a logit:

    x_e = expert_e(x),    g_k = softmax(gate_k(x)),    logit_k = tower_k(Σ_e g_ke x_e).

With one gate for all tasks it is OMoE, with one expert and no gate the shared bottom.
"""

from collections.abc import Sequence

import torch
from scipy.special import logit
from torch import Tensor

from ranking import validation
from ranking.mmoe.masking import check_kept, check_masking, draw_kept, mixing_weights
from ranking.mmoe.members import Members
from ranking.mmoe.mixing import mix
from ranking.mmoe.networks import Networks, side_by_side

GATES = ("per task", "one", "none")  # what mixes the experts: MMoE, OMoE, shared bottom


def _widths(name: str, widths: Sequence[int]) -> tuple[int, ...]:
    """Widths of layers, maybe none."""
    if isinstance(widths, (str, int)):
        raise ValueError(f"{name} must be widths of layers, such as (16,), got {widths!r}")
    return validation.positive_ints(name, widths)


class MMoE(Members):
    """A mixture of experts for several tasks; logits out. One model, or an ensemble of many seeds.

    The default is the source's configuration: 3 experts, 2 tasks, 10% of the gate weights masked in training.

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
        seeds: None for one model; or a seed for each member of an ensemble, see :mod:`ranking.mmoe.members`.
        base_rates: where the heads start, a share in (0, 1) per task: of a target given a click, the rate
            among the clicked rows. The bias of each tower's last layer is then the logit of its share, for
            all members alike, and all other first weights are as without. None leaves these biases as they
            are drawn, near 0.

    What ``base_rates`` are for: untrained heads say about 50% where the truth may be a few in a hundred. At
    first every row pushes the logit down, and choosing the expert that is lowest helps at once, which may be
    a shortcut to gates that polarize. Whether starting at the base rate keeps them from it is for experiments
    to say; until then it is off.
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
        base_rates: Sequence[float] | None = None,
    ) -> None:
        super().__init__(inputs, seeds)
        self.gates = validation.one_of("gates", gates, GATES)
        self.tasks = tasks = validation.positive_int("tasks", tasks)
        self.experts = experts = validation.positive_int("experts", experts)
        if gates == "none" and experts > 1:
            raise ValueError(f"experts must be 1 where gates is 'none': nothing mixes them, got {experts}")
        expert, gate, tower = _widths("expert", expert), _widths("gate", gate), _widths("tower", tower)
        if not expert:
            raise ValueError("expert must name at least one layer's width, got none")
        self.n_gates = {"per task": tasks, "one": 1, "none": 0}[gates]
        self.mask_rate, self.masking, self.epsilon = check_masking(mask_rate, masking, epsilon)
        self.expert_networks = Networks(self.members, experts, (self.inputs, *expert), last_relu=True)
        if self.n_gates:
            self.gate_networks = Networks(self.members, self.n_gates, (self.inputs, *gate, experts))
        self.towers = Networks(self.members, tasks, (expert[-1], *tower, 1))
        self.base_rates = None if base_rates is None else validation.base_rates(base_rates, tasks)
        self.draw()
        if self.base_rates is not None:
            start = torch.from_numpy(logit(self.base_rates))  # (tasks,)
            with torch.no_grad():
                self.towers.biases[-1].copy_(start.unsqueeze(1))  # (seeds, tasks, 1)

    def extra_repr(self) -> str:
        """Where the heads start: part of what a run with this model is known by."""
        return "" if self.base_rates is None else f"base_rates={self.base_rates}"

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
        """
        return_gates = validation.flag("return_gates", return_gates)
        rows = self.inwards(x)  # (seeds or 1, 1, inputs, rows)
        networks = (self.expert_networks, self.gate_networks) if self.n_gates else (self.expert_networks,)
        outputs, *of_gates = side_by_side(rows, *networks)  # x_e, (seeds, experts, width, rows)
        gate_logits = self._gate_logits(rows, *of_gates)  # (seeds, gates, experts, rows)
        g = gate_logits.softmax(dim=2)
        masks = self.training and self.mask_rate > 0.0 and self.n_gates > 0
        if kept is not None and not masks:
            raise ValueError(
                "kept must be None where nothing is masked: in evaluation mode, without a rate or a gate"
            )
        mixing = self._masked(gate_logits, kept) if masks else g
        mixtures = mix(mixing.to(outputs.dtype), outputs)  # Σ_e g_ke x_e, (seeds, gates, width, rows)
        logits = self.towers(mixtures)  # (seeds, tasks, 1, rows)
        logits = self.outwards(logits.squeeze(2).mT)  # (…, rows, tasks)
        return (logits, self._by_rows(g)) if return_gates else logits

    @torch.no_grad()
    def gate_weights(self, x: Tensor) -> Tensor:
        """The gates' softmax, nothing masked, without gradient: shape (…, rows, tasks, experts)."""
        return self._by_rows(self._gate_logits(self.inwards(x)).softmax(dim=2))

    def _gate_logits(self, rows: Tensor, read: Tensor | None = None) -> Tensor:
        """What enters the softmax, (seeds, gates, experts, rows); 0 where there is nothing to choose from."""
        if not self.n_gates:
            return rows.new_zeros(self.members, 1, 1, rows.shape[-1])
        logits: Tensor = self.gate_networks(rows) if read is None else read
        return logits.to(rows.dtype)  # from autocast they come in half, in which no softmax sums to 1

    def _by_rows(self, g: Tensor) -> Tensor:
        """Gate weights (seeds, gates, experts, rows) as (…, rows, tasks, experts)."""
        return self.outwards(g.permute(0, 3, 1, 2).expand(-1, -1, self.tasks, -1))

    def _masked(self, logits: Tensor, kept: Tensor | None) -> Tensor:
        """What mixes the experts where some are masked, shape (seeds, gates, experts, rows)."""
        seeds, gates, experts, rows = logits.shape
        if kept is None:
            exact = self.masking == "renormalised"
            keep = draw_kept(logits.shape, self.mask_rate, at_least_one=exact, dim=2).to(logits.device)
        else:
            shape = (rows, gates, experts) if self.seeds is None else (seeds, rows, gates, experts)
            keep = check_kept(kept, shape, self.masking, dim=-1)
            keep = keep.view(seeds, rows, gates, experts).permute(0, 2, 3, 1)
        return mixing_weights(logits, keep, self.masking, self.mask_rate, self.epsilon, dim=2)

    def expert_layers(self, expert: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """Weight (out, in) and bias (out,) of each layer of an expert: views, to read and to copy into.

        Both numbers count from 0; ``seed`` is that of the member in an ensemble.
        """
        return self.expert_networks.of("expert", expert, seed)

    def gate_layers(self, gate: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """As :meth:`expert_layers`, for a gate; the last layer has one unit per expert."""
        if not self.n_gates:
            raise ValueError(f"gate must be left out: a shared bottom has no gates, got {gate}")
        return self.gate_networks.of("gate", gate, seed)

    def tower_layers(self, task: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
        """As :meth:`expert_layers`, for a tower; the last layer has one unit."""
        return self.towers.of("task", task, seed)
