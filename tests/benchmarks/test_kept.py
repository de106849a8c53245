"""Samples on disk: they come back as they were, all of them or those that are wanted."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks import sample as sample_module
from peakbench.benchmarks.kept import KeptSamples, keep_samples
from peakbench.benchmarks.loaders import Finding
from peakbench.benchmarks.sample import ImageFile, Sample, data_digest
from peakbench.errors import BadInputError

WHERE = Path("data.jsonl")
IMAGE = ImageFile(Path("/pictures/a.png"), "0" * 64, "image/png", 8, 6, 99)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(st.characters(codec=None), max_size=9), values, max_size=4)


def few(n: int) -> list[Sample]:
    return [Sample(f"s{index}", f"prompt {index}", (), f"text {index}", line=index + 1) for index in range(n)]


@settings(deadline=None)
@given(
    prompt=st.text(),
    reference=st.text(st.characters(codec=None)) | objects | st.lists(objects, max_size=3).map(tuple),
    cluster=st.none() | st.text(),
    evidence=st.none() | st.text(st.characters(codec=None)),
)
def test_a_sample_comes_back_as_it_was(
    prompt: str, reference: object, cluster: str | None, evidence: str | None
) -> None:
    sample = Sample("é\n", prompt, (IMAGE,), reference, cluster, evidence, line=7)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        kept = keep_samples([sample], WHERE, Path(folder) / "kept").samples
        (found,) = kept
        assert (found, found.line, found.digest) == (sample, 7, sample.digest)
        assert list(kept.digests()) == [sample.digest]


def test_those_that_are_wanted_come_in_their_order(tmp_path: Path) -> None:
    samples = few(5)
    kept = keep_samples(samples, WHERE, tmp_path / "kept").samples
    assert list(kept.where(np.array([True, False, False, True, False]))) == [samples[0], samples[3]]
    assert kept.only(None, tmp_path / "none") is kept
    some = kept.only([1, 4], tmp_path / "some").moved_to(tmp_path / "elsewhere")
    assert (len(some), list(some), some.path) == (2, [samples[1], samples[4]], tmp_path / "elsewhere")
    assert not (tmp_path / "some").exists()
    assert list(kept) == samples


def test_bad_rows_are_named_counted_or_left_out(tmp_path: Path) -> None:
    items: list[Sample | Finding] = [*few(2), *(Finding("data.jsonl, line 3", None, "bad") for _ in range(1500))]
    with pytest.raises(BadInputError, match=r"line 3: bad(.|\n)* and 1480 more"):
        keep_samples(items, WHERE, tmp_path / "refused")
    read = keep_samples(items, WHERE, tmp_path / "kept", skip_bad=True)
    assert (len(read.samples), len(read.findings), read.n_bad) == (2, 1000, 1500)
    with pytest.raises(BadInputError, match="holds no samples"):
        keep_samples([], WHERE, tmp_path / "nothing")


def test_a_file_that_lost_a_line_is_refused(tmp_path: Path) -> None:
    kept = keep_samples(few(2), WHERE, tmp_path / "kept").samples
    with pytest.raises(BadInputError, match="2 samples where 3 were kept"):
        list(KeptSamples(kept.path, 3))


@settings(deadline=None)
@given(digests=st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_the_digest_of_data_is_that_of_its_sorted_digests(digests: list[bytes]) -> None:
    shown = [one.hex() for one in digests]
    expected = hashlib.sha256("\n".join(sorted(shown)).encode()).hexdigest()
    assert data_digest(shown) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_module, "_SORTED_AT_ONCE", 4)
        assert data_digest(shown) == expected
