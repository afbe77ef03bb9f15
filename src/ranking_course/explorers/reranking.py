"""The re-ranking explorer of chapter 1: diversity against score, by method, trade-off and window (A5)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from bookwork.explorer.schema import anything, array, each, number, plain_json, record, text
from bookwork.explorer.traits import Checked, Count, Share
from ranking_course.explorers.base import Explorer

METHODS = ("mmr", "dpp")
MOST_CANDIDATES = 200

_CANDIDATE = record(item=plain_json, topic=text(), score=number(0.0))


def checked_recording(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The candidates of one request, checked and cut down to what the explorer shows.

    Args:
        recorded: ``{"candidates": [...], "vectors": [...]}``. A candidate, one of at most 200 that enter
            re-ranking, in any order, is ``{"item": id, "topic": name, "score": s}``: topic a text or a
            number, s the fused score, at least 0. To be weighed against a similarity, scores are scaled to
            run from 0 to 1 over the candidates (``ranking.funnel.stages.relative``); the score that a slate
            keeps is that of the scores as given. ``vectors`` say how similar two candidates are, one list of
            numbers per candidate, all of one length: the similarity is their cosine
            (``ranking.funnel.stages.similarity_vectors`` makes such vectors). Four decimals are enough.

    Returns:
        Plain JSON data; candidates sorted by falling score, vectors of length 1 in the same order.
        A ValueError names the entry that is missing or not allowed.
    """
    # the slate is made anew at every move of a slider: of more it would be slow
    candidates = each(_CANDIDATE, 1, MOST_CANDIDATES)
    kept = record(candidates=candidates, vectors=anything())("recorded", recorded)
    candidates = kept["candidates"]
    if len({str(candidate["item"]) for candidate in candidates}) < len(candidates):
        raise ValueError("recorded['candidates'] must not hold an item twice")
    if not any(candidate["score"] for candidate in candidates):
        raise ValueError("recorded['candidates'] must have a score above 0, got none")
    vectors = np.array(array(len(candidates), None)("recorded['vectors']", kept["vectors"]))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise ValueError(f"recorded['vectors'] must not be 0, got that at index {int(np.argmin(lengths))}")
    order = np.argsort([-candidate["score"] for candidate in candidates], kind="stable")
    unit = np.round(vectors / lengths, 6)[order]
    return {"candidates": [candidates[i] for i in order], "vectors": unit.tolist()}


class RerankingExplorer(Explorer):
    """The slate that MMR or a greedy DPP makes of recorded candidates, made anew as the sliders move.

    ``RerankingExplorer(recorded, trade_off=0.5, window=5, method="mmr", shown=12)``: the traits ``trade_off``
    (θ from 0, only diversity, to 1, only score), ``window`` (how many of the last places a new item must
    differ from) and ``method`` ("mmr" or "dpp") follow the controls and can be set; ``shown`` is the length
    of the slate. ``recorded``: see :func:`checked_recording`.
    """

    module = "reranking"
    settings = ("trade_off", "window", "method")
    arguments = ("trade_off", "window", "method", "shown")

    trade_off = Share(0.5, 0.0, 1.0, help="θ: 1 is score alone, 0 diversity alone.")
    window = Count(5, 1, 50, help="Places before a new item that it must differ from.")
    method = traitlets.Enum(METHODS, "mmr", help="How the slate is made.")
    shown = Count(12, 2, 20, help="Length of the slate.")
    recorded = Checked(checked_recording, {}, help="Recorded candidates.")

    def __init__(self, recorded: Mapping[str, Any], *settings: Any, **others: Any) -> None:
        """See the class; ``others`` are the arguments of :class:`Explorer`."""
        super().__init__(*settings, recorded=recorded, **others)
        count = len(self.recorded["candidates"])
        if count < self.shown:
            raise ValueError(f"recorded['candidates'] must be at least shown={self.shown}, got {count}")

    def facts(self) -> dict[str, Any]:
        counts = {"shown": self.shown, "candidates": len(self.recorded["candidates"]), "window": self.window}
        return {**counts, "method": self.labels[self.method], "theta": f"{self.trade_off:g}"}
