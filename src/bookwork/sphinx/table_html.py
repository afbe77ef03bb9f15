"""HTML tables as a page shows them: numbers right, text left, one head row, each header with its scope.

What pandas, its Styler and Markdown write differs in all of this. Sizes, colours and lines are the style
sheet's; here cells only get classes: ``number``, and ``group`` for a heading over several columns. A table
with much text gets the class ``cards``, and its cells the names of their columns: on a phone its rows become
cards.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

BOX = "pst-scrollable-table-container"  # the theme's, around tables of Markdown
MARKDOWN = re.compile(r'<table class="table[^>]*>.*?</table>', re.DOTALL)
UNITS = r"(?:ns|µs|ms|s|min|h|px|k|M|[KMG]i?B|to|of|e)"
NUMBER = re.compile(rf"(?:[-\d\s.,:%±+−–—/()\[\]×·<>≤≥≈~]|(?<![^\W\d]){UNITS}(?![^\W\d]))*")
MINUS = re.compile(r"(?<![\w.)-])-(?=\.?\d)")
NOTHING = {"", "–", "—", "-", "nan", "None"}
LONG = 60  # characters of a row's text: more do not stand beside each other on a phone


class Cell(NamedTuple):
    """A cell and the first of its columns."""

    column: int
    tag: Tag

    @property
    def text(self) -> str:
        """What it says, on one line; a hard space is none."""
        return " ".join(self.tag.get_text().split())

    @property
    def wide(self) -> int:
        """Over how many columns it goes."""
        return int(str(self.tag.get("colspan") or 1))


def tidy_output(html: str) -> str:
    """HTML of an output with its tables made tidy, each in a box that scrolls."""
    soup = BeautifulSoup(html, "html.parser")
    styled = any("{" in style.get_text() for style in soup.find_all("style") if not style.has_attr("scoped"))
    for style in soup.find_all("style"):
        if not styled or style.has_attr("scoped"):
            style.decompose()
    for table in soup.find_all("table"):
        if not styled:
            _forget(table)
        _tidy(table)
        table.wrap(soup.new_tag("div", attrs={"class": BOX}))
    return str(soup)


def tidy_markdown(body: str) -> str:
    """A page's HTML with all tables that Markdown gave made tidy."""

    def tidied(found: re.Match[str]) -> str:
        soup = BeautifulSoup(found[0], "html.parser")
        for table in soup.find_all("table"):
            _tidy(table)
        return str(soup)

    return MARKDOWN.sub(tidied, body)


def _forget(table: Tag) -> None:
    """Drop what only a style sheet of the table's own would look for."""
    del table["border"], table["id"], table["class"]
    for cell in table.find_all(["td", "th"]):
        for name in set(cell.attrs) - {"colspan", "rowspan"}:
            del cell[name]


def _tidy(table: Tag) -> None:
    for part in (table, *table.find_all(["thead", "tbody", "tr"])):
        part.attrs.pop("style", None)
        for space in [text for text in part.find_all(string=True, recursive=False) if not text.strip()]:
            space.extract()
    head = list(table.thead.find_all("tr")) if table.thead else []
    body = [row for part in table.find_all("tbody") for row in part.find_all("tr")]
    if not head or not body:
        return
    if len(head) > 1:
        head = _one_row(head)
    heads, rows = list(_placed(head)), list(_placed(body))
    _name_rows(heads, rows)
    columns = {cell.column for row in rows for cell in row}
    numbers = {
        column for column in columns if _is_numeric([c for row in rows for c in row if c.column == column])
    }
    for cell in (cell for row in (*heads, *rows) for cell in row):
        _mark(cell, numbers)
        _typeset(cell, cell.column in numbers)
    for cell in (cell for row in heads for cell in row):
        if cell.text:
            cell.tag.name = "th"
            cell.tag["scope"] = "colgroup" if cell.wide > 1 else "col"
        else:  # a corner heads nothing
            cell.tag.name = "td"
            del cell.tag["scope"]
    _cards(table, heads, rows, numbers)


def _classes(tag: Tag) -> list[str]:
    return [str(name) for name in tag.get_attribute_list("class") if name]


def _placed(rows: Sequence[Tag]) -> Iterator[list[Cell]]:
    """The cells of each row, with the columns that cells of rows above leave free."""
    covered: dict[int, int] = {}  # rows that a column is still taken, from above
    for row in rows:
        cells, column = [], 0
        for tag in row.find_all(["td", "th"], recursive=False):
            while covered.get(column):
                column += 1
            cells.append(Cell(column, tag))
            for taken in range(column, column + cells[-1].wide):
                covered[taken] = int(str(tag.get("rowspan") or 1))
            column += cells[-1].wide
        yield cells
        covered = {place: left - 1 for place, left in covered.items() if left > 1}


def _one_row(head: Sequence[Tag]) -> list[Tag]:
    """The head without the row that only names the index: the names move into the corner above it."""
    above, last = list(_placed(head[-2:]))
    named = [cell for cell in last if cell.text]
    corner = len(named) and max(cell.column for cell in named) + 1
    blank = [cell for cell in above if cell.column < corner]
    if not named or any(cell.wide > 1 for cell in blank) or len(named) == len(last):
        return list(head)
    if any(cell.text for cell in blank[:-1]):
        return list(head)
    for cell in named:
        (place,) = (other for other in blank if other.column == cell.column)
        across = f" \\ {place.text}" if place.text else ""  # the name of the columns stands there
        place.tag.string = cell.text + across
    head[-1].decompose()
    return list(head[:-1])


def _name_rows(heads: Sequence[Sequence[Cell]], rows: Sequence[Sequence[Cell]]) -> None:
    """Let cells that name their rows be headers: those of an index, or a first column of distinct texts."""
    first = [cell for row in rows for cell in row[:1] if cell.column == 0]
    texts = [cell.text for cell in first]
    distinct = all(texts) and len(set(texts)) == len(rows) > 1 and len(rows[0]) > 1
    formulas = any(cell.tag.find("math") for cell in first)  # which count for no name among tools that check
    if distinct and not formulas and not _is_numeric(first):
        for cell in first:
            cell.tag.name = "th"
    for cell in (cell for row in rows for cell in row if cell.tag.name == "th"):
        cell.tag["scope"] = "rowgroup" if int(str(cell.tag.get("rowspan") or 1)) > 1 else "row"


def _is_numeric(cells: Sequence[Cell]) -> bool:
    said = [cell.text for cell in cells if cell.text not in NOTHING]
    return bool(said) and all(
        NUMBER.fullmatch(text) and any(letter.isdigit() for letter in text) for text in said
    )


def _mark(cell: Cell, numbers: set[int]) -> None:
    classes = [name for name in _classes(cell.tag) if not name.startswith("text-") and name != "head"]
    if cell.wide > 1:
        classes.append("group")
    elif cell.column in numbers:
        classes.append("number")
    if classes:
        cell.tag["class"] = " ".join(classes)
    else:
        del cell.tag["class"]


def _typeset(cell: Cell, number: bool) -> None:
    """A minus for a number's hyphen; a slash between words ends a line rather than to stand in one alone."""
    for text in cell.tag.find_all(string=True):
        said = MINUS.sub("−", text) if number and text.find_parent("code") is None else text
        if (set_ := said.replace(" / ", "\N{NO-BREAK SPACE}/ ")) != text:
            text.replace_with(set_)


def _cards(
    table: Tag, heads: Sequence[Sequence[Cell]], rows: Sequence[Sequence[Cell]], numbers: set[int]
) -> None:
    """Prepare a table whose rows hold long text in three columns or more to be shown as cards."""
    if len(heads) > 1 or any(cell.tag.has_attr("rowspan") or cell.wide > 1 for row in rows for cell in row):
        return
    columns = range(len(heads[0]))
    wordy = [c for c in columns if c not in numbers]
    length = sum(len(cell.text) for row in rows for cell in row) / len(rows)
    if len(columns) < 3 or len(wordy) < 3 or length < LONG:
        return
    table["class"] = " ".join([*_classes(table), "cards"])
    table["role"] = "table"  # as display: block would take the meaning of its parts
    for part in table.find_all(["thead", "tbody"]):
        part["role"] = "rowgroup"
    for line in table.find_all("tr"):
        line["role"] = "row"
    for cell in (cell for row in (*heads, *rows) for cell in row):
        scope = str(cell.tag.get("scope", ""))
        cell.tag["role"] = (
            f"{scope.removesuffix('group')}header".replace("colh", "columnh") if scope else "cell"
        )
    for row in rows:
        for cell in row:
            if cell.column and heads[0][cell.column].text:
                cell.tag["data-label"] = heads[0][cell.column].text
