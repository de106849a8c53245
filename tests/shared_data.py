"""Data that tests look at and the repository does not hold; `PEAKBENCH_SHARED` names the folder where it lies."""

import os
from pathlib import Path

import pytest

CIRCUIT_BOARDS = """
schema_version: 1
id: boards
version: 1
task: grounding
data: {path: DATA}
columns: {image: file, reference: defects}
prompt: Find the defects of this printed circuit board. Answer with a JSON list.
labels: {open: [], short: [], mousebite: [], spur: [], copper: [], pin-hole: []}
boxes:
  keys: [box]
  references: {order: xyxy, scale: pixel}
  answers: {order: xyxy, scale: norm1000}
"""
"""The benchmark file of `data/defects-real`; DATA stands for the path of its rows."""


def shared(place: str) -> Path:
    """A file or folder of the shared data; without the data, the test is skipped."""
    folder = os.environ.get("PEAKBENCH_SHARED")
    if not folder:
        pytest.skip("PEAKBENCH_SHARED names no folder of shared data")
    return Path(folder) / place
