"""The registry: `peakbench_metrics.json` made into objects that score.

Loading looks at everything an entry names (class, card, golden files), so that a broken entry is refused before the
first sample instead of after the last.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.benchmark import cache_folder
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.metrics.comparators import FieldComparer, Maker
from peakbench.metrics.composite import Composite, Part, PenaltyPart
from peakbench.metrics.context import MetricContext
from peakbench.metrics.definitions import Component, CompositeDefinition, Kind, MetricDefinition
from peakbench.metrics.extraction import ExtractionLimits
from peakbench.metrics.metric import MeanMetric, Metric, TimingMetric
from peakbench.metrics.pairs import PairMemory
from peakbench.metrics.registry_file import RegistrySource, canonical_path, read_registry_file
from peakbench.metrics.semantic.comparator import has_semantic, semantic_comparison
from peakbench.metrics.semantic.encoder import SentenceEncoder
from peakbench.metrics.semantic.models import EncoderParameters, InferenceParameters, SemanticModels
from peakbench.metrics.signatures import DIGITS
from peakbench.metrics.third_party import code_digest, find_implementation, require_subclass

if TYPE_CHECKING:
    from peakbench.benchmarks.file import BoxConventions
    from peakbench.benchmarks.schema import FieldSchema

_KIND_OF_TASK: dict[str, Kind] = {"extraction": "json", "text": "text", "grounding": "defects"}
_COMPARERS_KEPT = 8
_FIELD_ENCODER = "semantic_comparator"
_INFERENCE = "nli_model"


class Registry:
    """Every metric there is, by id.

    Args:
        source: The validated file, and where its cards, golden files and code lie.
        cache: Where fetched parts (WordNet, model weights) are looked for; the user's cache folder by default.
        allow_code: Whether code that the file names, and that is not PeakBench's own, may run.

    Raises:
        BadInputError: If an entry names a class, card or golden file that is not there, or code that may not run.
    """

    def __init__(self, source: RegistrySource, cache: Path | None = None, *, allow_code: bool = False) -> None:
        self.source = source
        self.file = source.file
        self.path = source.path
        self.cache = cache if cache is not None else cache_folder()
        self.models = SemanticModels(self.cache)
        self.definitions: tuple[MetricDefinition, ...] = source.file.definitions
        self.digest = source.file.digest
        self._by_id = {definition.id: definition for definition in self.definitions}
        self._classes = {one.id: self._class_of(one, allow_code=allow_code) for one in self.definitions}
        self._components = {name: self._component_signature(name) for name in self.file.components}
        self._comparers: dict[str, FieldComparer] = {}
        self._comparers_by_object: dict[int, tuple[FieldSchema, FieldComparer]] = {}
        self._memories: dict[str, PairMemory] = {}
        for definition in self.definitions:
            self._check_files(f"metric `{definition.id}`", definition.id, definition)
        for name, component in self.file.components.items():
            self._check_files(f"component `{name}`", name, component)

    @classmethod
    def load(cls, path: Path | None = None, cache: Path | None = None, *, allow_code: bool = False) -> "Registry":
        """Read a registry.

        Args:
            path: The file, which may extend another; the one that comes with PeakBench by default.
            cache: Where fetched parts are looked for; the user's cache folder by default.
            allow_code: Whether code that the file names may run: a module that is not PeakBench's own, or a file.

        Raises:
            BadInputError: If the file or an entry cannot be used; the message names the entry.
        """
        return cls(read_registry_file(path if path is not None else canonical_path()), cache, allow_code=allow_code)

    @property
    def null_values(self) -> tuple[str, ...]:
        """Words that mean "nothing there"."""
        return tuple(self.file.null_values)

    @property
    def limits(self) -> ExtractionLimits:
        """How much of a response is looked at."""
        return self.file.json_extraction.limits

    def metrics(
        self,
        task: str,
        schema: "FieldSchema | None",
        ids: Sequence[str] = (),
        *,
        answer_schema: Mapping[str, Any] | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        boxes: "BoxConventions | None" = None,
    ) -> dict[str, Metric]:
        """The metrics that score the answers to a task, in the order of the file.

        Args:
            task: `extraction`, `grounding` or `text`.
            schema: The benchmark's fields.
            ids: Only these; timing metrics among them are left out, as they score runs. Empty means all.
            answer_schema: The benchmark's response schema; by default the one that follows from the fields.
            labels: The labels of a grounding benchmark, with the words that mean the same.
            boxes: How its boxes are declared.

        Raises:
            BadInputError: If an id is unknown, or a metric is not defined for the task.
        """
        kind = _KIND_OF_TASK.get(task)
        if kind is None:
            raise BadInputError(f"unknown task `{task}`", mend=_hint(task, _KIND_OF_TASK))
        for identifier in ids:
            definition = self.definition(identifier)
            if not definition.is_timing and kind not in definition.applies_to:
                raise BadInputError(
                    f"metric `{identifier}` is not defined for the task `{task}`",
                    mend=f"take it out of the benchmark file; it is for: {', '.join(definition.applies_to)}",
                )
        context = self._context(schema, answer_schema, labels, boxes)
        made: dict[str, Metric] = {}
        for definition in self.definitions:  # composites last: they share the metrics that are made by then
            if kind in definition.applies_to and (not ids or definition.id in ids):
                made[definition.id] = self._make(definition, schema, kind, context, made)
        return made

    def timing_metrics(self) -> dict[str, TimingMetric]:
        """The metrics of how fast a run went, in the order of the file."""
        made = {}
        for definition in self.definitions:
            found = self._classes[definition.id]
            if issubclass(found, TimingMetric):
                made[definition.id] = found(definition, self._own_context(definition, self._context()))
        return made

    def metric(
        self,
        identifier: str,
        schema: "FieldSchema | None",
        *,
        answer_schema: Mapping[str, Any] | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        boxes: "BoxConventions | None" = None,
    ) -> Metric:
        """One metric, for answers with these fields or these boxes, or for texts where there are neither.

        Raises:
            BadInputError: If the id is unknown, or that of a timing metric.
        """
        context = self._context(schema, answer_schema, labels, boxes)
        kind: Kind = "defects" if boxes is not None else "text" if schema is None else "json"
        return self._make(self.definition(identifier), schema, kind, context, {})

    def definition(self, identifier: str) -> MetricDefinition:
        """What a metric is.

        Raises:
            BadInputError: If the id is unknown.
        """
        found = self._by_id.get(identifier)
        if found is None:
            raise BadInputError(f"unknown metric `{identifier}`", mend=_hint(identifier, self._by_id))
        return found

    def card(self, identifier: str) -> str:
        """The card of a metric or a component, as Markdown.

        Raises:
            BadInputError: If the id is unknown.
        """
        entry = self.entry(identifier)
        return (self.source.folder(identifier, "card") / entry.card).read_text(encoding="utf-8")

    def entry(self, identifier: str) -> MetricDefinition | Component:
        """What the file says of a metric or a component.

        Raises:
            BadInputError: If the id is unknown.
        """
        found = self._by_id.get(identifier) or self.file.components.get(identifier)
        if found is None:
            raise BadInputError(
                f"unknown metric `{identifier}`", mend=_hint(identifier, [*self._by_id, *self.file.components])
            )
        return found

    def comparer(self, schema: "FieldSchema") -> FieldComparer:
        """The comparer of a schema: one for all equal schemas, so that its memory serves every model of a sweep."""
        known = self._comparers_by_object.get(id(schema))
        if known is not None and known[0] is schema:  # a schema that is held here keeps its number to itself
            return known[1]
        content = schema.model_dump_json()
        comparer = self._comparers.get(content)
        if comparer is None:
            makers: dict[str, Maker] = {"semantic": lambda spec: semantic_comparison(spec, self.field_encoder)}
            comparer = self._comparers[content] = FieldComparer(schema, self.null_values, makers)
        self._comparers_by_object[id(schema)] = schema, comparer
        _keep_newest(self._comparers)
        _keep_newest(self._comparers_by_object)
        return comparer

    @property
    def field_encoder(self) -> SentenceEncoder | None:
        """What compares fields of the type `semantic`; None where it is lacking."""
        parameters = self._field_encoder_parameters
        return None if self.models.lacking(parameters) is not None else self.models.encoder(parameters)

    @property
    def _field_encoder_parameters(self) -> EncoderParameters:
        component = self.file.components.get(_FIELD_ENCODER)
        if component is None:
            raise BadInputError(
                f"{self.path} has no component `{_FIELD_ENCODER}`, which compares fields of the type `semantic`",
                mend="add it, as the canonical file has it",
            )
        return EncoderParameters.of(f"component `{_FIELD_ENCODER}`", component.parameters)

    @property
    def _inference_parameters(self) -> InferenceParameters | None:
        component = self.file.components.get(_INFERENCE)
        if component is None:
            return None
        return InferenceParameters.of(f"component `{_INFERENCE}`", component.parameters)

    def golden_files(self) -> list[Path]:
        """Every golden file that an entry names, each once, in the order of the file."""
        entries: list[tuple[str, MetricDefinition | Component]] = [(one.id, one) for one in self.definitions]
        entries += self.file.components.items()
        files = [self.source.folder(name, "golden") / path for name, entry in entries for path in entry.golden]
        return list(dict.fromkeys(files))

    def _make(
        self,
        definition: MetricDefinition,
        schema: "FieldSchema | None",
        kind: Kind,
        context: MetricContext,
        made: Mapping[str, Metric],
    ) -> Metric:
        """A metric in a context that holds for a benchmark; a composite takes what is made of its metrics already."""
        found = self._classes[definition.id]
        if not issubclass(found, Metric):
            raise BadInputError(f"metric `{definition.id}` describes the timing of a run and scores no answers")
        own = self._own_context(definition, context)
        if not (isinstance(definition, CompositeDefinition) and issubclass(found, Composite)):
            return found(definition, schema, own)

        def shared(name: str) -> Metric | None:
            one = self._by_id.get(name)
            if one is None or kind not in one.applies_to:
                return None
            return made.get(name) or self._make(one, schema, kind, context, made)

        weights = definition.weights.get(kind)
        if weights is None:
            raise BadInputError(f"composite `{definition.id}` is for {', '.join(definition.weights)}, not for {kind}")
        parts = {name: Part(weight, shared(name)) for name, weight in weights.items()}
        penalty = None
        if definition.penalty is not None:
            knobs = self.file.components[definition.penalty.component].parameters
            penalty = PenaltyPart(shared(definition.penalty.metric), float(knobs["threshold"]), float(knobs["offset"]))
        return found(definition, schema, own, parts, penalty)

    def _context(
        self,
        schema: "FieldSchema | None" = None,
        answer_schema: Mapping[str, Any] | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        boxes: "BoxConventions | None" = None,
    ) -> MetricContext:
        """What all metrics of a benchmark share."""
        return MetricContext(
            null_values=self.null_values,
            cache=self.cache,
            comparer=None if schema is None else self.comparer(schema),
            models=self.models,
            field_encoder=self._field_encoder_parameters if schema is not None and has_semantic(schema) else None,
            inference=self._inference_parameters,
            answer_schema=answer_schema,
            labels=labels or {},
            boxes=boxes,
        )

    def _own_context(self, definition: MetricDefinition, context: MetricContext) -> MetricContext:
        """The context of one metric: the shared one, with its components and its code."""
        return replace(
            context,
            components={name: self._components[name] for name in definition.components},
            libraries=tuple(lib for name in definition.components for lib in self.file.components[name].libraries),
            code=code_digest(self._classes[definition.id]),
            memory=self._memories.setdefault(definition.id, PairMemory()),
        )

    def _class_of(self, definition: MetricDefinition, *, allow_code: bool) -> type[Metric] | type[TimingMetric]:
        where = f"{self.path}: metric `{definition.id}`"
        folder = self.source.folder(definition.id, "implementation")
        found = find_implementation(where, definition.implementation, folder, allow_code=allow_code)
        composite = isinstance(definition, CompositeDefinition)
        base = TimingMetric if definition.is_timing else Composite if composite else Metric
        require_subclass(where, definition.implementation, found, base)
        if issubclass(found, Composite) and not composite:
            raise BadInputError(f"{where} is a composite", mend="move it from `metrics` to `composites`")
        plain = (  # a mean that names its statistics itself, or makes something else of them, knows what it does
            issubclass(found, Metric)
            and found.statistics is Metric.statistics
            and found.from_totals is MeanMetric.from_totals
        )
        if plain and len(definition.statistics) != 2:
            raise BadInputError(f"{where}: a mean has two statistics", mend='write `"statistics": ["sum", "n"]`')
        return found  # type: ignore[no-any-return]  # it was looked at above

    def _check_files(self, what: str, identifier: str, entry: MetricDefinition | Component) -> None:
        for key, paths in (("card", [entry.card]), ("golden", entry.golden)):
            root = self.source.folder(identifier, key).resolve()
            for path in paths:
                whole = (root / path).resolve()
                if not whole.is_relative_to(root):
                    raise BadInputError(
                        f"{self.path}: {what}: {key} `{path}` lies outside {root}", mend="move it inside"
                    )
                if not whole.is_file():
                    raise BadInputError(
                        f"{self.path}: {what}: {key} `{path}` is not there", mend="add it, or mend the path"
                    )

    def _component_signature(self, name: str) -> str:
        component = self.file.components[name]
        parameters = dict(component.parameters)
        if name == "json_extraction":
            limits = self.limits
            parameters |= {key: getattr(limits, key) for key in type(limits).__slots__}
        return f"{component.version}.{digest(parameters)[:DIGITS]}"


def _keep_newest(kept: dict[Any, Any]) -> None:
    while len(kept) > _COMPARERS_KEPT:
        del kept[next(iter(kept))]


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(names)}"
