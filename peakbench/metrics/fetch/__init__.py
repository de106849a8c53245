"""Parts of metrics that are fetched once: `peakbench metrics fetch NAME`."""

from collections.abc import Mapping
from types import MappingProxyType

from peakbench.metrics.fetch.nli import Nli
from peakbench.metrics.fetch.part import Part
from peakbench.metrics.fetch.sbert import Sbert
from peakbench.metrics.fetch.wordnet import WordNet

PARTS: Mapping[str, Part] = MappingProxyType({part.name: part for part in (WordNet(), Sbert(), Nli())})
"""Every part, by its name on the command line."""

__all__ = ["PARTS", "Part"]
