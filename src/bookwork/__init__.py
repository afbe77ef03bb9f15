"""What makes a Jupyter Book live without a kernel, readable without a network, and gradable."""
