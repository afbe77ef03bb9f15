"""Chapter 5: score fusion."""
