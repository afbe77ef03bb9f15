"""Tables of pandas, of its Styler and of Markdown get the same form."""

from __future__ import annotations

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from bookwork.sphinx.table_html import BOX, tidy_markdown, tidy_output

RATES = pd.DataFrame({"loss": [0.31, 0.4], "said": ["low", "high"]}, index=pd.Index([0.1, 1.0], name="α"))


def rows(html: str) -> list[list[str]]:
    soup = BeautifulSoup(html, "html.parser")
    return [[cell.get_text() for cell in row.find_all(["td", "th"])] for row in soup.find_all("tr")]


def cells(html: str, name: str | bool, **attributes: object) -> list[str]:
    return [cell.get_text() for cell in BeautifulSoup(html, "html.parser").find_all(name, **attributes)]


@pytest.mark.parametrize(
    "html", [RATES.to_html(), RATES._repr_html_(), RATES.style.format(precision=2).to_html()]
)
def test_the_index_is_named_in_the_one_head_row_and_numbers_are_marked(html: str) -> None:
    tidied = tidy_output(html)
    (head, *body) = rows(tidied)
    assert head == ["α", "loss", "said"]
    assert len(body) == 2
    assert cells(tidied, "th", scope="col") == head
    assert len(cells(tidied, "th", scope="row")) == 2
    assert len(cells(tidied, True, class_="number")) == 6
    assert "style" not in tidied
    assert " id=" not in tidied
    assert f'<div class="{BOX}"><table>' in tidied


def test_numbers_have_a_minus_and_no_slash_begins_a_line() -> None:
    spans, said = ["-1 to -.5", "(1e-7-2)"], ["a-1", "-1 / b"]
    table = pd.DataFrame({"raw / true": [-0.5, 2.0], "span": spans, "said": said})
    assert rows(tidy_output(table.to_html(index=False))) == [
        ["raw\N{NO-BREAK SPACE}/ true", "span", "said"],
        ["−0.5", "−1 to −.5", "a-1"],
        ["2.0", "(1e-7-2)", "-1\N{NO-BREAK SPACE}/ b"],
    ]


def test_a_style_of_its_own_is_kept() -> None:
    tidied = tidy_output(RATES.style.highlight_max(subset=["loss"]).to_html())
    assert "background-color: yellow" in tidied
    assert 'class="data row1 col0 number" id="T_' in tidied


def test_headings_over_several_columns_stay_above_them() -> None:
    columns = pd.MultiIndex.from_product([["raw", "calibrated"], ["low", "high"]], names=["model", "end"])
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["log", "seed"])
    tidied = tidy_output(pd.DataFrame([[1, 2, 3, 4]] * 2, columns=columns, index=index).to_html())
    assert rows(tidied)[:2] == [
        ["", "model", "raw", "calibrated"],
        ["log", "seed \\ end", "low", "high", "low", "high"],
    ]
    assert cells(tidied, "th", scope="colgroup") == ["raw", "calibrated"]
    assert cells(tidied, "th", scope="rowgroup") == ["a"]


@pytest.mark.parametrize(
    ("texts", "numeric"),
    [
        (["1,000", "–", "12%"], True),
        (["0.08 (0.07 to 0.10)", "-1.5 ± 0.2"], True),
        (["5 ms", "3.2 s", "10–20 min"], True),
        (["X13", "C1"], False),
        (["1 of 512", "all"], False),
        (["", "–"], False),
    ],
)
def test_what_counts_as_numbers(texts: list[str], numeric: bool) -> None:
    tidied = tidy_output(pd.DataFrame({"a": texts}, index=[f"row {i}" for i in range(len(texts))]).to_html())
    assert bool(cells(tidied, "td", class_="number")) is numeric


def markdown(head: str, *body: str) -> str:
    lines = "".join(
        "<tr>" + "".join(f"<td><p>{c}</p></td>" for c in row.split("|")) + "</tr>" for row in body
    )
    top = "".join(f'<th class="head text-right"><p>{cell}</p></th>' for cell in head.split("|"))
    table = f'<table class="table"><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>'
    return tidy_markdown(f"<p>before</p>{table}<p>after</p>")


def test_a_first_column_of_distinct_texts_heads_its_rows() -> None:
    tidied = markdown("target|rate", "click|10%", "like|0.4%")
    assert cells(tidied, "th", scope="row") == ["click", "like"]
    assert cells(tidied, "td", class_="number") == ["10%", "0.4%"]
    assert "text-right" not in tidied
    assert cells(markdown("said|rate", "yes|1", "yes|2"), "th", scope="row") == []
    assert cells(markdown("symbol|rate", "<math>p</math>|1", "<math>q</math>|2"), "th", scope="row") == []
    assert cells(markdown("|rate", "yes|1"), "td")[0] == ""  # a corner heads nothing


def test_rows_of_much_text_become_cards() -> None:
    long = "so much text that no phone shows it beside another column of it"
    tidied = BeautifulSoup(markdown("id|claim|where", f"C1|{long}|here", f"C2|{long}|there"), "html.parser")
    assert tidied.table["class"] == ["table", "cards"]
    assert [cell["data-label"] for cell in tidied.find_all("td")] == ["claim", "where"] * 2
    assert {cell["role"] for cell in tidied.find_all("th", scope="row")} == {"rowheader"}
    assert {cell["role"] for cell in tidied.find_all("th", scope="col")} == {"columnheader"}
    for few in (markdown("id|claim", f"C1|{long}", f"C2|{long}"), markdown("id|a|b", "C1|x|y", "C2|x|y")):
        assert "cards" not in few


def test_other_html_is_left_alone() -> None:
    assert tidy_output("<p>a &lt; b</p>") == "<p>a &lt; b</p>"
    assert tidy_output("<table><tr><td>1</td></tr></table>").count("<td>1</td>") == 1
