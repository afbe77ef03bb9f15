"""MMoE on the course's log: in place of the shared bottom, over the same embedded features."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ranking import validation
from ranking.mmoe.model import MMoE


class EmbeddedMMoE(nn.Module):
    """Embedded features into a mixture of experts; ``training.fit`` takes it in place of ``MultiTaskModel``.

    Args:
        embedding: a ``multi_task.FeatureEmbedding``, or what maps ids (rows, fields) and dense features
            (rows, n) to one vector a row, of length ``embedding.output_dim``.
        targets: names of the targets, e.g. ("click", "like").
        settings: those of :class:`MMoE` but ``inputs``, ``tasks`` and ``seeds``, which the others decide;
            ``base_rates`` may go by the names of the targets.
    """

    def __init__(self, embedding: nn.Module, targets: Sequence[str], **settings: Any) -> None:
        super().__init__()
        for name in ("inputs", "tasks", "seeds"):
            if name in settings:
                raise ValueError(f"{name} must be left out: the embedding and the targets decide it")
        self.targets = validation.targets(targets)
        self.embedding = validation.instance("embedding", embedding, nn.Module)
        inputs = validation.positive_int("embedding.output_dim", getattr(embedding, "output_dim", None))
        if (rates := settings.get("base_rates")) is not None:
            settings["base_rates"] = validation.base_rates(rates, len(self.targets), self.targets)
        self.network = MMoE(inputs, len(self.targets), **settings)

    def forward(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """Logits, shape (rows, targets), from ids (rows, fields) and dense features (rows, n)."""
        logits: Tensor = self.network(self.embedding(categorical, dense))
        return logits

    def gate_weights(self, categorical: Tensor, dense: Tensor) -> Tensor:
        """As :meth:`MMoE.gate_weights`: shape (rows, targets, experts)."""
        return self.network.gate_weights(self.embedding(categorical, dense))
