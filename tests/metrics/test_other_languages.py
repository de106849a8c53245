"""The published JSON alone, read by another language, gives the scores that PeakBench gives."""

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from composite_parts import quality_of

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.content import content_root
from peakbench.metrics.comparators import FieldComparison
from peakbench.metrics.definitions import Kind
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.runs.records import ParseLevel, Prediction, Response, Timing, Usage

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
MAIN = """
import { readFileSync } from "node:fs";
import { quality, structuredMatch, weightedScore } from "./scores.mjs";
const [registry, cases] = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, "utf-8")));
console.log(JSON.stringify(cases.map((one) => [
  structuredMatch(registry, one.scores, one.status),
  weightedScore(registry, one.scores, one.weights, one.status),
  quality(registry, one.kind, one.values, one.contradiction, one.equal, one.status),
])));
"""


def answer_of(status: str, scores: dict[str, float], said: str) -> Answer:
    """An answer that says this in every field, and whose fields were compared with these scores."""
    fields = {name: FieldComparison(score, "FD", False, False, True) for name, score in scores.items()}
    response = Response("s", 0, "", None, "stop", Usage(), Timing(0.0, 0.0))
    level: ParseLevel = "strict" if status == "parsed" else "none"
    prediction = None if status == "failed" else Prediction("", None, level, dict.fromkeys(scores, said))
    reference = dict.fromkeys(scores, "expected")
    return Answer(Sample("s", "", (), reference), response, prediction, fields, said, "expected")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_javascript_of_the_documentation_gives_the_same_scores(tmp_path: Path) -> None:
    (code,) = re.findall(r"```javascript\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "scores.mjs").write_text(code, encoding="utf-8")
    (tmp_path / "main.mjs").write_text(MAIN, encoding="utf-8")
    registry = Registry.load()
    draw = random.Random(7)
    cases, expected = [], []
    for number in range(400):
        weights = {f"f{place}": draw.choice([0.1, 1.0, 2.5, draw.uniform(0.01, 9)]) for place in range(number % 12 + 1)}
        scores = {name: draw.choice([0.0, 1.0, draw.random()]) for name in weights}
        status = draw.choice(["parsed"] * 6 + ["unparsed", "failed"])
        kind: Kind = draw.choice(["json", "text"])
        contradiction = draw.choice([None, 0.5, 1.0, draw.random()])
        equal = number % 7 == 0 and status == "parsed"
        schema = FieldSchema(fields={name: FieldSpec(type="anls", weight=weight) for name, weight in weights.items()})
        answer = answer_of(status, scores, "expected" if equal else "given")
        match = registry.metric("structured_match", schema).score(answer)[0].value
        weighted = registry.metric("weighted_score", schema).score(answer)[0].value
        values: dict[str, float | None] = {"structured_match": match, "rouge_l": draw.random()}
        values |= {name: draw.choice([0.0, 1.0, draw.random()]) for name in ("sbert_similarity", "token_set_ratio")}
        if number % 10 == 0:
            values["sbert_similarity"] = None
        quality, _ = quality_of(registry, kind, values, contradiction, schema if kind == "json" else None)
        expected.append([match, weighted, quality.score(answer)[0].value])
        case = {"scores": scores, "weights": weights, "status": status, "kind": kind, "values": values}
        cases.append({**case, "contradiction": contradiction, "equal": equal})
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    words = (tmp_path / "main.mjs", content_root() / "peakbench_metrics.json", tmp_path / "cases.json")
    done = subprocess.run(["node", *words], capture_output=True, text=True, check=True, timeout=300)
    got = json.loads(done.stdout)
    assert len(got) == len(expected) == 400
    for one, want in zip(got, expected, strict=True):
        assert one == [None if value is None else pytest.approx(value, abs=1e-12) for value in want]
    assert {None, 0.0, 1.0} <= {row[2] for row in got}
