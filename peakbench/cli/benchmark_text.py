"""A benchmark, and what is in its data, as text and as JSON."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.file import BenchmarkFile, PromptColumn
from peakbench.benchmarks.schema import DEFAULT_REL_TOL, FieldSpec
from peakbench.terminal import printable

if TYPE_CHECKING:
    from peakbench.jobs.inspect import Contents

_SHOWN_VALUES = 6
_SHOWN_SIZES = 4
_SHOWN_CLUSTERS = 8


def print_benchmark(console: Console, file: BenchmarkFile) -> None:
    """Print what a benchmark file says."""
    console.print(Text(printable(": ".join(part for part in (file.name, file.title) if part)), style="bold"))
    if file.description:
        console.print(Text(printable(file.description.strip())))
    if file.verified:
        console.print(Text(printable(f"Not verified: {file.verified.strip()}"), style="yellow"))
    if file.fields:
        table = Table("field", "comparator", "weight", "also called", "null words")
        for name, spec in file.fields.items():
            table.add_row(
                Text(printable(name)),
                Text(printable(_comparator(spec))),
                f"{spec.weight:g}",
                Text(printable(", ".join(spec.aliases))),
                Text(printable(", ".join(spec.null_values))),
            )
        console.print(table)
    for label, words in file.labels.items():
        console.print(Text(printable(f"label {label}, also written {', '.join(words) or 'in no other way'}")))
    if file.boxes:
        for side, convention in (("references", file.boxes.references), ("answers", file.boxes.answers)):
            console.print(Text(f"boxes of {side}: {_convention_text(convention)}"))
    if file.fields:
        console.print(Text(printable(f"majority floor: {_training_text(file)}")))
    if file.response_schema is not None:
        console.print(Text("answers have to fit the file's own response schema"))
    console.print(Text(f"ranked by {file.ranked_by or 'nothing'}; floors: {', '.join(file.all_floors)}"))
    for line in file.reference_lines:
        console.print(Text(printable(f"reference line: {line.name}, {line.metric} {line.value:g}")))
    console.print(Text("\nprompt:", style="bold"))
    prompt = file.prompt
    if isinstance(prompt, PromptColumn):
        console.print(Text(printable(f"the column `{prompt.column}`")))
    else:
        console.print(Text(printable(prompt if isinstance(prompt, str) else prompt.template)))


def _convention_text(convention: BoxConvention) -> str:
    text = f"order {convention.order}, scale {convention.scale}"
    if convention.scale != "pixel_resized":
        return text
    limits = f"{convention.min_pixels:,} to {convention.max_pixels:,} pixels"
    return f"{text} (sides are multiples of {convention.factor}, {limits})"


def _training_text(file: BenchmarkFile) -> str:
    source = file.training
    if source is None:
        return "taken in-sample, for the benchmark names no training split"
    if source.make is not None:
        return f"from a training split of {source.make.n:,} {source.make.kind} of seed {source.make.seed}"
    if source.hub is not None:
        return f"from the training split {source.hub.repo}@{source.hub.revision} ({source.hub.split})"
    return f"from the training split {source.path}"


def _comparator(spec: FieldSpec) -> str:
    """The comparator, with the tolerance of a number and with what a list or an object is made of."""
    if spec.items is not None:
        return f"list of {_comparator(spec.items)}"
    if spec.fields:
        return f"object ({', '.join(f'{name}: {_comparator(part)}' for name, part in spec.fields.items())})"
    if spec.type == "number":
        bounds = [f"± {spec.abs_tol:g}"] if spec.abs_tol else []
        bounds += [f"± {spec.rel_tol:.4g} of it"] if spec.rel_tol > DEFAULT_REL_TOL else []
        return f"number {' or '.join(bounds)}".strip()
    return spec.type


def contents_json(counted: "Contents") -> dict[str, Any]:
    """What is in the data, as JSON."""
    return {
        "n": counted.n,
        "n_bad": counted.n_bad,
        "whole": counted.whole,
        "nulls": dict(counted.nulls),
        "values": {name: dict(counts.most_common()) for name, counts in counted.values.items()},
        "image_sizes": {f"{width}x{height}": n for (width, height), n in counted.sizes.most_common()},
        "image_urls": counted.n_remote,
        "clusters": dict(counted.clusters.most_common()),
        "prompts": counted.prompts,
    }


def print_contents(console: Console, counted: "Contents") -> None:
    """Print what is in the data: value counts, null rates, image sizes, clusters, three prompts."""
    bad = f", {counted.n_bad} bad rows (see `peakbench benchmarks validate`)" if counted.n_bad else ""
    part = "" if counted.whole else "the first rows only (--data counts all): "
    console.print(Text(f"\n{part}{counted.n} samples{bad}", style="bold"))
    table = Table(box=None, pad_edge=False)
    for name in ("field", "null", "distinct", "most frequent"):
        table.add_column(name, no_wrap=name != "most frequent")
    for name in dict.fromkeys([*counted.values, *counted.nulls]):
        counts = counted.values.get(name, Counter())
        most = ", ".join(f"{value} ({n})" for value, n in counts.most_common(_SHOWN_VALUES))
        nulls = f"{counted.nulls[name] / counted.n:.1%}" if counted.n else "—"
        table.add_row(Text(printable(name)), nulls, str(len(counts)), Text(printable(most)))
    console.print(table)
    if counted.sizes:
        sizes = ", ".join(f"{width} × {height} ({n})" for (width, height), n in counted.sizes.most_common(_SHOWN_SIZES))
        more = len(counted.sizes) - _SHOWN_SIZES
        console.print(Text(f"image sizes: {sizes}" + (f" and {more} more" if more > 0 else "")))
    if counted.n_remote:
        console.print(Text(f"images given as URLs: {counted.n_remote} (run with --allow-remote-images)"))
    if counted.clusters:
        clusters = ", ".join(f"{name} ({n})" for name, n in counted.clusters.most_common(_SHOWN_CLUSTERS))
        console.print(Text(printable(f"{len(counted.clusters)} clusters: {clusters}")))
    for number, prompt in enumerate(counted.prompts, start=1):
        console.print(Text(f"\nprompt {number}, as it is sent:", style="bold"))
        console.print(Text(printable(prompt)))
