"""The progress bar: what it yields, and that RANKING_SILENT silences it."""

from __future__ import annotations

import pytest

from ranking.progress import SILENT, progress


@pytest.mark.parametrize(("value", "silent"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_environment_decides(monkeypatch, capsys, value, silent):
    monkeypatch.setenv(SILENT, value)
    assert list(progress(range(3), description="walking")) == [0, 1, 2]
    shown = capsys.readouterr().err
    assert ("walking" in shown) is not silent


def test_a_bar_moved_by_hand(monkeypatch, capsys):
    monkeypatch.delenv(SILENT, raising=False)
    with progress(total=4, description="steps") as bar:
        bar.update(3)
        assert (bar.n, bar.total) == (3, 4)
    assert "steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterable": 3}, "iterable must be something to walk through, or None, got 3"),
        *[({"total": total}, "total must be a whole number") for total in ("3", 2.5, -1, float("nan"), [3])],
        *[({"shown": shown}, "shown must be True or False") for shown in ("no", 1, 0, None, float("nan"))],
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        progress(**settings)
