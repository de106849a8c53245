"""What a run is: everything that must agree for two sessions of asking to be one run."""

import json
from typing import Any

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.training import Training
from peakbench.canonical import digest
from peakbench.jobs.facts import package_versions
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.signatures import DIGITS
from peakbench.redaction import with_secrets_replaced
from peakbench.runs.manifest import Identity


def run_identity(benchmark: Benchmark, data: str, settings: RunSettings, training: Training | None) -> Identity:
    """The identity of a run over the samples of this data digest, with floors from this training split."""
    return Identity(
        kind="run",
        benchmark=benchmark.name,
        data=data,
        prompt=benchmark.prompt_digest,
        generation=_generation(benchmark, settings),
        fields=benchmark.read_with(settings.model.boxes).fields_digest,
        model=settings.model.name,
        revision=settings.model.revision,
        repeats=settings.repeats,
        limit=settings.limit,
        seed=settings.seed,
        training=None if training is None else training.digest,
        variant=settings.variant,
    )


def _generation(benchmark: Benchmark, settings: RunSettings) -> dict[str, Any]:
    """How answers are written: constrained and free runs are different runs, and so are those with other keys."""
    told = benchmark.file.generation.model_dump(mode="json")
    if settings.response_format != "free":
        told["response_format"] = settings.response_format
        # The order of its keys counts: that is the order in which the model has to write them.
        told["answer_schema"] = digest(json.dumps(benchmark.file.answer_schema))[:DIGITS]
    if settings.images.max_pixels is not None:
        told["images"] = {
            "max_pixels": settings.images.max_pixels,
            "interpolation": settings.images.interpolation,
            "made_by": f"pillow {package_versions(('pillow',))['pillow']}",
        }
    if settings.logprobs is not None:  # answers are the same, but records of one run hold the same
        told["logprobs"] = settings.logprobs
    if settings.extra_body:
        told["extra_body"] = without_secrets(settings.extra_body)
    return told


def without_secrets(value: Any) -> Any:
    """The same JSON value, with a digest in the place of every text whose key sounds like that of a secret."""
    return with_secrets_replaced(value, lambda text: f"sha256:{digest(text)[:DIGITS]}")
