"""Pages of exercises: task and stub in sight, solution and visible checks folded, hidden checks nowhere.

The authored notebook is changed before it is parsed and executed, so that what is hidden reaches no page, no
search index and no cache. What a reader can download in its place, by a link at the top, is the learner's
edition.

Without solutions (``make book SOLUTIONS=no``, or the configuration value ``bookwork_solutions``) the solution
cells still run, and their code is left out.
"""

import os
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell
from sphinx.application import Sphinx
from sphinx.config import Config

from bookwork.arguments import flag, one_of
from bookwork.grading import editions
from bookwork.sphinx.offline import write

VARIABLE = "BOOKWORK_SOLUTIONS"
SAID = {
    "yes": True,
    "1": True,
    "true": True,
    "on": True,
    "no": False,
    "0": False,
    "false": False,
    "off": False,
}


PROMPTS = {"code_prompt_show": "What is checked", "code_prompt_hide": "Hide what is checked"}
DOWNLOAD = """<p class="ranking-download"><a href="{}" download>Download this notebook</a> and work in it: the
cells are ready for your answers, and each check tells what is missing.</p>"""


def set_config(app: Sphinx, config: Config) -> None:
    """The environment decides where it says something; what is neither yes nor no might show a solution."""
    if named := os.environ.get(VARIABLE, "").lower():
        config.bookwork_solutions = SAID[one_of(VARIABLE, named, tuple(SAID))]
    flag("bookwork_solutions", config.bookwork_solutions)


def page(notebook: nbformat.NotebookNode, solutions: bool = True) -> nbformat.NotebookNode:
    """The authored notebook, changed in place to what its page shows, with or without code of solutions."""
    flag("solutions", solutions)
    cells = []
    for cell in notebook.cells:
        if editions.is_paragraph(cell):
            if not solutions:
                continue  # it is folded already, by what stands around it
        elif cell.cell_type == "code":
            cell.outputs = []
            tags = cell.metadata.setdefault("tags", [])
            if editions.BEGIN_SOLUTION in cell.source:
                cells.append(new_markdown_cell(f"```python\n{editions.stub_of(cell.source)}\n```"))
                cell.source = editions.solution_of(cell.source)
                tags += ["remove-output", *([] if solutions else ["remove-input"])]  # it tells of answers
            if editions.BEGIN_HIDDEN in cell.source:
                cell.source = editions.visible_of(cell.source)
                tags.append("remove-output")  # what the solution scores in sight says nothing to a reader
            if (editions.grade_id(cell) or "").endswith(editions.CHECK):
                tags.append("hide-input")  # hints and expected values are for who has tried
                cell.metadata["mystnb"] = PROMPTS
        cells.append(cell)
    notebook.cells = cells
    return notebook


def show_learners(app: Sphinx, docname: str, source: list[str]) -> None:
    """Change an exercise's source before anything else reads it."""
    if is_exercise(app, docname):
        notebook = page(nbformat.reads(source[0], as_version=4), app.config.bookwork_solutions)
        notebook.cells[0].source += "\n\n" + DOWNLOAD.format(
            f"{'../' * docname.count('/')}_sources/{docname}.ipynb"
        )
        source[0] = nbformat.writes(notebook)


def is_exercise(app: Sphinx, docname: str) -> bool:
    """Whether a document is an authored notebook of exercises."""
    return Path(docname).name == editions.NAME and app.env.doc2path(docname).endswith(".ipynb")


def replace_sources(app: Sphinx, exception: Exception | None) -> None:
    """Put the learner's edition where Sphinx has copied the authored notebook for download."""
    if exception or app.builder.format != "html":
        return
    for docname in filter(lambda name: is_exercise(app, name), app.env.found_docs):
        authored = Path(app.env.doc2path(docname))
        for copy in (Path(app.outdir) / "_sources").glob(f"{docname}.ipynb*"):
            write(copy, nbformat.writes(editions.learners(editions.read(authored))).encode())
