"""Grades in the forms that learning platforms import.

- Moodle, "Grade import": any columns, of which one identifies the user (the e-mail address or the ID number);
  when the file is read, each column is mapped to a grade item, or to its feedback. Where feedback is imported
  for an item, so must its grades be. https://docs.moodle.org/en/Grade_import
- Canvas, "How do I import grades in the Gradebook?": the columns of the file that its Gradebook exports:
  Student, ID, SIS User ID, SIS Login ID, Section, then one per assignment; the second row has the points
  possible. https://community.canvaslms.com/t5/Instructor-Guide/ (a column named as an assignment of the
  course, with its number in parentheses, is read into that one; any other becomes a new assignment.)

Who a learner is there stands in a table with these columns, of which only the first is needed::

    learner,name,email,id,login,section

``learner`` is the folder's name in ``submitted/``. ``id`` is Moodle's ID number and Canvas' SIS User ID,
``login`` Canvas' SIS Login ID. A column ``canvas_id`` holds the ID of Canvas itself.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bookwork.grading.term import tables
from bookwork.grading.term.standings import Standing

Row = list[str | float | None]
People = Mapping[str, Mapping[str, str]]  # learner -> column -> text
Grades = Mapping[str, Mapping[str, Standing]]  # assignment -> learner -> standing
DIGITS = 4


def people(path: Path | None, learners: Sequence[str]) -> dict[str, dict[str, str]]:
    """What the table says of each learner, and below them of those who are in it and have handed in nothing.

    A ValueError where a learner is missing, or somebody is named twice. Without a table the learners are all.
    """
    if path is None:
        return {learner: {} for learner in learners}
    found: dict[str, dict[str, str]] = {}
    for row in tables.read(path, ["learner"]):
        if row["learner"] in found:
            raise ValueError(f"{path} must name each learner once, got {row['learner']} twice")
        if any(row.values()):  # a spreadsheet may leave empty rows
            found[row["learner"]] = row
    if missing := [learner for learner in learners if learner not in found]:
        raise ValueError(f"{path} must name {', '.join(missing)}")
    if "" in found:
        raise ValueError(f"{path} must name the learner in each row, got one with {found['']}")
    return {learner: found[learner] for learner in (*learners, *sorted(found.keys() - set(learners)))}


def points_of(standing: Standing | None) -> float | None:
    """The points that count; None while there are none, which is not the same as 0."""
    return None if standing is None or standing.open else round(standing.points, DIGITS)


def generic(grades: Grades, who: People, most: Mapping[str, float]) -> list[Row]:
    """A table for everything else: points and maximum of each assignment, and what is open."""
    header: Row = ["learner"]
    for name in grades:
        header += [name, f"{name} maximum", f"{name} open"]
    rows: list[Row] = [header]
    for learner in who:
        row: Row = [learner]
        for name, of_all in grades.items():
            standing = of_all.get(learner)
            row += [points_of(standing), most[name]]
            row.append("not handed in" if standing is None else standing.open)
        rows.append(row)
    return rows


def moodle(grades: Grades, who: People, most: Mapping[str, float]) -> list[Row]:
    """Moodle's form: identifying columns, then grade and feedback of each assignment."""
    header: Row = ["Full name", "ID number", "Email address"]
    for name in grades:
        header += [name, f"{name} feedback"]
    rows: list[Row] = [header]
    for learner, person in who.items():
        row: Row = [person.get("name") or learner, person.get("id"), person.get("email")]
        for of_all in grades.values():
            standing = of_all.get(learner)
            row += [points_of(standing), feedback(standing)]
        rows.append(row)
    return rows


def feedback(standing: Standing | None) -> str | None:
    """Points by exercise, in one line; nothing while they do not count."""
    if standing is None or standing.open:
        return None
    parts = [f"{name}: {mark.points:g} of {mark.most:g}" for name, mark in standing.marks.items()]
    return "; ".join([*parts, *([f"late: {standing.lost:.0%} less"] if standing.lost else [])])


def canvas(grades: Grades, who: People, most: Mapping[str, float]) -> list[Row]:
    """Canvas' form: who it is, then the points of each assignment, under the points possible."""
    rows: list[Row] = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *grades]]
    rows.append(["    Points Possible", "", "", "", "", *(most[name] for name in grades)])
    for learner, person in who.items():
        about = [person.get(name, "") for name in ("canvas_id", "id", "login", "section")]
        points = [points_of(of_all.get(learner)) for of_all in grades.values()]
        rows.append([person.get("name") or learner, *about, *points])
    return rows


FORMS = {"generic": generic, "moodle": moodle, "canvas": canvas}
NEEDED = {"generic": (), "moodle": ("email", "id"), "canvas": ("canvas_id", "id", "login")}
"""Columns of which one must be filled in for each learner, or the platform knows nobody."""
