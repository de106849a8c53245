"""Metrics of boxes: what an image costs, beside pycocotools' overlaps of the same boxes.

    python perf/grounding.py [--images 3500] [--boxes 10]

Every image has as many boxes in its reference as in its answer. A metric's time is that of its `score` for every
image but the first; reading the answer (JSON, labels, boxes) is timed apart, and COCO's mean AP, which looks at whole
runs, is left out. The yardstick asks `pycocotools.mask.iou` for the overlaps of the same boxes, once an image; it
makes no pairs and no scores. Times are of the processor.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.file import BoxConventions
from peakbench.benchmarks.sample import ImageFile, Sample
from peakbench.metrics.answers import prepare_items
from peakbench.metrics.grounding.answer import GroundingReader
from peakbench.metrics.metric import Answer, RepeatMetric
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Response, Timing, Usage

LABELS: Mapping[str, Sequence[str]] = {"artifact": ["artefact"], "misalignment": ["misaligned"]}
PLAIN = BoxConvention(order="xyxy", scale="norm1000")


def items_of(boxes: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    """The items of one image, as they are written."""
    corners = generator.integers(0, 700, size=(boxes, 2))
    sides = generator.integers(50, 300, size=(boxes, 2))
    kinds = generator.integers(0, 2, size=boxes)
    return [
        {"box_2d": [x, y, x + w, y + h], "label": list(LABELS)[kind], "importance": kind * 40 + w % 50 + 1}
        for (x, y), (w, h), kind in zip(corners.tolist(), sides.tolist(), kinds.tolist(), strict=True)
    ]


def left_top_width_height(items: list[dict[str, Any]]) -> np.ndarray:
    """The boxes of items as COCO writes them."""
    corners = np.array([item["box_2d"] for item in items], dtype=float).reshape(-1, 4)
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=3500)
    parser.add_argument("--boxes", type=int, default=10)
    given = parser.parse_args()
    generator = np.random.default_rng(11)
    cases = [(items_of(given.boxes, generator), items_of(given.boxes, generator)) for _ in range(given.images)]

    pairs = [(left_top_width_height(answer), left_top_width_height(reference)) for reference, answer in cases]
    crowd = [0] * given.boxes
    began = time.process_time()
    for found, expected in pairs:
        mask.iou(found, expected, crowd)
    yardstick = (time.process_time() - began) / given.images
    print(f"{given.images} images of {given.boxes} boxes; pycocotools' overlaps: {yardstick * 1e3:.4f} ms an image")

    registry = Registry.load()
    boxes = BoxConventions(references=PLAIN, answers=PLAIN)
    reader = GroundingReader(LABELS, boxes)
    picture = ImageFile(Path("a.png"), "0" * 64, "image/png", 1000, 1000, 1)
    answers: list[Answer] = []
    began = time.process_time()
    for number, (reference, answer) in enumerate(cases):
        sample = Sample(str(number), "", (picture,), tuple(reference))
        response = Response(sample.id, 0, json.dumps(answer), None, "stop", Usage(), Timing(0.0, 1.0))
        answers.append(prepare_items(sample, response, reader, registry))
    reading = (time.process_time() - began) / given.images

    print(f"{'metric':<24} {'ms an image':>12} {'× the overlaps':>15}")
    print(f"{'(reading the answer)':<24} {reading * 1e3:>12.3f} {reading / yardstick:>15.0f}")
    whole = reading
    for name, metric in registry.metrics("grounding", None, labels=LABELS, boxes=boxes).items():
        if metric.definition.family != "grounding" or isinstance(metric, RepeatMetric) or name == "mean_ap":
            continue
        metric.score(answers[0])  # what it imports is no cost of an image
        began = time.process_time()
        for one in answers[1:]:
            metric.score(one)
        cost = (time.process_time() - began) / max(1, given.images - 1)
        whole += cost
        print(f"{name:<24} {cost * 1e3:>12.3f} {cost / yardstick:>15.0f}")
    print(f"{'all':<24} {whole * 1e3:>12.3f} {whole / yardstick:>15.0f}")


if __name__ == "__main__":
    main()
