"""Chapter 1: the funnel."""
