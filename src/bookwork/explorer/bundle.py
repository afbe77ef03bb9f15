"""From the JavaScript modules in the ``js`` folders of packages to what their two hosts load.

JupyterLab (through anywidget) takes an ES module, the built page a classic script, because browsers block
module imports on ``file://``. Both hold one explorer and the library modules that it uses, nothing else.

A package keeps its explorers in ``js/NAME.js``, each with one ``export default { render, ... }``, and its
library in ``js/lib/NAME.js``, with named exports. Both import ``{ names } from "PACKAGE/NAME"``, which is
``js/lib/NAME.js`` of that package, and nothing else.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from bookwork.palette import Palette

OWN = "bookwork"
"""The package whose explorers every book has."""

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\w+)/(\w+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (?=\{)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)

_HEIGHTS = re.compile(r"^export default \{.*\bheights: (\{[^}]*\})", re.MULTILINE | re.DOTALL)
WIDTHS = (336, 460, 540, 620, 740, 1000)
"""Of a page's column, in px, at which an explorer says how high it is."""

_STYLESHEET = """.rx {{ {light} }}
@media screen {{ html[data-theme="dark"] .rx, body[data-jp-theme-light="false"] .rx {{ {dark} }} }}
{rules}"""


@cache
def _read(package: str, *path: str) -> str:
    return files(package).joinpath("js", *path).read_text(encoding="utf-8")


def _names(package: str, *folder: str) -> tuple[str, ...]:
    """Names of the JavaScript files in a folder, sorted; none where there is no such package or folder."""
    try:
        place = files(package).joinpath("js", *folder)
    except (ModuleNotFoundError, TypeError, AttributeError):  # what stands for it is a module
        return ()
    found = [entry.name for entry in place.iterdir()] if place.is_dir() else []
    return tuple(sorted(name[:-3] for name in found if name.endswith(".js")))


def _resolved(name: str, source: str) -> tuple[str, tuple[str, ...]]:
    """``source`` with its imports as constants, and the names of the modules that they come from."""
    imports = []

    def constant(found: re.Match[str]) -> str:
        asked = [part.strip() for part in found[1].split(",") if part.strip()]
        module = f"{found[2]}/{found[3]}"
        allowed = _names(found[2], "lib")
        if found[3] not in allowed:
            raise ValueError(
                f"{name} imports from {module!r}, but {found[2]!r} has {', '.join(allowed) or 'no library'}"
            )
        imports.append(module)
        exported = _EXPORT.findall(_read(found[2], "lib", f"{found[3]}.js"))
        unknown = [part for part in asked if part not in exported]
        if unknown:
            raise ValueError(
                f"{name} imports {', '.join(unknown)} from {module!r}, which exports {', '.join(exported)}"
            )
        return f"const {{ {', '.join(asked)} }} = {found[2]}_{found[3]}_module;\n"

    code = _IMPORT.sub(constant, source)
    left = _LEFT_OVER.search(code)
    if left:
        raise ValueError(
            f'{name} may only import {{ names }} from "PACKAGE/NAME" and export what it defines (an '
            f"explorer: one default object), got {left[0]!r}"
        )
    return code, tuple(imports)


def _add(name: str, above: tuple[str, ...], found: dict[str, str]) -> None:
    """Add a library module, as a constant of what it exports, to ``found`` after all that it imports."""
    if name in above:
        raise ValueError(f"modules may not import each other in a circle, got {' → '.join((*above, name))}")
    package, _, file = name.partition("/")
    source = _read(package, "lib", f"{file}.js")
    code, imports = _resolved(name, _EXPORT.sub("", source))
    for other in imports:
        _add(other, (*above, name), found)
    code += f"return {{ {', '.join(_EXPORT.findall(source))} }};\n"
    found[name] = f"const {package}_{file}_module = (() => {{\n{code}}})();\n"


def _parts(package: str, name: str) -> tuple[str, str]:
    """The library that an explorer needs as constants, and the expression that gives its definition."""
    if name not in _names(package):
        allowed = ", ".join(_names(package)) or "none"
        raise ValueError(f"module {name!r} must lie in the folder js of a package, {package} has {allowed}")
    source = _read(package, f"{name}.js")
    if len(_DEFAULT.findall(source)) != 1:
        raise ValueError(f"{name}.js must have exactly one `export default {{ ... }}`")
    code, imports = _resolved(f"{package}/{name}", _DEFAULT.sub("return ", source))
    found: dict[str, str] = {}
    for module in imports:
        _add(module, (f"{package}/{name}",), found)
    return "".join(found.values()), f"(() => {{\n{code}}})()"


def modules(packages: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of all explorers that these packages and the machine itself bring, sorted.

    Raises:
        ValueError: if two packages bring one of the same name.
    """
    return tuple(sorted(_homes(packages)))


def files_of(package: str) -> list[Path]:
    """The JavaScript of a package; none where there is no such package."""
    return sorted(Path(str(files(package).joinpath("js"))).rglob("*.js")) if _names(package) else []


def home(packages: Sequence[str], name: str) -> str:
    """The package, of these and the machine itself, that brings an explorer."""
    return _homes(packages)[name]


def _homes(packages: Sequence[str]) -> dict[str, str]:
    """The package of every explorer."""
    homes: dict[str, str] = {}
    for package in dict.fromkeys((OWN, *packages)):
        for name in _names(package):
            other = homes.setdefault(name, package)
            if other != package:
                raise ValueError(f"explorers must differ in name, got {name!r} in {other} and {package}")
    return homes


@cache
def widget_module(package: str, name: str) -> str:
    """One self-contained ES module of an explorer in a package's folder ``js``, for anywidget's ``_esm``.

    Raises:
        ValueError: for an unknown name, or an import or export that is not allowed.
    """
    library, definition = _parts(package, name)
    return f"{library}export default {definition};\n"


@cache
def page_script(package: str, name: str) -> str:
    """The same code as a classic script that registers itself with :func:`page_runtime`.

    Either of the two scripts may load first.
    """
    library, definition = _parts(package, name)
    return (
        f'(() => {{\n"use strict";\n{library}'
        "const host = (globalThis.rankingExplorers ??= {\n"
        "  definitions: {},\n  register(name, definition) { this.definitions[name] = definition; },\n});\n"
        f'host.register("{name}", {definition});\n}})();\n'
    )


def page_scripts(packages: Sequence[str] = ()) -> dict[str, str]:
    """:func:`page_script` of all :func:`modules`, by name."""
    return {name: page_script(package, name) for name, package in sorted(_homes(packages).items())}


@cache
def heights(package: str, name: str) -> dict[str, list[int]]:
    """How high an explorer is in columns of the page of :data:`WIDTHS`, in px, so that its place can be kept.

    Its module tells it in its default export, ``heights: { "recorded": [...], "": [...] }``: those of the
    first entry of the state that has a content, by its name, and last of one that has none of these. Nothing
    where it does not tell. ``tests/book/explorer_heights.py`` measures them.

    Raises:
        ValueError: where it tells something else.
    """
    found = _HEIGHTS.search(_read(package, f"{name}.js"))
    if not found:
        return {}
    told = json.loads(re.sub(r",(?=\s*\})", "", found[1]))
    for key, values in told.items():
        if len(values) != len(WIDTHS):
            raise ValueError(f"heights[{key!r}] of {name}.js must be at widths {WIDTHS}, got {values}")
    return told


@cache
def page_runtime() -> str:
    """Classic script that mounts every ``<div class="ranking-explorer" data-module="...">`` of a page."""
    return _read(OWN, "page", "runtime.js")


@cache
def stylesheet(palette: Palette) -> str:
    """The style sheet that widget and page share, with a palette in light and dark."""
    return _STYLESHEET.format(
        light=palette.css_variables("light"),
        dark=palette.css_variables("dark"),
        rules=_read(OWN, "page", "explorer.css"),
    )
