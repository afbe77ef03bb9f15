"""The shared implementation behind the course on multi-objective ranking: every chapter imports it."""
