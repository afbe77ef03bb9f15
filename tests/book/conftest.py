"""Built books for the tests that open pages in a browser, and readers in front of them.

RANKING_BUILT_BOOK may name the folder of the built course, as `make test` does; else it is built here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import build
from sample import write_sample_book
from visits import Reader, Visit, serving

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of the course, the one that RANKING_BUILT_BOOK names or built anew."""
    named = os.environ.get("RANKING_BUILT_BOOK")
    if named:
        return (REPOSITORY / named).resolve()
    output = tmp_path_factory.mktemp("course")
    build(REPOSITORY, output)
    return output / "_build" / "html"


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book."""
    root = write_sample_book(tmp_path_factory.mktemp("sample"))
    build(root, root)
    return root / "_build" / "html"


@pytest.fixture(scope="class")
def book(request: pytest.FixtureRequest) -> Path:
    """Folder with the built pages that a class of tests looks at: its ``pages`` names the book."""
    return request.getfixturevalue(request.cls.pages)


@pytest.fixture(scope="class")
def reader(chromium, book: Path) -> Iterator[Reader]:
    """A browser with that book."""
    with serving(book) as address:
        yield Reader(chromium, book, address)


@pytest.fixture(scope="class")
def visits(request: pytest.FixtureRequest, reader: Reader) -> list[Visit]:
    """Every page in every setting of the class: wide and light from localhost, narrow and dark from file://."""
    return [visit for setting in request.cls.settings for visit in reader.visit_all(setting)]
