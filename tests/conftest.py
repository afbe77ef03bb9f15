"""What all tests share: a silent progress bar, one browser per worker, hypothesis without deadlines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
from browser import ADVICE, LAUNCH_ARGS, find_browser

os.environ.setdefault("RANKING_SILENT", "1")

# The machine may be busy: how long an example takes says nothing about whether it is right.
settings.register_profile(
    "course", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")

LONGEST = (
    "tests/bookwork/grading/test_gra",
    "tests/bookwork/grading/test_gat",
    "tests/book/test_pages.py",
    "tests/ranking/training/test_training.py",
    "tests/ranking_course/explorers/test_every",
)
"""Beginnings of the names of tests that take minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))  # all others stay in their order


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A headless Chromium for the whole session (one per worker)."""
    from playwright.sync_api import sync_playwright

    program = find_browser()
    if program is None:
        pytest.fail(ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=LAUNCH_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def show(chromium: object, tmp_path: Path) -> Iterator[Callable[..., object]]:
    """Open an explorer from a file, see :func:`explorer_page.pages_of`."""
    from explorer_page import pages_of

    yield from pages_of(chromium, tmp_path)


@pytest.fixture(scope="session")
def kuairand_folder() -> Path:
    """The folder with real KuaiRand-Pure rows that RANKING_KUAIRAND_DIR names."""
    named = os.environ.get("RANKING_KUAIRAND_DIR")
    if not named:
        pytest.skip("RANKING_KUAIRAND_DIR names no folder with KuaiRand-Pure files")
    return Path(named)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """What the experiments do: on small batches a second thread costs more than it brings."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
