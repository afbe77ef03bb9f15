"""A style sheet with only those rules that some page can use, and without what no rule asks for.

What pages may use is told as a set of words: every name in their markup and in the scripts that they load. A
selector stays if each tag, class, id and attribute that it names is among them, so that states which a script
sets (``show``, ``active``) stay too. What stands in ``:not(...)`` or ``:is(...)`` is not looked at.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import tinycss2

WORD = re.compile(r"-?[A-Za-z_][\w-]*")
TAG = re.compile(r"<[A-Za-z][^>]*>")
VARIABLE = re.compile(r"--[\w-]+")
HOLDING_RULES = frozenset({"media", "supports", "layer", "container"})
ALWAYS_THERE = frozenset({"html", "body"})


def words_of_markup(html: str) -> set[str]:
    """All words between the angle brackets of a page: names of tags, classes, ids, attributes, and more."""
    return {word for tag in set(TAG.findall(html)) for word in WORD.findall(tag)}


def words_of_script(script: str) -> set[str]:
    """All words of a script, and those that ``dataset.someName`` stands for."""
    found = set(WORD.findall(script))
    return found | {re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", word) for word in found}


def reduced(css: str, words: Collection[str], kept: str = "", unwanted: str = "(?!)") -> str:
    """The rules of ``css`` that pages of these words can use.

    Args:
        css: a style sheet.
        words: what markup and scripts contain.
        kept: style sheets and scripts beside it, which may ask for its custom properties, fonts, animations.
        unwanted: what goes: selectors of such classes alone, custom properties and fonts of such names.
    """
    sieve = _Sieve(frozenset(words) | ALWAYS_THERE, re.compile(unwanted))
    parsed = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    rules = [rule for node in parsed for rule in sieve.rules(node)]
    size = -1
    while size != (size := sum(len(rule.declarations) for rule in _all_rules(rules))):
        raw = " ".join(rule.raw for rule in _all_rules(rules))
        asked = set(VARIABLE.findall(kept + _values(rules) + raw))
        for rule in _all_rules(rules):  # what goes here may be all that asked for another one
            rule.declarations = [(name, value) for name, value in rule.declarations if _is_asked(name, asked)]
    said = kept + _values(rules)
    return "\n".join(text for rule in rules if rule.needed_as in said and (text := rule.text()))


def _values(rules: Iterable["_Rule"]) -> str:
    return " ".join(value for rule in _all_rules(rules) for _, value in rule.declarations)


def _is_asked(name: str, asked: Collection[str]) -> bool:
    return not name.startswith("--") or name in asked


@dataclass
class _Rule:
    """What stands before a brace, and what stands in it: declarations, rules, or text that stays as it is."""

    head: str
    declarations: list[tuple[str, str]] = field(default_factory=list)
    rules: list["_Rule"] = field(default_factory=list)
    raw: str = ""
    needed_as: str = ""  # a font or an animation goes where nothing says this name

    def text(self) -> str:
        """The rule, nothing where nothing is left in it."""
        inner = ";".join(f"{name}:{value}" for name, value in self.declarations)
        inner += "".join(rule.text() for rule in self.rules) + self.raw
        return f"{self.head}{{{inner}}}" if inner else ""


def _all_rules(rules: Iterable[_Rule]) -> Iterator[_Rule]:
    for rule in rules:
        yield rule
        yield from _all_rules(rule.rules)


def _parsed_declarations(content: list[Any]) -> list[tuple[str, str]]:
    parsed = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    return [
        (node.name, tinycss2.serialize(node.value).strip() + ("!important" if node.important else ""))
        for node in parsed
        if node.type == "declaration"
    ]


@dataclass(frozen=True)
class _Sieve:
    words: frozenset[str]
    unwanted: re.Pattern[str]

    def rules(self, node: Any) -> Iterator[_Rule]:
        """What stays of a rule: itself with fewer selectors, or nothing."""
        if node.type == "qualified-rule":
            selectors = [part for part in _split(node.prelude) if self.may_match(part)]
            if selectors:
                head = ",".join(tinycss2.serialize(part).strip() for part in selectors)
                declared = _parsed_declarations(node.content)
                yield _Rule(head, [said for said in declared if not self.unwanted.fullmatch(said[0])])
        elif node.type == "at-rule" and node.content is not None:
            yield self.at_rule(node)

    def at_rule(self, node: Any) -> _Rule:
        """One that begins with @ and has a block."""
        name, prelude = node.lower_at_keyword, tinycss2.serialize(node.prelude).strip()
        rule = _Rule(f"@{name} {prelude}".strip())
        if name in HOLDING_RULES:
            inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
            rule.rules = [kept for child in inner for kept in self.rules(child)]
        elif name == "font-face":
            declared = _parsed_declarations(node.content)
            rule.needed_as = dict(declared).get("font-family", "").strip("\"'").replace("\\", "")
            if not self.unwanted.fullmatch(rule.needed_as):
                rule.raw = ";".join(f"{key}:{value}" for key, value in declared)
        else:
            rule.raw = tinycss2.serialize(node.content)
            rule.needed_as = prelude if name.endswith("keyframes") else ""
        return rule

    def may_match(self, selector: list[Any]) -> bool:
        """Whether all that a selector names is on some page, and not all of it is unwanted."""
        names: list[str] = []
        classes: list[str] = []
        before = ""
        for token in selector:
            if token.type == "ident" and before != ":":
                (classes if before == "." else names).append(token.value)
            elif token.type == "hash":
                names.append(token.value)
            elif token.type == "[] block":
                names.append(next(part.value for part in token.content if part.type == "ident"))
            before = token.value if token.type == "literal" else ""
        if classes and all(map(self.unwanted.fullmatch, classes)):
            return False
        return self.words.issuperset(names) and self.words.issuperset(classes)


def _split(prelude: list[Any]) -> Iterator[list[Any]]:
    """Selectors between commas."""
    part: list[Any] = []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part
