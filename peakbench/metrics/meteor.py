"""METEOR by nltk, with WordNet's synonyms read from the folder in which `peakbench metrics fetch wordnet` put them."""

import io
import re
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from peakbench.metrics.fetch import PARTS
from peakbench.metrics.fetch.wordnet import CONTENT_SHA256
from peakbench.metrics.signatures import DIGITS
from peakbench.metrics.text import TextSimilarity

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORDS_KEPT = 65_536


class Meteor(TextSimilarity):
    """METEOR (Lavie and Agarwal 2007): `nltk.translate.meteor_score.single_meteor_score` on lower-cased tokens."""

    @cached_property
    def lacking(self) -> str | None:
        """WordNet, where it is not in the cache folder."""
        part = PARTS["wordnet"]
        return None if self._folder is not None else f"WordNet is not there: {part.command}"

    def similarity(self, reference: str, prediction: str) -> float:
        """The library's value; 1 for equal tokens, of which the library says less."""
        from nltk.translate.meteor_score import single_meteor_score

        expected, given = tokens(reference), tokens(prediction)
        if expected == given:
            return 1.0
        assert self._folder is not None, "a lacking metric is not computed"
        weights = {name: self.definition.parameters[name] for name in ("alpha", "beta", "gamma")}
        return float(single_meteor_score(expected, given, wordnet=_synonyms(self._folder), **weights))

    def parameters(self) -> dict[str, Any]:
        """The knobs, with the digest of WordNet's content beside its version."""
        own = super().parameters()
        return {**own, "wordnet": f"{own['wordnet']}.{CONTENT_SHA256[:DIGITS]}"}

    @cached_property
    def _folder(self) -> Path | None:
        return None if self.context.cache is None else PARTS["wordnet"].find(self.context.cache)


def tokens(text: str) -> list[str]:
    """Lower-cased words, and every other visible character by itself."""
    return _TOKEN.findall(text.lower())


class _Synonyms:
    """What METEOR asks of WordNet, one thread at a time, as the reader seeks in its files; words are remembered."""

    def __init__(self, reader: Any) -> None:
        self._lock = Lock()
        self._synsets = lru_cache(_WORDS_KEPT)(reader.synsets)

    def synsets(self, word: str) -> Any:
        """The synsets of a word."""
        with self._lock:
            return self._synsets(word)


@lru_cache(maxsize=1)
def _synonyms(folder: Path) -> _Synonyms:
    """WordNet as nltk reads it, once a process: it takes seconds."""
    from nltk.corpus.reader.wordnet import WordNetCorpusReader
    from nltk.data import PathPointer

    class Folder(PathPointer):  # type: ignore[misc]
        """A place of files outside nltk's own data folders, read into memory, so that no file stays open."""

        def __init__(self, path: Path) -> None:
            self.path = path

        def join(self, fileid: str) -> "Folder":
            return Folder(self.path / fileid)

        def open(self, encoding: str | None = None) -> io.TextIOWrapper:
            return io.TextIOWrapper(io.BytesIO(self.path.read_bytes()), encoding=encoding, newline="\n")

        def file_size(self) -> int:
            return self.path.stat().st_size

    class Reader(WordNetCorpusReader):  # type: ignore[misc]
        """Reads the fetched folder."""

        def open(self, file: str) -> io.TextIOWrapper:
            stream: io.TextIOWrapper = self.root.join(file).open(
                "ascii"
            )  # where bytes, by which it seeks, are characters
            return stream

        def map_wn(self, version: str = "wordnet") -> None:
            """Nothing: the numbers of other versions, for other languages, are not asked for."""

    return _Synonyms(Reader(Folder(folder), False))  # None in place of False warns that other languages are absent
