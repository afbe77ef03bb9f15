"""The simulated world beside a real log."""
