"""Where a book names its claims and its functions, so that these lead back to there."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from bookwork.sphinx.linking import Place, anchor_of, inside, texts
from bookwork.sphinx.naming import CHAPTER, SECTION, Names, mark_tasks, names_of

FOUND = "bookwork_found"  # attributes of the environment, kept from build to build
CHANGED = "bookwork_changed"


@dataclass
class Mentions:
    """The places that name something, by its id or dotted name: the first of each page, in reading order."""

    ids: dict[str, list[Place]] = field(default_factory=dict)
    objects: dict[str, list[Place]] = field(default_factory=dict)


def id_pattern(names: Names) -> re.Pattern[str]:
    """Finds ids in a text; a pattern that finds nothing where there are none."""
    longest = sorted(map(re.escape, names.ids), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(longest) or '(?!)'})(?![\w-])")


def ids_on(page: nodes.document, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The ids that a page names in its text or links by hand, each with its section."""
    links = (node for kind in (nodes.reference, addnodes.pending_xref) for node in page.findall(kind))
    for node in (*texts(page), *(link for link in links if pattern.fullmatch(link.astext()))):
        yield from ((name, anchor_of(node)) for name in pattern.findall(node.astext()))


def used(code: str, known: dict[str, str]) -> Iterator[str]:
    """Dotted names of what code imports or calls; ``known`` maps its variables to them and is added to."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                known[name.asname or name.name] = f"{node.module}.{name.name}"
                yield f"{node.module}.{name.name}"
        elif isinstance(node, ast.Import):
            known.update({name.asname: name.name for name in node.names if name.asname})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            yield ".".join([known.get(first, first), *rest])


def objects_on(page: nodes.document, names: Names) -> Iterator[tuple[str, str]]:
    """The documented objects that a page names in its text or uses in its code, each with its section."""
    known: dict[str, str] = {}
    for node in page.findall():
        if isinstance(node, nodes.literal) and not inside(node, nodes.title):
            found = [names.resolve(node.astext())]
        elif isinstance(node, nodes.literal_block) and in_code_cell(node):
            found = [names.imported(dotted) for dotted in used(node.astext(), known)]
        else:
            continue
        yield from ((name, anchor_of(node)) for name in found if name)


def in_code_cell(block: nodes.literal_block) -> bool:
    """Whether a block is what a notebook executes."""
    return "cell_input" in block.parent.get("classes", []) if block.parent else False


def mentions_of(env: BuildEnvironment, names: Names) -> Mentions:
    """All mentions, but for those on the pages where the named things stand."""
    mentions, pattern = Mentions(), id_pattern(names)
    described = names.described()
    # their index names all objects, and teaches none
    described |= {page for page, below in env.toctree_includes.items() if described.intersection(below)}
    for page in env.collect_relations():
        document = env.get_doctree(page)
        kinds = []
        if page not in env.config.bookwork_ids:
            kinds.append((mentions.ids, ids_on(document, pattern)))
        if page not in described:
            kinds.append((mentions.objects, objects_on(document, names)))
        for places, named in kinds:
            for name, anchor in named:
                before = places.setdefault(name, [])
                if not before or before[-1].page != page:
                    before.append(Place(page, anchor))
    teaching = (CHAPTER, SECTION)
    chapters = {place.page for (word, _), place in names.numbered.items() if word in teaching}
    for seen in mentions.objects.values():
        seen.sort(key=lambda place: place.page not in chapters)  # what teaches first, what uses after it
    return mentions


def mark_page(app: Sphinx, document: nodes.document) -> None:
    """Give a page of exercises its anchors."""
    title = document.next_node(nodes.title)
    if title is not None:
        mark_tasks(document, title.astext())


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """Note that a page was changed or is gone."""
    setattr(env, CHANGED, True)


def collect(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Collect names and mentions when a page was read, and tell which other pages that changes."""
    before: tuple[Names, Mentions] | None = getattr(env, FOUND, None)
    if before and not getattr(env, CHANGED, True):
        return []
    names = names_of(env)
    mentions = mentions_of(env, names)
    setattr(env, FOUND, (names, mentions))
    setattr(env, CHANGED, False)
    if before is None or before[0] != names:
        return sorted(env.found_docs)
    return sorted(names.described().union(env.config.bookwork_ids)) if before[1] != mentions else []


def found(env: BuildEnvironment) -> tuple[Names, Mentions]:
    """What was collected of a book whose pages are all read."""
    both: tuple[Names, Mentions] = getattr(env, FOUND)
    return both


def connect(app: Sphinx) -> None:
    """Called by the extension."""
    app.connect("doctree-read", mark_page)
    app.connect("env-purge-doc", forget)
    app.connect("env-get-updated", collect)
