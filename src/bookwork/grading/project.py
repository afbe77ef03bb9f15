"""The book that exercises belong to: where it lies, and what its ``pyproject.toml`` says of it.

A table there describes the course; every entry may be left out::

    [tool.bookwork]
    book = "book"                    # folder of the pages
    contents = "_toc.yml"            # which of them there are; "" takes all NAME/exercises.ipynb
    course_id = "course"             # of nbgrader's gradebook
    handout = ["src", "LICENSE"]     # what learners get beside the notebooks
    note = "A line for the README that they get; {numpy} becomes the pinned requirement."
    environment = { NAME = "value" } # of the kernels in which submissions are graded
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import yaml

from bookwork.files import parsed
from bookwork.grading import editions

KINDS: dict[str, tuple[type, str]] = {
    "handout": (list, "a list of texts"),
    "environment": (dict, "a table of texts"),
}
"""What entries of the description are that are no texts."""


@dataclass(frozen=True)
class Project:
    """A project with a book: its folder, and the entries of the table above."""

    root: Path
    book: str = "book"
    contents: str = "_toc.yml"
    course_id: str = "course"
    handout: Sequence[str] = ()
    note: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, root: Path) -> Self:
        """The project in a folder; an entry of its description that is not known is a ValueError."""
        described = _described(root) or {}
        known = [entry.name for entry in fields(cls)][1:]
        if unknown := sorted(set(described) - set(known)):
            raise ValueError(f"[tool.bookwork] may have {', '.join(known)}; got {', '.join(unknown)}")
        for name, value in described.items():
            kind, texts = KINDS.get(name, (str, "a text"))
            entries = [*value, *value.values()] if isinstance(value, dict) else value
            if not isinstance(value, kind) or not all(isinstance(entry, str) for entry in entries):
                raise ValueError(f"{name} of [tool.bookwork] must be {texts}, got {value!r:.80}")
        return cls(root, **described)

    @classmethod
    def here(cls) -> Self:
        """The project around the working folder; a ValueError where there is none."""
        here = Path.cwd()
        for folder in (here, *here.parents):
            if _described(folder) is not None:
                return cls.at(folder)
        where = f"no pyproject.toml with [tool.bookwork] in {here} or above it"
        raise ValueError(f"{where}: work in a copy of the repository")

    @classmethod
    def chosen(cls, folder: Path | None) -> Self:
        """The project in ``folder``, or around the working folder if that is None.

        A folder without a table of contents is one of exercises alone: all ``NAME/exercises.ipynb`` in it.
        """
        if folder is None:
            return cls.here()
        if not folder.is_dir():
            raise ValueError(f"FOLDER must be a folder with NAME/{editions.NAME}.ipynb, got {folder}")
        project = cls.at(folder)
        there = (folder / project.contents).is_file()
        return project if there else replace(project, book=".", contents="")

    def exercises(self, chapters: Iterable[str] | None = None) -> dict[str, Path]:
        """The authored notebooks of all or some chapters by name of assignment, in the order of the contents.

        What else lies in the folders (a copy that somebody made) is no part of the course. It is a ValueError
        that there are none, or none for one of ``chapters``.
        """
        contents = self.root / self.contents
        found = {page.parent.name: page for page in self._pages() if page.stem == editions.NAME}
        if not found:
            must = "name pages of" if self.contents else "have folders with"
            raise ValueError(f"{contents} must {must} exercises, NAME/{editions.NAME}")
        wanted = list(found if chapters is None else chapters)
        if unknown := [name for name in wanted if name not in found]:
            raise ValueError(f"chapters must be some of {', '.join(found)}, got {', '.join(unknown)}")
        return {name: found[name] for name in wanted}

    def _pages(self) -> list[Path]:
        contents, book = self.root / self.contents, self.root / self.book
        if not self.contents:
            return sorted(book.glob(f"[!.]*/{editions.NAME}.ipynb"))
        if not contents.is_file():
            raise ValueError(f"the book's contents must stand in {contents}")
        return [book / f"{name}.ipynb" for name in files_in(parsed(contents, "YAML", yaml.safe_load))]


def _described(root: Path) -> dict[str, Any] | None:
    """The table of a folder's ``pyproject.toml``, None where there is none."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return None
    tools = parsed(path, "TOML", tomllib.loads).get("tool")
    found = tools.get("bookwork") if isinstance(tools, dict) else None
    if found is not None and not isinstance(found, dict):
        raise ValueError(f"[tool.bookwork] in {path} must be a table, got {found!r:.80}")
    return found


def files_in(contents: Any) -> Iterator[str]:
    """The files that a table of contents names, in order; none where it is no table."""
    if isinstance(contents, dict) and isinstance(contents.get("file"), str):
        yield contents["file"]
    entries = contents.values() if isinstance(contents, dict) else contents
    for value in entries if isinstance(contents, (dict, list)) else ():
        yield from files_in(value)
