"""The memory of pairs: what it keeps, for how long, and for whom."""

from hypothesis import given
from hypothesis import strategies as st

from peakbench.metrics.pairs import PairMemory
from peakbench.metrics.registry import Registry
from peakbench.metrics.text import RougeL


class Counting:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, reference: str, prediction: str) -> float | None:
        self.asked.append((reference, prediction))
        return len(self.asked) - 1.0


def test_pair_is_computed_once_and_its_mirror_apart() -> None:
    memory, compute = PairMemory(), Counting()
    assert [memory.value("a", "b", compute) for _ in range(3)] == [0.0] * 3
    assert memory.value("b", "a", compute) == 1.0
    assert compute.asked == [("a", "b"), ("b", "a")]


def test_pairs_that_were_met_lately_are_kept() -> None:
    memory, compute = PairMemory(kept=4 * 304), Counting()  # two halves of two pairs each
    for letters in ("ab", "cd", "ab", "ef", "ab", "gh", "ij", "ab", "cd"):
        memory.value(letters, letters[::-1], compute)
    assert [reference for reference, _ in compute.asked] == ["ab", "cd", "ef", "gh", "ij", "cd"]


def test_long_texts_are_not_kept() -> None:
    memory, compute = PairMemory(longest=6), Counting()
    for _ in range(2):
        memory.value("1234567", "", compute)
        memory.value("", "1234567", compute)
    assert len(compute.asked) == 4
    memory.value("123456", "12345", compute)
    assert len(memory) == 1


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=60), st.integers(0, 3000))
def test_a_memory_of_any_size_gives_each_pair_its_value_and_takes_no_more_than_it_may(
    pairs: list[tuple[str, str]], kept: int
) -> None:
    memory = PairMemory(kept=kept)
    for pair in pairs:
        assert memory.value(*pair, lambda reference, prediction: len(reference) / (1 + len(prediction))) == len(
            pair[0]
        ) / (1 + len(pair[1]))
        assert len(memory) * 300 <= max(kept, 600)


def test_metrics_of_one_registry_share_what_they_know_and_not_with_other_metrics() -> None:
    registry = Registry.load()
    first, second = registry.metric("rouge_l", None), registry.metric("rouge_l", None)
    assert first is not second
    assert first.context.memory is second.context.memory is not None
    assert registry.metric("bleu", None).context.memory is not first.context.memory
    assert Registry.load().metric("rouge_l", None).context.memory is not first.context.memory


def test_metric_without_a_registry_has_a_memory_of_its_own() -> None:
    metric = RougeL(Registry.load().definition("rouge_l"), None)
    assert metric.context.memory is None
    assert metric._memory is not RougeL(metric.definition, None)._memory
