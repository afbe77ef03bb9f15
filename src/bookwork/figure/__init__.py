"""Plotly figures as pictures that a page draws itself: plain data, read from the figure's JSON."""

from bookwork.figure.html import data_html, figure_html, figure_state
from bookwork.figure.picture import picture_of

__all__ = ["data_html", "figure_html", "figure_state", "picture_of"]
