"""Slides from the chapters of a book, live figures included."""
