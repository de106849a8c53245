"""The published JSON Schemas of every file that PeakBench reads or writes, made from the code that does.

`make schemas` writes them to `docs/schemas`; a test holds them equal to what this module gives.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.files import make_folder, write_atomically
from peakbench.jobs.sweep import SweepFile
from peakbench.leaderboards.reported import PREFIX, ReportedFile
from peakbench.leaderboards.rows import Board
from peakbench.metrics.definitions import RegistryExtension, RegistryFile
from peakbench.runs.journal_lines import JOURNAL_SCHEMA_VERSION, JournalHeader
from peakbench.runs.manifest import RunManifest
from peakbench.runs.records import Failure, Response
from peakbench.runs.results import Results
from peakbench.runs.samples import SampleFacts, SamplesHeader
from peakbench.strict import StrictModel

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name to JSON Schema."""
    models: dict[str, type[StrictModel]] = {
        "metrics": RegistryFile,
        "metrics-extension": RegistryExtension,
        "sweep": SweepFile,
        "run": RunManifest,
        "results": Results,
        "board": Board,
    }
    made = {name: model.model_json_schema() for name, model in models.items()} | {
        "benchmark": _benchmark_file(),
        "responses": _journal_line(),
        "samples": _samples_line(),
        "reported": _reported_file(),
    }
    return {f"{name}.schema.json": {"$schema": _DIALECT, **schema} for name, schema in made.items()}


def _benchmark_file() -> dict[str, Any]:
    """A benchmark file: whole, or with `extends` a part, of which any key may be left to the file it extends."""
    whole = BenchmarkFile.model_json_schema()
    definitions = {**whole.pop("$defs"), "BenchmarkFile": whole}
    parts = json.loads(json.dumps(definitions).replace('"#/$defs/', '"#/$defs/PartOf'))
    return {
        "title": "A benchmark file",
        "$defs": definitions | {f"PartOf{name}": _without_required(part) for name, part in parts.items()},
        "if": {"required": ["extends"], "properties": {"extends": {"type": "string"}}},
        "then": {"$ref": "#/$defs/PartOfBenchmarkFile"},
        "else": {"$ref": "#/$defs/BenchmarkFile"},
    }


def _reported_file() -> dict[str, Any]:
    """A file of reported values: in it they stand in a row by their own keys, beside the facts."""
    schema = ReportedFile.model_json_schema()
    row = schema["$defs"]["ReportedRow"]
    value = row["properties"].pop("values")["additionalProperties"]
    row["patternProperties"] = {f"^{PREFIX}": value}
    return schema


def _without_required(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "required"}


def _journal_line() -> dict[str, Any]:
    """A line of `responses.jsonl`: a header first, then responses and failures."""
    header = TypeAdapter(JournalHeader).json_schema()
    response = TypeAdapter(Response).json_schema()
    failure = TypeAdapter(Failure).json_schema()
    definitions = response.pop("$defs", {}) | failure.pop("$defs", {})
    del failure["properties"]["retry_after_s"]  # only used while asking
    failure["properties"]["error"] = failure["properties"].pop("kind")  # `kind` tells lines apart
    for kind, line in (("header", header), ("response", response), ("failure", failure)):
        line["properties"]["kind"] = {"const": kind}
        line["required"] = sorted(line["properties"])
        line["additionalProperties"] = False
    header["properties"]["schema_version"] = {"const": JOURNAL_SCHEMA_VERSION}
    return {"title": "A line of responses.jsonl", "$defs": definitions, "oneOf": [header, response, failure]}


def _samples_line() -> dict[str, Any]:
    """A line of `samples.jsonl`: a header first, then samples."""
    sample = SampleFacts.model_json_schema()
    definitions = sample.pop("$defs", {})
    lines = [SamplesHeader.model_json_schema(), sample]
    for line in lines:
        line["required"] = sorted(line["properties"])
    return {"title": "A line of samples.jsonl", "$defs": definitions, "oneOf": lines}


def write_schemas(folder: Path) -> None:
    """Write every schema to a folder."""
    make_folder(folder)
    for name, schema in schemas().items():
        write_atomically(folder / name, json.dumps(schema, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
