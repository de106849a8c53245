"""PeakBench takes a list of models and a benchmark to a leaderboard that can be trusted.

Importing this package is cheap on purpose: nothing heavy (pandas, matplotlib, openai, torch) is imported until a
function that needs it is called.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
