"""Calls are written out: ``f(*(a, b), **{"c": d})`` says in two more brackets what ``f(a, b, c=d)`` says.

``python tests/book/literal_splats.py FILES`` names every place in Python files where a literal is unpacked.
``*name`` and ``**name`` are fine, and so is what cannot be written out: a mapping whose keys are no names, or
one in which another takes the place of defaults, ``f(**{"c": d, **changed})``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from keyword import iskeyword
from pathlib import Path


def literal_splats(tree: ast.AST) -> Iterator[int]:
    """The lines of code that unpack a tuple, list, set or mapping written at that place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Starred) and isinstance(node.value, (ast.Tuple, ast.List, ast.Set)):
            yield node.lineno
        elif isinstance(node, ast.keyword) and node.arg is None and isinstance(node.value, ast.Dict):
            if all(map(is_name, node.value.keys)):
                yield node.value.lineno
        elif isinstance(node, ast.Dict):
            inner = (value for key, value in zip(node.keys, node.values, strict=True) if key is None)
            yield from (value.lineno for value in inner if isinstance(value, ast.Dict))


def is_name(key: ast.expr | None) -> bool:
    """Whether a key of a mapping could name an argument; None stands for another mapping unpacked in it."""
    return isinstance(key, ast.Constant) and str(key.value).isidentifier() and not iskeyword(key.value)


def main(arguments: Sequence[str]) -> int:
    """Name what is found in these files; 0 if it is nothing."""
    found = [
        f"{name}:{line}: a literal is unpacked here: write it out"
        for name in arguments
        for line in sorted(literal_splats(ast.parse(Path(name).read_text(encoding="utf-8"))))
    ]
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
