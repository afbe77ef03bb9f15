"""This book: its world and its log, its live figures, its palette, the figures that its chapters draw."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranking_course.course import course_log, course_world


def __getattr__(name: str) -> Any:
    """What :mod:`ranking_course.course` offers, imported with the simulator only where it is asked for."""
    if name in ("course_log", "course_world"):
        from ranking_course import course

        return getattr(course, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
