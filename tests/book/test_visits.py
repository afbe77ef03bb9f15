"""What a reader in front of a book notes as an error, and what it does not."""

from __future__ import annotations

import pytest
from visits import SETTINGS

pytestmark = pytest.mark.browser

ASK = "(address) => { new Image().src = address; }"


class TestErrors:
    """Requests of the sample book's first page that come to nothing."""

    pages = "sample"

    def test_a_page_that_is_left_may_give_up_what_it_asked_for(self, reader):
        with reader.tab(SETTINGS[0]) as (page, log):
            reader.open(page, SETTINGS[0], "intro.html")
            page.route("**/slow.svg", lambda route: None)  # answered never
            with page.expect_event("requestfailed") as failed:
                with page.expect_request("**/slow.svg"):
                    page.evaluate(ASK, "slow.svg")
                reader.open(page, SETTINGS[0], "search.html")
            assert failed.value.url.endswith("/slow.svg")
            assert log.errors == []

    @pytest.mark.parametrize(
        ("address", "told"), [("missing.svg", "404: "), ("http://192.0.2.1/", "failed: http://192.0.2.1/")]
    )
    def test_what_is_missing_or_elsewhere_is_an_error(self, reader, address, told):
        with reader.tab(SETTINGS[0]) as (page, log):
            reader.open(page, SETTINGS[0], "intro.html")
            with page.expect_event("requestfinished" if "404" in told else "requestfailed"):
                page.evaluate(ASK, address)
            for _ in range(100):  # it may be told a moment later
                if any(error.startswith(told) for error in log.errors):
                    break
                page.wait_for_timeout(100)
            else:
                pytest.fail(f"told nothing of it: {log.errors}")
