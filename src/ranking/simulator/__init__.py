"""The simulator: a world that knows the truth behind every impression of its log."""

from ranking.simulator.autoplay import Autoplay
from ranking.simulator.config import WorldConfig
from ranking.simulator.conflict import Conflict
from ranking.simulator.drift import Drift
from ranking.simulator.play_truth import PlayTruth
from ranking.simulator.revealed import mood_posterior
from ranking.simulator.sessions import Sessions, topic_repeats
from ranking.simulator.truth import Truth
from ranking.simulator.world import World, simulate_log
