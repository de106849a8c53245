"""`python -m peakbench`."""

from peakbench.cli import main

main()
