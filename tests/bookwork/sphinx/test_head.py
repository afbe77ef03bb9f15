from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes

from bookwork.sphinx import head

SENTENCE = "Somewhere a system had hundreds of millions of items, and no idea what you want."


def page(*texts: str) -> nodes.document:
    section = nodes.section("", nodes.title("", "A title"), *(nodes.paragraph("", text) for text in texts))
    root = nodes.section("", section)
    section.insert(1, nodes.note("", nodes.paragraph("", "A remark in a box, not what the page is about.")))
    return root


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("A heading", SENTENCE, "Not this."), f"A heading. {SENTENCE}"),
        (("What leads to a list:",), "What leads to a list."),
        ((SENTENCE + " " + SENTENCE,), SENTENCE),
        (("word " * 60,), "word " * 30 + "word…"),
        ((), ""),
    ],
)
def test_a_description_is_the_first_words_of_a_page(texts, said):
    found = head.first_words(page(*texts))
    assert found == said.strip() or found.rstrip("…") == said[: len(found) - 1]
    assert len(found) <= head.LONGEST


def tags(tmp_path, metatags: str = "", **config: str) -> str:
    (tmp_path / "card.png").write_bytes(b"x")
    values = {
        "bookwork_card": "",
        "html_baseurl": "",
        "html_title": "A <book>",
        "root_doc": "a",
        "bookwork_palette": "",
    }
    app = SimpleNamespace(
        config=SimpleNamespace(**(values | config)),
        env=SimpleNamespace(metadata={"told": {"description": 'Its "own" words'}}),
        srcdir=str(tmp_path),
    )
    context = {"title": "A <em>title</em>", "metatags": metatags, "pathto": lambda name, _: f"../{name}"}
    head.add_tags(app, config.get("pagename", "other"), "page.html", context, page(SENTENCE))
    return context["metatags"]


def test_a_page_says_what_it_is(tmp_path):
    found = tags(tmp_path, '<meta name="viewport" content="width=device-width, initial-scale=1" />')
    assert "viewport" not in found
    assert f'<meta name="description" content="{SENTENCE}">' in found
    assert '<meta property="og:title" content="A title">' in found
    assert '<meta property="og:site_name" content="A &lt;book&gt;">' in found
    assert '<meta name="theme-color" content="#' in found
    assert "og:image" not in found
    assert "og:url" not in found
    assert '"twitter:card" content="summary"' in found


def test_a_page_may_have_a_description_of_its_own(tmp_path):
    assert 'content="Its &quot;own&quot; words"' in tags(tmp_path, pagename="told")
    assert tags(tmp_path, '<meta content="Theirs" name="description" />').count('name="description"') == 1


def test_the_card_has_a_full_address_where_the_book_has_one(tmp_path):
    assert 'content="../_static/ranking/card.png"' in tags(tmp_path, bookwork_card="card.png")
    full = tags(tmp_path, bookwork_card="card.png", html_baseurl="https://example.org/book/")
    assert 'content="https://example.org/book/_static/ranking/card.png"' in full
    assert "summary_large_image" in full
    assert "og:image" not in tags(tmp_path, bookwork_card="not_there.png")
