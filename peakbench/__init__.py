"""PeakBench takes a list of models and a benchmark to a leaderboard that can be trusted.

Importing this package is cheap on purpose: nothing heavy (pandas, matplotlib, openai, torch) is imported until a
function that needs it is called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peakbench.jobs.answers import ScoredAnswers, score
    from peakbench.jobs.loading import LoadedRun, load_run, load_runs
    from peakbench.metrics.registry import Registry

__version__ = "0.1.0"

__all__ = ["LoadedRun", "Registry", "ScoredAnswers", "__version__", "load_run", "load_runs", "score"]

_HOMES = (
    ("peakbench.jobs.answers", ("ScoredAnswers", "score")),
    ("peakbench.jobs.loading", ("LoadedRun", "load_run", "load_runs")),
    ("peakbench.metrics.registry", ("Registry",)),
)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    for module, names in _HOMES:
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
