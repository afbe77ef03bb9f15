"""Data: the impression log that every chapter consumes, the simulator that knows the truth, a real log."""
