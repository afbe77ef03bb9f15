"""KuaiRand-Pure: a real log beside the simulated one."""

from ranking.logs.kuairand.files import download_kuairand, find_kuairand
from ranking.logs.kuairand.loading import load_kuairand

__all__ = ["download_kuairand", "find_kuairand", "load_kuairand"]
