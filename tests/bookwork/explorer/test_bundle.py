"""Bundles: one self-contained module or script per explorer, and modules that keep to what can be bundled."""

from __future__ import annotations

import itertools
import re

import pytest

from bookwork.explorer import Explorer, bundle
from bookwork.palette import DEFAULT
from ranking_course.palette import PALETTE

PACKAGES = ("bookwork", "ranking_course")
ALL = [(package, name) for package in PACKAGES for name in bundle._names(package)]
NUMBER = itertools.count()
EXPLORER = "export default { render() {} };\n"


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """Make a package with JavaScript files; its name, a new one each time, stands for PACKAGE in them."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**sources: str) -> str:
        name = f"foreign_{next(NUMBER)}"
        for file, source in {"js/keep": "", **sources}.items():
            path = tmp_path / name / f"{file.replace('__', '/')}.js"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source.replace("PACKAGE", name), encoding="utf-8")
        (tmp_path / name / "js" / "keep.js").unlink()
        (tmp_path / name / "__init__.py").touch()
        return name

    return make


def test_modules_are_those_of_the_machine_and_of_the_packages_named():
    assert bundle.modules() == ("drawn", "quiz", "recorded")
    assert set(bundle.modules(["ranking_course"])) == {name for _, name in ALL}
    assert list(bundle.page_scripts(["ranking_course"])) == list(bundle.modules(["ranking_course"]))


@pytest.mark.parametrize(("package", "name"), ALL)
def test_widget_module_is_self_contained(package, name):
    module = bundle.widget_module(package, name)
    assert not re.search(r"^import\b", module, re.MULTILINE)
    assert re.findall(r"^export .*$", module, re.MULTILINE) == ["export default (() => {"]


@pytest.mark.parametrize(("package", "name"), ALL)
def test_page_script_is_a_classic_script(package, name):
    script = bundle.page_script(package, name)
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    assert script.rstrip().endswith("})();")
    assert f'register("{name}"' in script


def test_no_script_ends_the_element_that_holds_it():
    for text in (bundle.page_runtime(), *bundle.page_scripts(PACKAGES).values()):
        assert "</script" not in text
        assert "innerHTML" not in text


@pytest.mark.parametrize("name", ["lib", "runtime", "nothing", "../calibration"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=r"folder js of a package, ranking_course has calibration, "):
        bundle.page_script("ranking_course", name)


def test_only_what_is_imported_comes_along_and_after_what_it_imports(foreign):
    b = 'import {\n  a,\n} from "PACKAGE/a";\nconst hidden = 2;\nexport function b() { return a + hidden; }\n'
    package = foreign(
        js__one='import { b } from "PACKAGE/b";\n' + EXPLORER,
        js__lib__a="const hidden = 1;\nexport const a = hidden;\n",
        js__lib__b=b,
        js__lib__c="export const unused = 3;\n",
    )
    module = bundle.widget_module(package, "one")
    assert "unused" not in module
    order = [module.index(f"const {package}_{name}_module =") for name in "ab"]
    assert order == sorted(order)
    assert f"const {{ a }} = {package}_a_module;" in module


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('import { a } from "d3";\n' + EXPLORER, "may only import"),
        ('import { a } from "./a.js";\n' + EXPLORER, "may only import"),
        ('import * as all from "PACKAGE/a";\n' + EXPLORER, "may only import"),
        ('import { a } from "nowhere/a";\n' + EXPLORER, "'nowhere/a', but 'nowhere' has no library"),
        ('import { a } from "PACKAGE/e";\n' + EXPLORER, r"but 'foreign_\d+' has a, b, c, d"),
        (
            'import { a, z } from "PACKAGE/a";\n' + EXPLORER,
            r"imports z from 'foreign_\d+/a', which exports a",
        ),
        ('import { a as z } from "PACKAGE/a";\n' + EXPLORER, "imports a as z from"),
        ('import { b } from "PACKAGE/b";\n' + EXPLORER, r"in a circle, got \S+/one → (\S+)/b → \S+/c → \1/b"),
        ('import { d } from "PACKAGE/d";\n' + EXPLORER, "may only import"),
        ("export const a = 1;\n" + EXPLORER, "may only import"),
        ("const a = 1;\n", "exactly one"),
        (EXPLORER + EXPLORER, "exactly one"),
        ("export default function () {}\n", "exactly one"),
    ],
)
def test_a_module_that_cannot_be_bundled_is_refused(foreign, source, message):
    package = foreign(
        js__one=source,
        js__lib__a="export const a = 1;\n",
        js__lib__b='import { c } from "PACKAGE/c";\nexport const b = c;\n',
        js__lib__c='import { b } from "PACKAGE/b";\nexport const c = b;\n',
        js__lib__d="export const d = 1;\nexport default { d };\n",
    )
    with pytest.raises(ValueError, match=message):
        bundle.widget_module(package, "one")


def test_an_explorer_of_a_name_that_is_taken_is_refused(foreign):
    with pytest.raises(ValueError, match=r"'quiz' in bookwork and foreign_\d+"):
        bundle.modules([foreign(js__quiz=EXPLORER)])


def test_an_explorer_takes_its_script_from_its_own_package(foreign):
    package = foreign(js__one="const own = 1;\nexport default { render() { return own; } };\n")
    one = type(
        "One", (Explorer,), {"module": "one", "__module__": f"{package}.deep.one", "default_labels": {}}
    )
    assert one.package == package
    assert "const own = 1;" in one._esm
    assert one._css == bundle.stylesheet(DEFAULT)
    painted = type("Painted", (one,), {"palette": PALETTE, "__module__": "elsewhere"})
    assert (painted.package, painted._esm) == (package, one._esm)
    assert painted._css == bundle.stylesheet(PALETTE)
    with pytest.raises(ValueError, match=f"'two' must lie in the folder js of a package, {package} has one"):
        type("Two", (Explorer,), {"module": "two", "__module__": package})
    with pytest.raises(ValueError, match="'two' must lie in the folder js of a package, __main__ has none"):
        type("Two", (Explorer,), {"module": "two", "__module__": "__main__"})


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (None, r"texts/one.toml of foreign_\d+ must hold the explorer's texts"),
        ("title = ", r"texts/one.toml of foreign_\d+ must hold the explorer's texts, .* Invalid value"),
        ("title = 5", r"texts/one.toml of foreign_\d+: title must be a text that is not empty, got 5"),
        ('[title]\na = "b"', r"title must be a text that is not empty, got \{'a': 'b'\}"),
    ],
)
def test_texts_lie_beside_the_class(foreign, tmp_path, texts, message):
    package = foreign(js__one=EXPLORER)
    made = {"module": "one", "__module__": f"{package}.one"}
    file = tmp_path / package / "texts" / "one.toml"
    file.parent.mkdir()
    if texts is not None:
        file.write_text(texts, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        type("One", (Explorer,), made)
    file.write_text('title = "One"\nnote = "{a} and {b}"', encoding="utf-8")
    one = type("One", (Explorer,), made)
    assert one(labels={"note": "{b}"}).labels == {"title": "One", "note": "{b}"}
    with pytest.raises(ValueError, match=r"labels\['note'\] may hold \{a\}, \{b\}; got \{c\}"):
        one(labels={"note": "{c}"})
    with pytest.raises(ValueError, match="labels may hold title, note; got other"):
        one(labels={"other": "x"})


def test_stylesheet_holds_the_palette_of_both_themes():
    css = bundle.stylesheet(PALETTE)
    themes = PALETTE.themes
    for colour in [*PALETTE.series.values(), *themes["light"].values(), *themes["dark"].values()]:
        assert colour in css
    assert 'html[data-theme="dark"] .rx' in css
    assert 'body[data-jp-theme-light="false"] .rx' in css
    assert "url(" not in css
