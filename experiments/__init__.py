"""What takes too long for a chapter: a folder for each, with what was recorded beside its script."""
