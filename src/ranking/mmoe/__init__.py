"""Multi-gate mixture-of-experts, how its gates polarize, and what helps (chapter 4)."""

from ranking.mmoe.cgc import CGC
from ranking.mmoe.diagnostics import (
    dead_experts,
    effective_experts,
    mean_largest_weight,
    polarized,
    utilisation,
)
from ranking.mmoe.ensemble import Trajectory, train_ensemble
from ranking.mmoe.masking import MASKINGS, draw_kept, masked_gates
from ranking.mmoe.model import MMoE
from ranking.mmoe.on_log import EmbeddedMMoE
from ranking.mmoe.penalties import gate_entropy, load_imbalance
