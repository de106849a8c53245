"""The OpenAI-compatible server that ships with PeakBench, and the little models it hosts."""

from peakbench.mock.answers import ConstantModel, CutModel, EmptyModel, MockAnswer, MockModel, ProseModel
from peakbench.mock.canned import CANNED_MODEL
from peakbench.mock.catalogue import MODEL_NAMES, build_models
from peakbench.mock.faults import FaultKind, Faults, read_rates
from peakbench.mock.server import MockServer
from peakbench.mock.serving import RunningMockServer, run_in_thread, serve_canned, serve_forever
from peakbench.mock.settings import MockServerSettings

__all__ = [
    "CANNED_MODEL",
    "MODEL_NAMES",
    "ConstantModel",
    "CutModel",
    "EmptyModel",
    "FaultKind",
    "Faults",
    "MockAnswer",
    "MockModel",
    "MockServer",
    "MockServerSettings",
    "ProseModel",
    "RunningMockServer",
    "build_models",
    "read_rates",
    "run_in_thread",
    "serve_canned",
    "serve_forever",
]
