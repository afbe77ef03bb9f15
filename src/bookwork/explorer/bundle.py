"""From the JavaScript modules in ``js/`` to what their two hosts load.

JupyterLab (through anywidget) takes an ES module, the built page a classic script, because browsers block
module imports on ``file://``. Both hold the shared chart module and one explorer, and nothing else.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from ranking.validation import one_of
from ranking_course.palette import css_variables

SHARED = ("chart", "runtime")
"""Files in ``js/`` that are not explorers."""

_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./chart\.js";\n', re.MULTILINE)
_DEFAULT = re.compile(r"^export default (?=\{)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)

_STYLESHEET = """.rx {{ {light} }}
html[data-theme="dark"] .rx, body[data-jp-theme-light="false"] .rx {{ {dark} }}
{rules}"""


FOLDERS = ("bookwork", "ranking_course")
"""Packages that hold explorers in a folder ``js``."""


def _source(file: str) -> str:
    found = [files(package) / "js" / file for package in FOLDERS]
    return next(path for path in found if path.is_file()).read_text(encoding="utf-8")


def modules() -> tuple[str, ...]:
    """Names of all explorer modules, sorted."""
    names = [entry.name for package in FOLDERS for entry in (files(package) / "js").iterdir()]
    return tuple(sorted(n[:-3] for n in names if n.endswith(".js") and n[:-3] not in SHARED))


def _refuse_left_overs(file: str, text: str) -> str:
    found = _LEFT_OVER.search(text)
    if found:
        raise ValueError(
            f"{file} may only import {{names}} from './chart.js' and export one default object, "
            f"got {found[0]!r}"
        )
    return text


@cache
def _chart() -> str:
    """The shared chart module as one constant, so that its private names cannot clash with an explorer's."""
    source = _source("chart.js")
    names = _EXPORT.findall(source)
    body = _refuse_left_overs("chart.js", _EXPORT.sub("", source))
    return f"const chartModule = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();\n"


@cache
def _definition(name: str, assigned: str) -> str:
    """Chart module and explorer; the default export becomes ``assigned`` and its object."""
    one_of("name", name, modules())
    body = _IMPORT.sub(r"const {\1} = chartModule;\n", _source(f"{name}.js"))
    if len(_DEFAULT.findall(body)) != 1:
        raise ValueError(f"{name}.js must have exactly one `export default {{ ... }}`")
    _refuse_left_overs(f"{name}.js", _DEFAULT.sub("", body))
    return _chart() + _DEFAULT.sub(lambda _: assigned, body)


def widget_module(name: str) -> str:
    """One self-contained ES module, for anywidget's ``_esm``.

    Args:
        name: one of :func:`modules`.

    Raises:
        ValueError: for another name, or a module that imports anything but the chart module.
    """
    return _definition(name, "export default ")


def page_script(name: str) -> str:
    """The same code as a classic script that registers itself with :func:`page_runtime`.

    Either of the two scripts may load first.

    Args:
        name: one of :func:`modules`.
    """
    return (
        '(() => {\n"use strict";\n'
        + _definition(name, "const definition = ")
        + "const host = (globalThis.rankingExplorers ??= {\n"
        + "  definitions: {},\n  register(name, definition) { this.definitions[name] = definition; },\n});\n"
        + f'host.register("{name}", definition);\n}})();\n'
    )


@cache
def page_runtime() -> str:
    """Classic script that mounts every ``<div class="ranking-explorer" data-module="...">`` of a page."""
    return _source("runtime.js")


@cache
def stylesheet() -> str:
    """The style sheet that widget and page share, with the course's palette in light and dark."""
    return _STYLESHEET.format(
        light=css_variables("light"), dark=css_variables("dark"), rules=_source("explorer.css")
    )
