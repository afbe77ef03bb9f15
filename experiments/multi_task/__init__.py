"""Chapter 2: the multi-objective model and its loss."""
