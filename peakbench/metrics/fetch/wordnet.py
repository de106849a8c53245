"""WordNet 3.0, whose synonyms METEOR counts as matches (Miller 1995).

Distributions of WordNet 3.0 say the same in different bytes: Debian builds the files anew, so that many offsets in them
differ from Princeton's. So what is pinned is the digest of the content that METEOR depends on: which words share a
synset, and the irregular forms. What was verified once and put in place is then known by the bytes of its files.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.metrics.fetch.part import Say, new_folder

CONTENT_SHA256 = "cfe3436ba8e58ffd8230d14f1f4a001fea8c4bbab5040db0d37407ab07a0a6d2"
"""Digest of the content of WordNet 3.0, see `content_digest`; Princeton's files and Debian's both have it."""
PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
FILES = tuple(f"{kind}.{pos}" for pos in PARTS_OF_SPEECH for kind in ("index", "data")) + tuple(
    f"{pos}.exc" for pos in PARTS_OF_SPEECH
)
"""What METEOR reads: words to synsets, synsets to words, irregular forms."""
LEXICOGRAPHER_FILES = (
    "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition "
    "noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person "
    "noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state "
    "noun.substance noun.time verb.body verb.change verb.cognition verb.communication verb.competition "
    "verb.consumption verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social "
    "verb.stative verb.weather adj.ppl"
)
"""Names of the lexicographer files by number (WordNet's `lexnames(5)`); nltk needs them and Debian leaves them out."""
DEBIAN = Path("/usr/share/wordnet")
NLTK_ARCHIVE = "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/wordnet.zip"
MANIFEST = "peakbench.json"
_LARGEST = 64_000_000
_TIMEOUT_S = 60.0
_BY_HAND = (
    "install Debian's or Ubuntu's (apt install wordnet-base) and run peakbench metrics fetch wordnet again, or bring a "
    "copy: peakbench metrics fetch wordnet --from FOLDER_OR_ZIP"
)


@dataclass(frozen=True, slots=True)
class WordNet:
    """The part `wordnet`. See `peakbench.metrics.fetch.part.Part`."""

    name: str = "wordnet"
    title: str = "WordNet 3.0, for METEOR"
    n_bytes: int = 28_200_000
    command: str = "peakbench metrics fetch wordnet"

    def find(self, cache: Path) -> Path | None:
        """The folder with WordNet's files, every byte as it was when it was verified."""
        folder = _folder(cache)
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            if manifest["content_sha256"] != CONTENT_SHA256:
                return None
            known = manifest["files"]
            if all(_sha256((folder / name).read_bytes()) == known[name] for name in (*FILES, "lexnames")):
                return folder
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return None

    def fetch(self, cache: Path, source: Path | None, say: Say) -> Path:
        """Take WordNet 3.0 from a source, Debian's package or nltk's archive, and put it in place.

        Args:
            cache: The cache folder.
            source: Debian's `/usr/share/wordnet`, a `corpora/wordnet` of nltk, Princeton's `dict`, or nltk's
                `wordnet.zip`.
            say: Told what is being done.

        Raises:
            BadInputError: If the source does not hold WordNet 3.0.
            InfrastructureError: If the archive cannot be downloaded, or the disk refuses.
        """
        there = self.find(cache)
        if there is not None:
            say(f"{self.title} is there: {there}")
            return there
        if source is not None:
            place, read = str(source), _reader_of(source)
        elif (DEBIAN / FILES[0]).is_file():
            place, read = str(DEBIAN), _reader_of(DEBIAN)
        else:
            say(f"downloading {NLTK_ARCHIVE}")
            place, read = NLTK_ARCHIVE, _zip_reader(NLTK_ARCHIVE, _download(NLTK_ARCHIVE))
        say(f"reading {place}")
        files = _read_all(place, read)
        found = content_digest(files, place)
        if found != CONTENT_SHA256:
            raise BadInputError(
                f"{place} is not WordNet 3.0: its content has the digest {found[:12]}, not {CONTENT_SHA256[:12]}",
                mend=f"METEOR is defined on WordNet 3.0; {_BY_HAND}",
            )
        files["lexnames"] = _lexnames()
        known = {name: _sha256(data) for name, data in files.items()}
        manifest = {"content_sha256": found, "files": known}
        folder = _folder(cache)
        with new_folder(folder) as partial:
            for name, data in files.items():
                (partial / name).write_bytes(data)
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        say(f"{self.title} is in place: {folder}")
        return folder


def content_digest(files: Mapping[str, bytes], place: str) -> str:
    """Digest (SHA-256, hex) of what METEOR depends on, whatever the order of lines and the offsets of synsets.

    For each part of speech: every word of the index with the words of its synsets, then every irregular form with its
    base forms, sorted.

    Args:
        files: The content of every file of `FILES`.
        place: Where they come from, for the message.

    Raises:
        BadInputError: If they are no WordNet files, or a synset does not stand at its offset.
    """
    digest = hashlib.sha256()
    for pos in PARTS_OF_SPEECH:
        try:
            synsets = _synsets(files[f"data.{pos}"])
            words = _words(files[f"index.{pos}"], synsets)
        except (ValueError, IndexError, KeyError) as error:
            raise BadInputError(
                f"{place}: index.{pos} and data.{pos} are no files of WordNet that fit together: {error}", mend=_BY_HAND
            ) from error
        forms = dict(line.split(maxsplit=1) for line in files[f"{pos}.exc"].splitlines() if len(line.split()) > 1)
        irregular = sorted(form + b" " + b" ".join(bases.split()) for form, bases in forms.items())
        digest.update(b"\n".join([pos.encode(), *words, b"exc", *irregular]) + b"\n")
    return digest.hexdigest()


def _synsets(data: bytes) -> dict[int, bytes]:
    """Offset to the words of the synset, sorted and joined."""
    synsets = {}
    position = 0
    for line in data.splitlines(keepends=True):
        if not line.startswith(b" ") and line.strip():
            fields = line.split(b" ")
            if int(fields[0]) != position:
                raise ValueError(f"the synset {int(fields[0])} stands at {position}")
            count = int(fields[3], 16)
            # An adjective's syntactic marker, as in `afloat(p)`, is no part of the word.
            synsets[position] = b",".join(sorted(fields[4 + 2 * i].split(b"(")[0] for i in range(count)))
        position += len(line)
    return synsets


def _words(index: bytes, synsets: Mapping[int, bytes]) -> list[bytes]:
    """Every word with its synsets' words, sorted."""
    words = []
    for line in index.splitlines():
        if line.startswith(b" ") or not line.strip():
            continue
        fields = line.split()
        offsets = fields[-int(fields[2]) :]
        words.append(fields[0] + b" " + b";".join(sorted(synsets[int(offset)] for offset in offsets)))
    return sorted(words)


def _lexnames() -> bytes:
    """The file `lexnames` as nltk reads it: number, name and number of the part of speech, by tabs."""
    numbers = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
    rows = [f"{i:02d}\t{name}\t{numbers[name.split('.')[0]]}" for i, name in enumerate(LEXICOGRAPHER_FILES.split())]
    return ("\n".join(rows) + "\n").encode()


def _folder(cache: Path) -> Path:
    return cache / "wordnet-3.0"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


Read = Callable[[str], bytes]
"""Gives the content of a file by its name; KeyError or an OSError where there is none."""


def _reader_of(source: Path) -> Read:
    """How files are read from a folder or an archive.

    Raises:
        BadInputError: If it is neither.
    """
    if source.is_dir():
        return lambda name: (source / name).read_bytes()
    try:
        return _zip_reader(str(source), source.read_bytes())
    except OSError as error:
        raise BadInputError(f"{source} cannot be read: {error.strerror or error}", mend=_BY_HAND) from error


def _zip_reader(place: str, data: bytes) -> Read:
    """How files are read from a zip, in whichever folder of it they stand."""
    import io

    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise BadInputError(f"{place} is neither a folder nor a zip: {error}", mend=_BY_HAND) from error
    members = {Path(info.filename).name: info for info in archive.infolist()}

    def read(name: str) -> bytes:
        if members[name].file_size > _LARGEST:
            raise BadInputError(f"{place}: {name} has {members[name].file_size} bytes, too many", mend=_BY_HAND)
        return archive.read(members[name])

    return read


def _read_all(place: str, read: Read) -> dict[str, bytes]:
    files = {}
    for name in FILES:
        try:
            files[name] = read(name)
        # zipfile raises the last two itself: for a compression it does not know, and for a member under a password.
        except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise BadInputError(f"{place} holds no WordNet: {name} cannot be read", mend=_BY_HAND) from error
    return files


def _download(url: str) -> bytes:
    """The bytes at an address.

    Raises:
        InfrastructureError: If they cannot be had.
    """
    import http.client
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # a constant https address
            data: bytes = response.read(_LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise InfrastructureError(f"{url} cannot be reached: {error}", mend=_BY_HAND) from error
    return data
