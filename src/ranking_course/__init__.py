"""This book: its live figures, its palette, the figures that its chapters draw."""
