"""Golden values: whether this installation computes what the metrics are defined to give.

A golden file is JSON Lines; its name says what the cases are about, and each case holds what is given and what must
come out. Every case goes through the metrics of a registry, as an answer of a model does. A key that holds `_WRONG`
is the value of a plausible mistake, which must not come out; a key that holds `_INFO` is for reading.
"""

from peakbench.metrics.golden.case import Status
from peakbench.metrics.golden.verify import GoldenOutcome, verify

__all__ = ["GoldenOutcome", "Status", "verify"]
