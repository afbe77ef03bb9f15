"""A small book that uses all that chapters use: figures, explorers, widgets, maths, tables, exercises."""

from __future__ import annotations

from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from small_course import NAME, write_small_notebook

REPOSITORY = Path(__file__).parents[2]

# Eight columns do not fit a phone whatever fonts a machine has.
TEXT = r"""# A sample page (样例)

This page is built by the tests. Its text is long enough to fill a line on every screen, so that the width of
a paragraph can be judged, and it mentions 负样本降采样 (negative down-sampling) as the chapters do.

A formula in the text, $p = \sigma(z)$, and one that is wider than a phone:

$$
p_\text{true} = \frac{\alpha \, p_\text{pred}}{(1 - p_\text{pred}) + \alpha \, p_\text{pred}}
\qquad \text{and} \qquad
\operatorname{logit} p_\text{true} = \operatorname{logit} p_\text{pred} + \ln \alpha
\qquad \text{with 采样率} \quad \alpha \in (0, 1]
$$

$$
\begin{aligned} \hat w &= \sum_{i=1}^{n} w_i \\ \bar w &= \frac{\hat w}{n} < 1 \end{aligned}
$$ (eq-mean)

Equation {eq}`eq-mean` has a number.

## A table

| | rate of all | rate given a click | mean watch time | colour | completion | impressions | interpretation |
|---|---|---|---|---|---|---|---|
| click | 10% | – | 31.2 | blue `#0072B2` | 40% | 1,000,000 | probability |
| like | 0.4% | 4% | 48.7 | vermilion `#D55E00` | 55% | 1,000,000 | probability |

:::{note}
A note, with `code` in it and a [link to the second page](second.ipynb#a-widget).
:::

## A figure
"""

FIGURE = """import numpy as np
from ranking_course import figures

alpha = np.array([1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
loss = 0.30 + 0.01 * np.log(alpha) ** 2 + np.random.default_rng(0).normal(0, 0.01, (5, 7))
figure = figures.new_figure(
    title="The smaller the sample of negatives, the higher the raw loss",
    alt="Raw log loss rises from 0.30 to 0.51 as the sampling rate falls to 0.01; calibrated stays at 0.30.",
    caption=r"Log loss over five seeds, by sampling rate $\\alpha$. The truth is dashed.",
    x="sampling rate α", y="log loss (nats)", x_log=True, x_reversed=True,
)
figure.seeds(alpha, loss, "raw", target="click", role="raw")
figure.seeds(alpha, 0.3 + (loss - 0.3) / 9, "calibrated", target="click",
                        role="calibrated", label_at="top")
figure.line(alpha, np.full(7, 0.29), "truth", role="truth", label_at="bottom")"""

RELIABILITY = """from ranking.evaluation.metrics import reliability

p = np.random.default_rng(1).beta(1, 9, 20_000)
labels = (np.random.default_rng(2).random(20_000) < p).astype(float)
figures.reliability_figure(
    {"raw": reliability(labels, p / (p + 0.2 * (1 - p))), "calibrated": reliability(labels, p)},
    roles={"raw": "raw", "calibrated": "calibrated"},
    title="Calibration puts the curve back on the diagonal",
    alt="The raw curve lies below the diagonal, the calibrated one on it.",
    caption="Mean prediction against observed rate in 15 bins; the size of a dot grows with the rows in it.",
)"""

SECOND = """# 2. A second page

![A line that rises](line.svg)

Figure: A drawn line, as in *Figure 2.2*

Table: What each row says

| row | what it says at some length | what it does not say at all | where it is said |
|---|---|---|---|
| first | that a row of so much text is read as a card | that it is a table | here and there |
| second | the same again, so that there are two of them | that it is a card | there and here |

> **A word aside.** It stands in the margin where there is room.

## An explorer"""

LINE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 50" width="200" height="50">
<path d="M5 45L195 5" stroke="#0072B2" stroke-width="3"/></svg>
"""

NAMED = """# 1. Calibration and other names

A *calibration* (校准) is named here, and calibrations again; so is 点击率, while ctr is no term. The
source map has claim C5, and C5 once more; `C5` is code, and AC5 another thing. In code that is `calibrate`,
or `calibration.calibrate(0.5, 0.1)`, and no `calibrate_nothing`. This is chapter 1. A line
rises in figure 2.1.

## What else `downsample_negatives` is

Here C5 is named once more, and so is the calibration.
"""

MAP = """# What is claimed and meant

Chapter 1 names all of it.

| id | claim | where |
|---|---|---|
| [C5]{#claim-c5} | The formula that leads back | [A table](../intro.ipynb#a-table) |
| [Z9]{#claim-z9} | Nobody names this one | nowhere |

```{glossary}
calibration 校准
  Turning scores into probabilities. [A table](../intro.ipynb#a-table).

CTR 点击率
  Clicks divided by impressions.
```
"""

LONG_LINE = "x = " + " + ".join(f"term_{number}" for number in range(30))

WIDGET = """from ipywidgets import interact

@interact(x=(0, 3))
def show(x=1):
    print(x)"""

CLAIMS = (
    'from bookwork.claims import check\n\ncheck("one is less than two", 1 < 2)',
    'for number in (3, 4):\n    check(f"{number} is more than two", number > 2)',
)


def cells_of_intro() -> list[nbformat.NotebookNode]:
    """Text, maths, a table, and two plotly figures."""
    return [
        new_markdown_cell(TEXT),
        new_code_cell(FIGURE, metadata={"tags": ["hide-input"]}),
        new_markdown_cell("## Another figure\n\nIts code is shown."),
        new_code_cell(RELIABILITY),
        new_markdown_cell(f"Code wider than the page:\n\n```python\n{LONG_LINE}\n```"),
    ]


def cells_of_second() -> list[nbformat.NotebookNode]:
    """An explorer, a plain widget, folded cells in a row, claims, and a data frame."""
    return [
        new_markdown_cell(SECOND),
        new_code_cell(
            "from ranking_course.explorers import CalibrationExplorer\n\n"
            'CalibrationExplorer(caption="What sampling does to a rate.")'
        ),
        new_markdown_cell("## A widget"),
        new_code_cell(WIDGET),
        *(
            new_code_cell(code, metadata={"tags": ["hide-input"]})
            for code in ("first = 1", "second = 2", 'print("calibrated")', "print(first + second)")
        ),
        new_markdown_cell("## Claims\n\nThree cells of them, two of which are neighbours."),
        *(new_code_cell(code, metadata={"tags": ["claims"]}) for code in CLAIMS),
        new_markdown_cell("And one more."),
        new_code_cell(CLAIMS[0], metadata={"tags": ["claims"]}),
        new_markdown_cell("Table: Nine columns, wider than a phone, by `row`"),
        new_code_cell(
            "import pandas as pd\n\n"
            'pd.DataFrame({f"a wide column {i}": [i, i * i] for i in range(9)}, index=["first", "second"])'
        ),
        new_code_cell('pd.DataFrame({"rate": [0.1, 0.2]}).rename_axis("row").style.set_caption("Rates")'),
    ]


LIVE = """import math

from ranking_course.explorers import QuizExplorer, RecordedExplorer

def wave(height, points=40):
    x = [i / points for i in range(points + 1)]
    return {
        "x": {"label": "time"},
        "y": {"label": "height"},
        "series": [{"name": "wave", "kind": "line", "x": x, "y": [height * math.sin(9 * v) for v in x]}],
        "sentence": f"The wave is {height} high.",
    }

def explorer(title, points=40):
    return RecordedExplorer(lambda height: wave(height, points), {"height": [1, 2, 3, 4, 5]}, title=title)"""


def cells_of_live() -> list[nbformat.NotebookNode]:
    """Explorers of small and of large states, near the top and far below."""
    far = [
        new_markdown_cell(f"Some text, number {number}. " + "It goes on and on. " * 60) for number in range(9)
    ]
    questions = '[{"id": "one", "text": "Is it so?", "options": [{"text": "yes", "explanation": "It is.", '
    questions += '"right": True}, {"text": "no", "explanation": "It is not."}]}]'
    return [
        new_markdown_cell("# Explorers in a row"),
        new_code_cell(LIVE, metadata={"tags": ["hide-input"]}),
        new_code_cell('explorer("A first wave", points=900)'),
        new_markdown_cell("A line of text between two of them."),
        new_code_cell('explorer("A second wave")'),
        *far[:4],
        new_code_cell('explorer("A far wave", points=900)'),
        *far[4:],
        new_code_cell(f"QuizExplorer({questions})"),
    ]


def write_sample_book(root: Path) -> Path:
    """Write the sample book's sources below ``root``, with the configuration of the real one."""
    book = root / "book"
    book.mkdir(parents=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    pages = {"intro": cells_of_intro(), "second": cells_of_second(), "live": cells_of_live()}
    for name, cells in pages.items():
        notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel, "minutes": 12})
        nbformat.write(notebook, book / f"{name}.ipynb")
    (book / "line.svg").write_text(LINE, encoding="utf-8")
    (book / "api.md").write_text(
        "# Functions\n\n```{eval-rst}\n.. automodule:: ranking.calibration\n"
        "   :members:\n   :imported-members:\n```\n",
        encoding="utf-8",
    )
    (book / "named.md").write_text(NAMED, encoding="utf-8")
    (book / "reference").mkdir()
    (book / "reference" / "source_map.md").write_text(MAP, encoding="utf-8")
    write_small_notebook(book)
    pages_after = ("second", "api", "named", "reference/source_map", f"{NAME}/exercises", "live")
    toc = {"format": "jb-book", "root": "intro", "chapters": [{"file": name} for name in pages_after]}
    named = {"label": "a widget", "page": "second#a-widget"}
    part = {"label": "more", "parts": [{"label": "small exercises", "page": f"{NAME}/exercises"}]}
    return configured(root, toc, [named, part])


def write_small_book(root: Path) -> Path:
    """Sources of a book of one page and its exercises."""
    book = root / "book"
    write_small_notebook(book)
    (book / "intro.md").write_text("# A page\n", encoding="utf-8")
    return configured(
        root, {"format": "jb-book", "root": "intro", "chapters": [{"file": f"{NAME}/exercises"}]}
    )


def configured(root: Path, toc: dict[str, object], strip: list[dict[str, object]] | None = None) -> Path:
    """Write the contents, and the configuration of the real book beside them, but for its strip."""
    (root / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    settings = yaml.safe_load((REPOSITORY / "_config.yml").read_text(encoding="utf-8"))
    settings["sphinx"]["config"]["bookwork_strip"] = strip or []
    (root / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return root
