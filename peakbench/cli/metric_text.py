"""What `peakbench metrics` prints: an entry of the registry as Markdown, and what became of golden cases."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.metrics.definitions import Component, CompositeDefinition, MetricDefinition

if TYPE_CHECKING:
    from peakbench.metrics.golden import GoldenOutcome
    from peakbench.metrics.registry import Registry


def facts_of(registry: "Registry", identifier: str) -> str:
    """What the registry's file says of a metric or component, as a section of Markdown to stand under its card."""
    entry = registry.entry(identifier)
    rows = [("version", str(entry.version))]
    rows += _component_rows(entry) if isinstance(entry, Component) else _metric_rows(entry)
    rows.append(("golden", _listed(entry.golden)))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows if value)
    section = f"## In the registry\n\n| | |\n| --- | --- |\n{table}\n"
    signature = example_signature(registry, identifier)
    if signature is not None:
        fields = "" if "|schema=" not in signature else " for one categorical field `type`"
        section += f"\nSignature{fields}, in this installation:\n\n    {signature}\n"
    return section


def example_signature(registry: "Registry", identifier: str) -> str | None:
    """The signature that a metric's numbers carry, for a schema of one field; None for a component."""
    entry = registry.entry(identifier)
    if isinstance(entry, Component):
        return None
    if entry.is_timing:
        return registry.timing_metrics()[identifier].signature
    schema = FieldSchema(fields={"type": FieldSpec(type="categorical")}) if "json" in entry.applies_to else None
    return registry.metric(identifier, schema).signature


def verification_lines(outcomes: "Sequence[GoldenOutcome]", *, verbose: bool) -> Iterator[str]:
    """A line a golden file, and a line for each case that did not pass, or for every case.

    Unless every case is wanted, those that are not checkable for one reason share a line.
    """
    for file in dict.fromkeys(outcome.file for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.file == file]
        counts = Counter(outcome.status for outcome in mine)
        yield f"{file:<32} {counts['pass']:>4} pass {counts['fail']:>4} fail {counts['not_checkable']:>4} not checkable"
        for one in mine:
            if verbose or one.status == "fail":
                yield f"  {one.status.replace('_', ' ')}: {one.case}" + (f": {one.detail}" if one.detail else "")
        if not verbose:
            reasons = Counter(one.detail for one in mine if one.status == "not_checkable")
            yield from (
                f"  not checkable: {n} {'case' if n == 1 else 'cases'}: {reason}" for reason, n in reasons.items()
            )


def _metric_rows(entry: MetricDefinition) -> list[tuple[str, str]]:
    low, high = entry.range
    rows = [
        ("family", entry.family),
        ("level", entry.level),
        ("applies to", _listed(entry.applies_to)),
        ("range", f"{'unbounded' if low is None else f'{low:g}'} to {'unbounded' if high is None else f'{high:g}'}"),
        ("unit", entry.unit),
        ("better", entry.direction),
        ("undefined", entry.undefined),
        ("unparsed answer", _worth(entry.on_unparsed)),
        ("failed request", _worth(entry.on_failed)),
        ("longest text", "" if entry.max_chars is None else f"{entry.max_chars} characters a side"),
        ("parameters", _listed(f"`{name}` = {_escaped(value)}" for name, value in entry.parameters.items())),
        ("adjustable", _listed(f"`{name}`" for name in entry.adjustable)),
    ]
    if isinstance(entry, CompositeDefinition):
        for kind, weights in entry.weights.items():
            rows.append((f"weights, {kind}", _listed(f"`{name}` {weight:g}" for name, weight in weights.items())))
        rows.append(("short circuit", "" if entry.short_circuit is None else f"{entry.short_circuit:g}"))
        if entry.penalty is not None:
            rows.append(("penalty", f"by `{entry.penalty.metric}`, see `{entry.penalty.component}`"))
    return [
        *rows,
        ("components", _listed(f"`{name}`" for name in entry.components)),
        ("libraries", _listed(entry.libraries)),
        ("extras", _listed(entry.requires)),
        ("statistics", _listed(entry.statistics)),
        ("interval", entry.interval),
        ("floors beside it", _listed(f"`{name}`" for name in entry.floors)),
        ("implementation", f"`{entry.implementation}`"),
    ]


def _component_rows(entry: Component) -> list[tuple[str, str]]:
    return [
        ("parameters", _listed(f"`{name}` = {_escaped(value)}" for name, value in entry.parameters.items())),
        ("adjustable", _listed(f"`{name}`" for name in entry.adjustable)),
        ("libraries", _listed(entry.libraries)),
    ]


def _listed(values: "Iterator[str] | Sequence[str]") -> str:
    return ", ".join(values)


def _escaped(value: object) -> str:
    """A value for a cell of a table, in which a bar would begin the next one."""
    return str(value).replace("|", "\\|")


def _worth(value: float | str | None) -> str:
    return "undefined" if value is None else value if isinstance(value, str) else f"{value:g}"
