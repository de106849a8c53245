"""Where the files lie that come with PeakBench: `peakbench_metrics.json`, `metrics/` and `runners/`.

In a checkout they are at the repository's root, beside the package; in an installed wheel they were packed under
`peakbench/_content/`. This is the only place that knows.
"""

from pathlib import Path

from peakbench.errors import PeakBenchError

_PACKAGE = Path(__file__).resolve().parent


def content_root() -> Path:
    """Return the folder that holds `peakbench_metrics.json`, `metrics/` and `runners/`.

    Raises:
        PeakBenchError: If neither an installed wheel's nor a checkout's content is there.
    """
    for root in (_PACKAGE / "_content", _PACKAGE.parent):
        if (root / "peakbench_metrics.json").is_file():
            return root
    raise PeakBenchError(
        f"peakbench_metrics.json is neither in {_PACKAGE / '_content'} nor in {_PACKAGE.parent}",
        mend="install PeakBench again: pip install --force-reinstall peakbench",
    )
