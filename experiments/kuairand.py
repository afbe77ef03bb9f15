"""What experiments on the real log, KuaiRand-Pure, share."""

from __future__ import annotations

from experiments.running import DataMissing
from ranking.logs import ImpressionLog
from ranking.logs.kuairand import find_kuairand, load_kuairand


def real_log() -> ImpressionLog:
    """The log, with statistics.

    Raises:
        DataMissing: where its files are not here.
    """
    folder = find_kuairand()
    if folder is None:
        raise DataMissing("No KuaiRand-Pure files here (the README says how to get them)")
    return load_kuairand(folder).with_statistics()


def batch_size_for(rows: int) -> int:
    """Rows per step: 256, or fewer on a small log, so that training takes more than a hundred steps."""
    size = 256 if rows >= 100_000 else 64
    while size > 8 and rows < 128 * size:
        size //= 2
    return size
