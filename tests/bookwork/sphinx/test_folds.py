from __future__ import annotations

import pytest

from bookwork.sphinx.folds import LEAST, later

LONG = "<p>a</p>" * LEAST


def test_what_is_long_waits_as_one_text():
    assert later(LONG) == f'<noscript class="ranking-later">{LONG}</noscript>'


@pytest.mark.parametrize(
    "html", ["<p>short</p>", LONG + "<script>x</script>", LONG + "<noscript>x</noscript>", ""]
)
def test_what_is_short_or_has_scripts_stays(html):
    assert later(html) == html
