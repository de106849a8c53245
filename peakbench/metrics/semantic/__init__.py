"""Similarity of meaning: sentence encoders, run on this machine, and the metrics made of them.

Weights lie in the cache folder before anything is scored; scoring reads no network. Importing this loads no torch.
"""

from peakbench.metrics.semantic.models import SemanticModels

__all__ = ["SemanticModels"]
