"""Serving the model of a run: what is started, from what is known of the model."""

from collections.abc import Iterator
from contextlib import contextmanager

from peakbench.jobs.settings import RunSettings
from peakbench.runners.serving.plan import ServePlan
from peakbench.runners.serving.section import ServeSection
from peakbench.runners.serving.server import ManagedServer
from peakbench.runners.serving.source import source_of
from peakbench.runs.manifest import ModelFacts

_LOGS = "servers"
"""Folder of servers' logs, beside the folders of models' runs."""


def plan_of(model: ModelFacts, section: ServeSection, vllm: str, settings: RunSettings) -> ServePlan:
    """Plan the server of a model: what `serve.model` says is loaded, else its adapter, folder, Hub id or name.

    Raises:
        BadInputError: If what is to be loaded is not there.
    """
    adapter = f"{model.base}:{model.adapter}" if model.base and model.adapter else None
    text = section.model or adapter or model.path or model.hub_id or model.name
    source = source_of(text, model.revision, section)
    return ServePlan(model.name, source, section, vllm, settings.endpoint.secrets)


@contextmanager
def open_server(plan: ServePlan | None, settings: RunSettings) -> Iterator[ManagedServer | None]:
    """A server for the length of the block; it starts when there is something to ask, and nothing of it is left.

    Args:
        plan: None for a model whose server is not ours; then there is none.
        settings: Of its runs.
    """
    if plan is None:
        yield None
        return
    with ManagedServer(plan, settings.output / _LOGS) as server:
        yield server
