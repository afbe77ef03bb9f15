"""How alike pieces of code are, whatever they call things, and how alike paragraphs are.

Code becomes a list of tokens in which every name of the author's own is the same, without comments, blanks
and documentation; a paragraph becomes the list of its words. Of all runs of ``RUN`` tokens or words some are
kept as fingerprints, by the winnowing of Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for
document fingerprinting" (SIGMOD 2003): every copied passage of at least ``RUN + WINDOW - 1`` of them leaves
one.
"""

import builtins
import io
import keyword
import re
import tokenize
import unicodedata
from collections.abc import Iterable
from zlib import crc32

RUN = 8  # tokens or words of a fingerprint
WINDOW = 4  # neighbouring runs of which at least one is kept
SHORTEST = 25  # tokens or words, below which all right answers look alike
WORD = re.compile(r"[^\W_]+")
BLANK = {tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER, tokenize.ENCODING, tokenize.NEWLINE}
LAYOUT = {tokenize.INDENT: "{", tokenize.DEDENT: "}"}
KNOWN = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)}


def tokens(code: str) -> list[str]:
    """The tokens of code, as far as it can be read: own names as one, texts as one, no comments."""
    found: list[str] = []
    first = True  # in its line, where a text alone is documentation
    try:
        for kind, text, *_ in tokenize.generate_tokens(io.StringIO(code).readline):
            if kind in BLANK or kind in LAYOUT:
                first = True
                found += [LAYOUT[kind]] if kind in LAYOUT else []
                continue
            if kind == tokenize.STRING:
                found += [] if first else ["text"]
            elif kind == tokenize.NAME and text not in KNOWN and (not found or found[-1] != "."):
                found.append("name")
            else:
                found.append(text)
            first = False
    except (tokenize.TokenError, SyntaxError):  # what comes before is compared
        pass
    return found


def words(text: str) -> list[str]:
    """The words and numbers of a text, without case, punctuation and layout."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def runs_of(found: list[str]) -> list[int]:
    """Hashes of all runs of ``RUN`` tokens or words, in order."""
    return [crc32("\0".join(found[at : at + RUN]).encode()) for at in range(len(found) - RUN + 1)]


def fingerprints(found: list[str]) -> set[int]:
    """The least hash of every ``WINDOW`` neighbouring runs."""
    hashes = runs_of(found)
    return {min(hashes[at : at + WINDOW]) for at in range(max(len(hashes) - WINDOW + 1, 1)) if hashes}


def own(found: list[str], given: Iterable[int]) -> set[int]:
    """The fingerprints of tokens or words, less the runs that everybody was given; none of what is short."""
    return fingerprints(found) - set(given) if len(found) >= SHORTEST else set()


def alike(one: set[int], other: set[int]) -> float:
    """The share of the smaller set that stands in the other; 0 where one has nothing."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0
