"""The registry: `peakbench_metrics.json` made into objects that score.

Loading looks at everything an entry names (class, card, golden files), so that a broken entry is refused before the
first sample instead of after the last.
"""

import difflib
import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peakbench.benchmarks.benchmark import cache_folder
from peakbench.canonical import digest
from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.comparators import FieldComparer
from peakbench.metrics.definitions import Component, Kind, MetricDefinition, RegistryFile, read_registry_file
from peakbench.metrics.extraction import ExtractionLimits
from peakbench.metrics.metric import Metric, MetricContext, TimingMetric
from peakbench.metrics.semantic.comparator import has_semantic, semantic_comparison
from peakbench.metrics.semantic.encoder import SentenceEncoder
from peakbench.metrics.semantic.models import EncoderParameters, SemanticModels
from peakbench.metrics.signatures import DIGITS

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema

_KIND_OF_TASK: dict[str, Kind] = {"extraction": "json", "text": "text", "grounding": "defects"}
_COMPARERS_KEPT = 8
_FIELD_ENCODER = "semantic_comparator"


class Registry:
    """Every metric there is, by id.

    Args:
        file: The validated file.
        path: Where it lies; cards and golden files are relative to its folder.
        cache: Where fetched parts (WordNet, model weights) are looked for; the user's cache folder by default.

    Raises:
        BadInputError: If an entry names a class, card or golden file that is not there.
    """

    def __init__(self, file: RegistryFile, path: Path, cache: Path | None = None) -> None:
        self.file = file
        self.path = path
        self.cache = cache if cache is not None else cache_folder()
        self.models = SemanticModels(self.cache)
        self.definitions: tuple[MetricDefinition, ...] = tuple(file.metrics)
        self.digest = file.digest
        self._by_id = {definition.id: definition for definition in self.definitions}
        self._classes = {definition.id: self._class_of(definition) for definition in self.definitions}
        self._components = {name: self._component_signature(name) for name in file.components}
        self._comparers: dict[int, FieldComparer] = {}
        for definition in self.definitions:
            self._check_files(f"metric `{definition.id}`", definition)
        for name, component in file.components.items():
            self._check_files(f"component `{name}`", component)

    @classmethod
    def load(cls, path: Path | None = None, cache: Path | None = None) -> "Registry":
        """Read a registry.

        Args:
            path: The file; the one that comes with PeakBench by default.
            cache: Where fetched parts are looked for; the user's cache folder by default.

        Raises:
            BadInputError: If the file or an entry cannot be used; the message names the entry.
        """
        path = path if path is not None else content_root() / "peakbench_metrics.json"
        return cls(read_registry_file(path), path, cache)

    @property
    def null_values(self) -> tuple[str, ...]:
        """Words that mean "nothing there"."""
        return tuple(self.file.null_values)

    @property
    def limits(self) -> ExtractionLimits:
        """How much of a response is looked at."""
        return self.file.json_extraction.limits

    def metrics(self, task: str, schema: "FieldSchema | None", ids: Sequence[str] = ()) -> dict[str, Metric]:
        """The metrics that score the answers to a task, in the order of the file.

        Args:
            task: `extraction`, `grounding` or `text`.
            schema: The benchmark's fields.
            ids: Only these; timing metrics among them are left out, as they score runs. Empty means all.

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
        return {
            definition.id: self.metric(definition.id, schema)
            for definition in self.definitions
            if kind in definition.applies_to and (not ids or definition.id in ids)
        }

    def timing_metrics(self) -> dict[str, TimingMetric]:
        """The metrics of how fast a run went, in the order of the file."""
        made = {}
        for definition in self.definitions:
            found = self._classes[definition.id]
            if issubclass(found, TimingMetric):
                made[definition.id] = found(definition)
        return made

    def metric(self, identifier: str, schema: "FieldSchema | None") -> Metric:
        """One metric.

        Raises:
            BadInputError: If the id is unknown, or that of a timing metric.
        """
        definition = self.definition(identifier)
        found = self._classes[identifier]
        if not issubclass(found, Metric):
            raise BadInputError(f"metric `{identifier}` describes the timing of a run and scores no answers")
        context = MetricContext(
            null_values=self.null_values,
            components={name: self._components[name] for name in definition.components},
            libraries=tuple(lib for name in definition.components for lib in self.file.components[name].libraries),
            cache=self.cache,
            models=self.models,
            field_encoder=self._field_encoder_parameters if schema is not None and has_semantic(schema) else None,
        )
        return found(definition, schema, context)

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
        component = self.file.components.get(identifier)
        card = component.card if component else None
        if card is None and identifier not in self._by_id:
            raise BadInputError(
                f"unknown metric `{identifier}`", mend=_hint(identifier, [*self._by_id, *self.file.components])
            )
        return (self.path.parent / (card or self.definition(identifier).card)).read_text(encoding="utf-8")

    def comparer(self, schema: "FieldSchema") -> FieldComparer:
        """The comparer of a schema; the same one for the same schema object, so that its memory is of use."""
        kept = self._comparers.get(id(schema))
        # The comparer holds its schema, so a number in use cannot be that of another object.
        if kept is None or kept.schema is not schema:
            while len(self._comparers) >= _COMPARERS_KEPT:
                self._comparers.pop(next(iter(self._comparers)))
            kept = self._comparers[id(schema)] = FieldComparer(
                schema, self.null_values, {"semantic": lambda spec: semantic_comparison(spec, self.field_encoder)}
            )
        return kept

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

    def golden_files(self) -> list[Path]:
        """Every golden file that an entry names, each once, in the order of the file."""
        of_metrics = [path for definition in self.definitions for path in definition.golden]
        of_components = [path for component in self.file.components.values() for path in component.golden]
        return [self.path.parent / path for path in dict.fromkeys(of_metrics + of_components)]

    def _class_of(self, definition: MetricDefinition) -> type[Metric] | type[TimingMetric]:
        module, _, name = definition.implementation.partition(":")
        where = f"{self.path}: metric `{definition.id}`: implementation `{definition.implementation}`"
        if module.partition(".")[0] != "peakbench":  # importing runs code, and a file may not make us run code
            raise BadInputError(f"{where} is not PeakBench's own", mend="name a class of the package `peakbench`")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise BadInputError(
                f"{where} cannot be imported: {error}", mend="name a class that is there, as `module:Class`"
            ) from error
        base = TimingMetric if definition.is_timing else Metric
        if not (isinstance(found, type) and issubclass(found, base)):
            raise BadInputError(
                f"{where} is no {base.__name__}", mend=f"derive it from {base.__module__}:{base.__name__}"
            )
        return found

    def _check_files(self, what: str, entry: MetricDefinition | Component) -> None:
        root = self.path.parent.resolve()
        for key, paths in (("card", [entry.card]), ("golden", entry.golden)):
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


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(names)}"
