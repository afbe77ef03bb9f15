from __future__ import annotations

import re

from bookwork.palette import DEFAULT
from bookwork.sphinx import offline
from bookwork.sphinx.theme import STYLES, page_script, style_sheet


def test_mathjax_is_one_script_that_lies_at_hand():
    assert len(offline.wheel_file("sphinx-mathjax-offline", offline.MATHJAX)) > 1_000_000


def test_nothing_that_pages_load_names_another_host():
    for text in (page_script(), style_sheet(DEFAULT)):
        assert re.findall(r"(?:https?:)?//(?!www\.w3\.org)[a-z0-9-]+\.[a-z]+", text) == []
        assert re.findall(r"url\((?!['\"]?data:)", text) == []


def test_a_file_is_written_only_when_it_changes(tmp_path):
    path = tmp_path / "a.js"
    offline.write(path, b"1")
    before = path.stat().st_mtime_ns
    offline.write(path, b"1")
    assert path.stat().st_mtime_ns == before
    offline.write(path, b"2")
    assert path.read_bytes() == b"2"


def test_every_part_of_the_style_sheet_is_used():
    assert sorted(STYLES) == sorted(path.stem for path in (offline.ASSETS / "css").glob("*.css"))
