"""The model of natural-language inference that `hallucination` is pinned to.

It is taken from the first of these that has it: a folder that is named, the copy that other programs keep in the Hub's
own cache, the Hub. What is pinned is the revision. The digest of its weights is not known to PeakBench: it is compared
with what the Hub says of the file where the Hub is asked, written down beside the weights when they are put in place,
checked whenever they are used, and part of every signature. So two numbers share a table only if they are of the same
weights, wherever these came from. The small files beside them are written down and checked in the same way.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.metrics.fetch.hub import answers
from peakbench.metrics.fetch.part import Say, downloads_folder, new_folder, require_space
from peakbench.metrics.fetch.weights import WEIGHTS_FILE, settings_digest, weights_digest
from peakbench.metrics.penalty import LABEL

MODEL = "MoritzLaurer/DeBERTa-v3-base-mnli-fever-anli"
REVISION = "6f5cf0a2b59cabb106aca4c287eed12e357e90eb"
NAME = "DeBERTa-v3-base-mnli-fever-anli"
N_BYTES = 370_000_000
"""About what the weights take: 184 million parameters of two bytes."""

FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS_FILE)
"""What of the published folder is needed."""
MORE_FILES = ("added_tokens.json", "special_tokens_map.json", "spm.model")
"""What is taken where it is there."""
MANIFEST = "peakbench.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Nli:
    """`peakbench metrics fetch nli`."""

    name: str = "nli"
    title: str = "natural-language inference by DeBERTa-v3-base-mnli-fever-anli, for hallucination"
    n_bytes: int = N_BYTES
    command: str = "peakbench metrics fetch nli"

    def find(self, cache: Path) -> Path | None:
        """The folder of the model; None when a file is missing or is not the one that was put in place."""
        folder = _folder(cache)
        recorded = recorded_digest(folder)
        if recorded is None or _recorded(folder).get("settings") != _settings(folder):
            return None
        return folder if weights_digest(folder, cache) == recorded else None

    def fetch(self, cache: Path, source: Path | None, say: Say) -> Path:
        """Put the model in place, unless it is there; what was downloaded before an interruption is used.

        Args:
            cache: The cache folder.
            source: A folder with the model's files.
            say: Told what is being done.

        Raises:
            BadInputError: If `source` holds no such model.
            InfrastructureError: If the Hub cannot be reached, gives other bytes than it says, or the disk refuses.
        """
        if (found := self.find(cache)) is not None:
            say(f"{NAME} is there: {found}")
            return found
        require_space(self, cache, N_BYTES if source is not None else 2 * N_BYTES)
        if source is not None:
            return self._put(source, cache, None, say)
        if (kept := _from_hub_cache()) is not None:
            return self._put(kept, cache, None, say)
        with downloads_folder(self, cache) as downloads:
            folder, declared = self._from_hub(downloads, say)
            try:
                target = self._put(folder, cache, declared, say)
            except BadInputError as error:  # it is ours, so it is for us to throw it away
                shutil.rmtree(downloads, ignore_errors=True)
                raise InfrastructureError(error.message, mend=f"download it again: {self.command}") from error
            shutil.rmtree(downloads, ignore_errors=True)
            return target

    def _put(self, source: Path, cache: Path, declared: str | None, say: Say) -> Path:
        """Copy the model into its place, and write down the digest of its weights.

        Args:
            source: Holds the files.
            cache: The cache folder.
            declared: SHA-256 that the Hub gives for the weights; None where it was not asked.
            say: Told what is being done.
        """
        missing = [name for name in FILES if not (source / name).is_file()]
        if missing:
            raise self._broken(source, f"it lacks {', '.join(missing)}")
        try:
            labels_of(source)
        except ValueError as error:
            raise self._broken(source, str(error)) from error
        target = _folder(cache)
        with new_folder(target) as partial:
            for name in (*FILES, *MORE_FILES):
                if (source / name).is_file():
                    shutil.copyfile(source / name, partial / name)
            settings = _settings(partial)
            if broken := [name for name, said in settings.items() if said is None]:
                raise self._broken(source, f"its {broken[0]} cannot be read")
            digest = weights_digest(partial, None)
            if declared is not None and digest != declared:
                raise self._broken(source, f"its weights have the SHA-256 {digest}, and the Hub says {declared}")
            manifest = {
                "model": MODEL,
                "weights_sha256": digest,
                "compared_with_the_hub": declared is not None,
                "settings": settings,
            }
            if declared is not None:
                manifest["revision"] = REVISION
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        how = "as the Hub says" if declared is not None else "written down, and compared with nothing"
        say(f"{NAME} is in {target}; the SHA-256 of its weights, {how}: {digest}")
        return target

    def _from_hub(self, downloads: Path, say: Say) -> tuple[Path, str]:
        """The downloaded folder, and the SHA-256 that the Hub gives for its weights.

        Raises:
            InfrastructureError: If there is no way to the Hub.
        """
        if find_spec("huggingface_hub") is None:
            raise self._unreachable("huggingface_hub is not installed")
        from huggingface_hub import HfApi, constants, snapshot_download

        say(f"asking the Hub for {MODEL} at {REVISION[:12]} ({N_BYTES / 1e6:.0f} MB)")
        if constants.HF_HUB_OFFLINE or not answers(f"{constants.ENDPOINT}/{MODEL}/resolve/{REVISION}/config.json"):
            raise self._unreachable("the Hub cannot be reached")
        try:
            (entry,) = HfApi().get_paths_info(MODEL, [WEIGHTS_FILE], revision=REVISION)
            declared = entry.lfs.sha256 if not hasattr(entry, "tree_id") and entry.lfs is not None else None
            patterns = [*FILES, *MORE_FILES]
            folder = snapshot_download(MODEL, revision=REVISION, allow_patterns=patterns, local_dir=downloads / "hub")
        except Exception as error:  # a network has many ways to fail
            raise self._unreachable(f"the Hub gives nothing ({type(error).__name__}: {error})") from error
        if declared is None:
            raise self._unreachable(f"the Hub gives no digest of {WEIGHTS_FILE}")
        return Path(folder), declared

    def _unreachable(self, why: str) -> InfrastructureError:
        return InfrastructureError(
            f"{NAME} cannot be had: {why}",
            mend=f"with a network, run again: {self.command}; or bring the model's folder: {self.command} --from DIR",
        )

    def _broken(self, source: Path, why: str) -> BadInputError:
        return BadInputError(
            f"{source} does not hold {NAME}: {why}",
            mend=f"give the folder of {MODEL} at revision {REVISION[:12]}: {self.command} --from DIR",
        )


def labels_of(folder: Path) -> dict[str, str]:
    """What the labels of a model are called, by their index as a text, from its `config.json`.

    Raises:
        ValueError: If there are none, or not exactly one is called `contradiction`.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
        labels: Mapping[str, Any] = config["id2label"]
        named = {str(index): str(name) for index, name in labels.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"its config.json names no labels ({type(error).__name__}: {error})") from error
    if sum(name.strip().casefold() == LABEL for name in named.values()) != 1:
        raise ValueError(f"its labels are {sorted(named.values())}; one of them has to be `{LABEL}`")
    return named


def recorded_digest(folder: Path) -> str | None:
    """The SHA-256 of the weights that was written down when they were put in place; None where there is none."""
    said = _recorded(folder).get("weights_sha256")
    return said if isinstance(said, str) and _SHA256.fullmatch(said) else None


def _recorded(folder: Path) -> dict[str, Any]:
    """What was written down beside a model; empty where that cannot be read."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _settings(folder: Path) -> dict[str, str | None]:
    """What the small files of a model say, as digests by name; None for one that is needed and not there."""
    small = [name for name in (*FILES, *MORE_FILES) if name != WEIGHTS_FILE]
    return {name: settings_digest(folder / name) for name in small if name in FILES or (folder / name).is_file()}


def _folder(cache: Path) -> Path:
    return cache / "models" / NAME


def _from_hub_cache() -> Path | None:
    """What other programs have fetched from the Hub onto this machine, at the pinned revision."""
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(MODEL, revision=REVISION, local_files_only=True))
    except (OSError, LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if all((folder / name).is_file() for name in FILES) else None
