"""What a book has names for: terms, claims, pages, exercises and figures by number, functions."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from docutils import nodes
from sphinx.environment import BuildEnvironment

from bookwork.sphinx.linking import Place
from bookwork.sphinx.numbering import numbers_of

CHAPTER, SECTION = "chapter", "section"
TITLE = re.compile(r"(?:(?P<word>[A-Za-z]+) )?(?P<number>\d+)(?:[.:] |$)")
PART = re.compile(r"\d+\.\d+(?= )")  # "1.2 Retrieval", a page of chapter 1
CODE = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)(?:\(.*\))?", re.DOTALL)
ALONE = {"function", "class", "exception", "data"}  # what is known by its last name alone


@dataclass
class Names:
    """Everything that pages may name, and where it stands."""

    terms: dict[str, Place] = field(default_factory=dict)
    ids: dict[str, Place] = field(default_factory=dict)
    numbered: dict[tuple[str, str], Place] = field(default_factory=dict)
    phrases: dict[str, Place] = field(default_factory=dict)
    figures: dict[str, Place] = field(default_factory=dict)
    objects: dict[str, Place] = field(default_factory=dict)
    shortened: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def described(self) -> set[str]:
        """The pages that describe objects."""
        return {place.page for place in self.objects.values()}

    def resolve(self, code: str) -> str | None:
        """The documented object that code in a text names, if it can be no other."""
        named = CODE.fullmatch(code)
        return self.shortened.get(named[1]) if named else None

    def imported(self, dotted: str) -> str | None:
        """The documented object that code imports by this name, be it documented in another module."""
        if dotted in self.objects:
            return dotted
        parts = dotted.split(".")
        for start in range(1, len(parts)):
            found = self.shortened.get(".".join(parts[start:]), "")
            if is_within(parts, found.split(".")) or is_within(found.split("."), parts):
                return found
        return None


def is_within(few: list[str], many: list[str]) -> bool:
    """Whether some names stand among others in the same order, from the first one on."""
    rest = iter(many)
    return few[0] == many[0] and all(name in rest for name in few)


def number_of(title: str) -> tuple[str, str] | None:
    """What a title that begins with a number, or with a word and a number, lets others call its page."""
    if part := PART.match(title):
        return SECTION, part[0]
    found = TITLE.match(title)
    return ((found["word"] or CHAPTER).lower(), found["number"]) if found else None


def label_of(title: str) -> str:
    """A short name of a page in a list of links."""
    number = number_of(title)
    return " ".join(number) if number else title


def tasks(page: nodes.document) -> Iterator[tuple[str, nodes.section]]:
    """Number and section of each exercise of a page "Exercises 2: ..."."""
    for section in page.findall(nodes.section):
        found = re.match(r"(\d+)\. ", section.next_node(nodes.title).astext())
        if found and not isinstance(section.parent, nodes.document):
            yield found[1], section


def singular(word: str) -> str:
    """One of what a word names: exercises, appendices."""
    return re.sub(r"ces$", "x", word.lower()).removesuffix("s")


def shortest(objects: Mapping[str, str], never: Iterable[str]) -> dict[str, str]:
    """All names under which objects, given with their kinds, are known for certain, and their whole names."""
    known: dict[str, set[str]] = {}
    for whole, kind in objects.items():
        parts = whole.split(".")
        for start in range(len(parts)):
            if start < len(parts) - 1 or kind in ALONE:
                known.setdefault(".".join(parts[start:]), set()).add(whole)
    return {name: wholes.pop() for name, wholes in known.items() if len(wholes) == 1 and name not in {*never}}


def names_of(env: BuildEnvironment) -> Names:
    """All names, once every page is read."""
    names, config = Names(), env.config
    for (kind, name), (page, anchor) in env.domaindata["std"]["objects"].items():
        if kind == "term":
            names.terms[name] = Place(page, anchor)
    for page in env.found_docs.intersection(config.bookwork_ids):
        for span in env.get_doctree(page).findall(nodes.inline):
            if span["ids"]:
                names.ids[span.astext()] = Place(page, span["ids"][0])
    for page, title in env.titles.items():
        names.labels[page] = "introduction" if page == config.root_doc else label_of(title.astext())
        number = number_of(title.astext())
        if number:
            names.numbered[number] = Place(page)
            for task, _ in tasks(env.get_doctree(page)) if singular(number[0]) != number[0] else ():
                one = singular(number[0])
                names.numbered[one, f"{number[1]}.{task}"] = Place(page, f"{one}-{number[1]}-{task}")
    phrases = config.bookwork_phrases.items()
    names.phrases = {said.lower(): Place(page) for said, page in phrases if page in env.found_docs}
    for page, numbers in numbers_of(env).items():
        names.figures.update({label.lower(): Place(page, anchor) for label, anchor in numbers.items()})
    described = {
        name: entry
        for name, entry in env.domaindata["py"]["objects"].items()
        if not entry.aliased and entry.objtype not in ("module", "attribute")
    }
    names.objects = {name: Place(entry.docname, entry.node_id) for name, entry in described.items()}
    kinds = {name: entry.objtype for name, entry in described.items()}
    names.shortened = shortest(kinds, config.bookwork_code_not_linked)
    return names


def mark_tasks(page: nodes.document, title: str) -> None:
    """Give each exercise of a page an anchor that stays when its title changes, such as exercise-2-5."""
    number = number_of(title)
    if number and singular(number[0]) != number[0]:
        for task, section in tasks(page):
            section["ids"].append(f"{singular(number[0])}-{number[1]}-{task}")
