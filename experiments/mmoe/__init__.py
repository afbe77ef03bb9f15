"""Chapter 4: MMoE."""
