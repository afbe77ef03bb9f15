"""Chapter 6: watch time and completion."""
