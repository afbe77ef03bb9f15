"""Pages that stand still, also in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from bookwork.grading.term.still import POLICY, still

PAGE = """<!DOCTYPE html><html><head><meta http-equiv="refresh" content="0; url=https://x.org">
<link rel="stylesheet" href="https://x.org/a.css"><script src="https://x.org/a.js"></script></head>
<body onload="document.title='ran'"><p style="color: red">Text</p><img src="https://x.org/a.png">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><svg><script>document.title='ran'</script></svg>
<a href="javascript:document.title='ran'">link</a><form action="https://x.org"></form></body></html>"""


def test_what_runs_or_loads_is_gone_and_the_rest_stays():
    page = BeautifulSoup(still(PAGE), "html.parser")
    assert not page.find_all(["script", "link", "form"])
    assert [meta["content"] for meta in page.find_all("meta")] == [POLICY]
    assert page.body.attrs == {}
    assert [image.get("src", "")[:5] for image in page.find_all("img")] == ["", "data:"]
    assert page.p["style"] == "color: red"
    assert still(PAGE).startswith("<!DOCTYPE html>")


def test_a_page_needs_a_head():
    with pytest.raises(ValueError, match="html must be a whole page"):
        still("<p>Text</p>")


@pytest.mark.browser
def test_the_policy_holds_by_itself(chromium: Any, tmp_path: Path):
    """Whatever a parser of ours has overlooked."""
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    path = tmp_path / "page.html"
    path.write_text(PAGE.replace("<head>", head).replace('<meta http-equiv="refresh"', "<meta name='x'"))
    page = chromium.new_page()
    blocked: list[tuple[str, str]] = []
    answered: list[str] = []
    page.on("requestfailed", lambda request: blocked.append((request.url[:14], request.failure)))
    page.on("response", lambda response: answered.append(response.url[:5]))
    page.goto(path.as_uri())
    page.get_by_text("link").click()
    assert page.title() == ""
    assert set(blocked) == {("https://x.org/", "csp")}
    assert set(answered) <= {"file:", "data:"}
    page.close()
