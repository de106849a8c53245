"""What is here and what is missing: packages, weights, disk, vLLM, models, servers; each with what mends it.

A check is *needed* when a run stops without it; what is merely missing leaves a metric undefined, or a fact unknown.
"""

import asyncio
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from peakbench import __version__
from peakbench.benchmarks.benchmark import cache_folder
from peakbench.errors import PeakBenchError
from peakbench.installed import installed_version
from peakbench.jobs.model_facts import is_hub_id
from peakbench.jobs.plan import existing_folder
from peakbench.jobs.score import metrics_of
from peakbench.jobs.sweep import Combination
from peakbench.jobs.vllm_command import VllmFacts, ask_command, find_command
from peakbench.jobs.weights import cached_snapshot, missing_weights, read_weights
from peakbench.metrics.fetch import PARTS
from peakbench.metrics.registry import Registry
from peakbench.runners.endpoint import Endpoint, probe
from peakbench.runners.serving.plan import ServePlan
from peakbench.runners.serving.section import split_command
from peakbench.runners.serving.source import is_local
from peakbench.runs.manifest import ModelFacts

EXTRAS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("semantic", ("sentence-transformers", "torch", "transformers"), "similarity of meaning, hallucination"),
    ("boxes", ("pycocotools",), "COCO's AP (mean_ap)"),
    ("datasets", ("datasets",), "data on the Hugging Face Hub"),
    ("trl", ("trl",), "metrics as rewards in trl's trainers"),
    ("uvloop", ("uvloop",), "a faster event loop"),
)
"""Name, packages, and what they are for; `pyproject.toml` says the same."""
_ENOUGH_BYTES = 10**9
_OLDEST_PYTHON = (3, 11)
_HUB_TIMEOUT_S = 20.0

State = Literal["good", "missing", "unknown"]
Area = Literal["python", "packages", "weights", "disk", "benchmarks", "vllm", "models", "endpoints"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        area: What kind of thing it is.
        name: Which one.
        state: `unknown` where it cannot be told from here.
        needed: Whether a run stops without it.
        detail: What was found.
        mend: The command that brings it, or what to change; empty when nothing is to be done.
    """

    area: Area
    name: str
    state: State
    needed: bool
    detail: str
    mend: str = ""

    @property
    def stops_a_run(self) -> bool:
        """Whether it is missing, and needed."""
        return self.needed and self.state == "missing"


@dataclass(frozen=True, slots=True)
class Examination:
    """What is to be looked at.

    Attributes:
        output: Folder that runs would be written to.
        combinations: The runs of a sweep; none when no run file is named. Those whose server PeakBench is to start need
            its command and weights, and no endpoint yet.
        vllm: Name or path of the command of vLLM.
        serve: Whether PeakBench is to start servers.
        network: Whether the Hub may be asked for models that are not on this machine.
    """

    output: Path
    combinations: Sequence[Combination] = ()
    vllm: str = "vllm"
    serve: bool = False
    network: bool = False

    @property
    def models(self) -> list[tuple[ModelFacts, ServePlan | None]]:
        """Each model once, whatever it is asked, and its server where that is to be started."""
        by_name = {(one.settings.model.name, one.settings.model.revision): one for one in self.combinations}
        return [(one.settings.model, one.server) for one in by_name.values()]

    @property
    def needs_vllm(self) -> bool:
        """Whether a server of vLLM is to be started, as far as is known."""
        if not self.combinations:
            return self.serve
        return any(plan is not None and plan.section.command is None for _, plan in self.models)


def examine(what: Examination, registry: Registry, say: Callable[[str], None] = lambda _: None) -> list[Check]:
    """Look at everything that runs need; nothing is asked of a model, and nothing is fetched.

    Args:
        what: What is to be looked at.
        registry: The metrics.
        say: Called with a line before what takes long.
    """
    checks = [_python(), *_extras(what), *_parts(), *_disk(what), *_benchmarks(what, registry)]
    if find_command(what.vllm) is not None:
        say(f"asking {what.vllm} what it supports, which may take a minute")
    vllm, check = _vllm(what)
    checks.append(check)
    for model, plan in what.models:
        checks += _command(model, plan) + _model(model, plan, vllm, what)
    return checks + _endpoints(what)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= _OLDEST_PYTHON
    mend = "" if good else "make the environment with Python 3.11 or newer"
    detail = f"{version} ({sys.executable}), PeakBench {__version__}"
    return Check("python", "Python", "good" if good else "missing", True, detail, mend)


def _extras(what: Examination) -> list[Check]:
    """The optional packages; `datasets` is needed where a benchmark's data is on the Hub."""
    hub = any(one.benchmark.file.data.hub is not None for one in what.combinations)
    checks = []
    for extra, packages, purpose in EXTRAS:
        absent = [name for name in packages if find_spec(name.replace("-", "_")) is None]
        there = ", ".join(f"{name} {installed_version(name)}" for name in packages if name not in absent)
        detail = f"{purpose}: {there}" if not absent else f"{purpose}: {', '.join(absent)} not installed"
        mend = f"pip install 'peakbench[{extra}]'" if absent else ""
        checks.append(
            Check("packages", extra, "missing" if absent else "good", hub and extra == "datasets", detail, mend)
        )
    return checks


def _parts() -> list[Check]:
    """What metrics fetch once: a metric whose part is missing is undefined, with this reason."""
    cache = cache_folder()
    checks = []
    for part in PARTS.values():
        path = part.find(cache)
        if path is not None:
            checks.append(Check("weights", part.name, "good", False, f"{part.title}: {path}"))
        else:
            size = f"{part.n_bytes / 1e6:.0f} MB"
            checks.append(
                Check("weights", part.name, "missing", False, f"{part.title}, {size}: not in {cache}", part.command)
            )
    return checks


def _disk(what: Examination) -> list[Check]:
    checks = []
    for name, folder in (("output", what.output), ("cache", cache_folder())):
        free = shutil.disk_usage(existing_folder(folder)).free
        good = free >= _ENOUGH_BYTES
        mend = "" if good else "free some space, or name another folder (--output, PEAKBENCH_CACHE)"
        detail = f"{free / 1e9:.1f} GB free at {folder}"
        checks.append(Check("disk", name, "good" if good else "missing", True, detail, mend))
    return checks


def _benchmarks(what: Examination, registry: Registry) -> list[Check]:
    """Whether each benchmark can be scored, and its data is there or can be made."""
    checks = []
    for name, benchmark in {one.name: one.benchmark for one in what.combinations}.items():
        file = benchmark.file
        try:
            metrics_of(file, registry)
        except PeakBenchError as error:
            checks.append(Check("benchmarks", name, "missing", True, error.message, error.mend))
            continue
        if file.data.hub is not None:
            detail = f"its data is on the Hub: {file.data.hub.repo} at {file.data.hub.revision}; not looked at"
            checks.append(Check("benchmarks", name, "unknown", True, detail))
        elif file.data.make is not None:
            checks.append(Check("benchmarks", name, "good", True, f"PeakBench renders its {file.data.make.n} samples"))
        else:
            try:
                place = benchmark.data_at_hand(cache_folder())
            except PeakBenchError as error:
                checks.append(Check("benchmarks", name, "missing", True, error.message, error.mend))
                continue
            there = isinstance(place, Path) and place.exists()
            mend = "" if there else "put the data there, or mend the path in the benchmark file"
            checks.append(
                Check("benchmarks", name, "good" if there else "missing", True,
                      f"its data {'is' if there else 'is not'} at {place}", mend)
            )  # fmt: skip
    return checks


def _vllm(what: Examination) -> tuple[VllmFacts | None, Check]:
    command = find_command(what.vllm)
    if command is None:
        detail = f"there is no command {what.vllm}; servers that run already need none here"
        mend = "make an environment for it (python -m venv; pip install vllm), and name its command: --vllm-bin"
        return None, Check("vllm", what.vllm, "missing", what.needs_vllm, detail, mend)
    try:
        facts = ask_command(command)
    except PeakBenchError as error:
        return None, Check("vllm", what.vllm, "missing", what.needs_vllm, error.message, error.mend)
    detail = f"vLLM {facts.version}, {len(facts.architectures)} architectures ({command})"
    return facts, Check("vllm", what.vllm, "good", what.needs_vllm, detail)


def _command(model: ModelFacts, plan: ServePlan | None) -> list[Check]:
    """Whether the command of a server other than vLLM is there."""
    if plan is None or plan.section.command is None:
        return []
    name, word = f"{model.name}: server", split_command(plan.section.command)[0]
    try:
        plan.check()
    except PeakBenchError as error:
        return [Check("models", name, "missing", True, error.message, error.mend)]
    return [Check("models", name, "good", True, f"its command is {find_command(word) or word}")]


def _model(model: ModelFacts, plan: ServePlan | None, vllm: VllmFacts | None, what: Examination) -> list[Check]:
    """Whether a model's files can be reached, and its architecture is one that vLLM knows."""
    checks, folders = [], []
    needed = plan is not None and plan.section.command is None  # what another server loads may be in its command
    for kind, place, revision in _parts_of(model, plan):
        check, folder = _files(f"{model.name}: {kind}", place, revision, needed, what)
        checks.append(check)
        folders += [folder] if folder is not None else []
    named = [found for folder in folders if (found := read_weights(folder).architecture) is not None]
    if vllm is None or not named or (plan is not None and not needed):
        return checks
    name, architecture = f"{model.name}: architecture", named[0]
    if architecture in vllm.architectures:
        detail = f"{architecture} is supported by vLLM {vllm.version}"
        return [*checks, Check("models", name, "good", needed, detail)]
    detail = f"vLLM {vllm.version} has no code of its own for {architecture}; it may run it through transformers"
    mend = "take a newer vLLM, or try: vllm serve MODEL --model-impl transformers"
    return [*checks, Check("models", name, "missing", False, detail, mend)]


def _parts_of(model: ModelFacts, plan: ServePlan | None) -> list[tuple[str, str | None, str | None]]:
    """What a model consists of, each with folder or Hub id, and revision: itself, or an adapter and its base.

    Of a server that is to be started it is what that loads, which may be named apart from the model's facts.
    """
    if plan is not None and plan.source.adapter is None:
        return [("weights", plan.source.base, plan.source.revision)]
    if plan is not None:
        source = plan.source
        return [("adapter", source.adapter, source.adapter_revision), ("base", source.base, source.revision)]
    if model.adapter is None:
        return [("weights", model.path or model.hub_id, model.revision)]
    return [("adapter", model.path or model.adapter, model.revision), ("base", model.base, None)]


def _files(
    name: str, place: str | None, revision: str | None, needed: bool, what: Examination
) -> tuple[Check, Path | None]:
    """Whether a folder, a file or a Hub model can be reached, and where it lies on this machine."""
    if place is None:
        detail = "the run file gives neither `path` nor `hub_id`, so only its server knows them"
        return Check("models", name, "unknown", needed, detail), None
    if is_local(place):
        path = Path(place)
        if not path.exists():
            detail = f"there is no folder {path.absolute()}"
            return Check("models", name, "missing", needed, detail, "mend it in the run file"), None
        lacks = missing_weights(path) if path.is_dir() else None
        if lacks is not None:
            detail, mend = f"{path}: {lacks}", "fetch the model whole, or mend the folder in the run file"
            return Check("models", name, "missing", needed, detail, mend), path
        return Check("models", name, "good", needed, f"in {path}"), path if path.is_dir() else None
    folder = cached_snapshot(place, revision)
    if folder is not None:
        return Check("models", name, "good", needed, f"{place} is in the Hub cache: {folder}"), folder
    if not is_hub_id(place):
        detail = f"`{place}` would be loaded, which is neither a folder here nor written like a model on the Hub"
        mend = "give the model's `path` or `hub_id` in the run file"
        return Check("models", name, "missing" if needed else "unknown", needed, detail, mend), None
    at = f" at {revision}" if revision else ""
    if not what.network:
        detail = f"{place}{at} is not in the local Hub cache; the Hub was not asked"
        return Check("models", name, "unknown", needed, detail, "ask it: the same command with --network"), None
    state, detail, mend = _on_the_hub(place, revision)
    return Check("models", name, state, needed, detail, mend), None


def _on_the_hub(repo: str, revision: str | None) -> tuple[State, str, str]:
    """Whether the Hub would give a model out to whoever is logged in here."""
    if find_spec("huggingface_hub") is None:
        return "unknown", "huggingface_hub is not installed, so the Hub cannot be asked", "pip install huggingface_hub"
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    api = HfApi()
    try:
        commit = api.model_info(repo, revision=revision, timeout=_HUB_TIMEOUT_S).sha
        api.auth_check(repo)
    except GatedRepoError:
        return "missing", f"{repo} is gated, and not open to you", "ask for access on its page, then: hf auth login"
    except RepositoryNotFoundError:
        return "missing", f"the Hub has no {repo}, or it is private", "mend `hub_id`, or log in: hf auth login"
    except RevisionNotFoundError:
        return "missing", f"{repo} has no revision {revision}", "mend `revision`"
    except Exception as error:  # noqa: BLE001  # the HTTP library below has errors of its own, which change with it
        said = str(error).strip().splitlines() or [type(error).__name__]
        return "unknown", f"the Hub does not answer: {said[0]}", ""
    return "good", f"{repo} is on the Hub, at {commit}, and open to you", ""


def _endpoints(what: Examination) -> list[Check]:
    """Whether each server answers, and serves its model."""
    asked = {
        (endpoint.base_url, one.settings.model.name): (endpoint, one.settings.model.name)
        for one in what.combinations
        if one.server is None
        for endpoint in one.settings.endpoints
    }

    async def ask_all() -> list[Check]:
        return list(await asyncio.gather(*(_endpoint(*one) for one in asked.values())))

    return asyncio.run(ask_all()) if asked else []


async def _endpoint(endpoint: Endpoint, model: str) -> Check:
    name = f"{endpoint.base_url}: {model}"
    try:
        server = await probe(endpoint, model)
    except PeakBenchError as error:
        return Check("endpoints", name, "missing", True, error.message, error.mend)
    told = [f"{key} {value}" for key, value in server.model_dump().items() if value is not None]
    return Check("endpoints", name, "good", True, f"serves it ({', '.join(told) or 'and says nothing more'})")
