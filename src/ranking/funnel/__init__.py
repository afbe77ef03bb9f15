"""The funnel (推荐链路): retrieval, pre-ranking, ranking, re-ranking. Chapter 1; claims A1–A8.

``candidates`` travel down it; ``retrieval`` and ``stages`` hold the stages, ``chain`` puts them together,
``towers`` and ``learning`` make their models; ``snapshot`` knows what is known online.
"""

from ranking.funnel.candidates import CHANNELS, Candidates, Channel, Request, Stage, merge
from ranking.funnel.chain import STAGES, Funnel, requests_from, survival, true_values, truly_best
from ranking.funnel.counting import count_events, rates
from ranking.funnel.learning import train_pre_ranking, train_ranking, train_retrieval
from ranking.funnel.re_ranking import Scattered, broken_rules, greedy_dpp, mmr, scatter_order
from ranking.funnel.retrieval import QUOTAS, Retrieval, VectorIndex, channels_of, recall
from ranking.funnel.snapshot import Snapshot, funnel_encoder, training_table
from ranking.funnel.stages import PreRanking, Ranking, ReRanking, relative, similarity_of, similarity_vectors
from ranking.funnel.towers import Sides, ThreeTowerModel, in_batch_softmax, multiply_adds, tower_vectors
from ranking.logs.statistics import smoothed_rate
