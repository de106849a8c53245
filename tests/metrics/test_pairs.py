"""The memory of pairs: what it keeps, for how long, and for whom."""

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


def test_oldest_pairs_are_forgotten_and_long_ones_not_kept() -> None:
    memory, compute = PairMemory(characters=10, longest=6), Counting()
    for reference, prediction in [("aa", "bb"), ("cc", "dd"), ("ee", "ff"), ("cc", "dd"), ("aa", "bb")]:
        memory.value(reference, prediction, compute)
    assert compute.asked == [("aa", "bb"), ("cc", "dd"), ("ee", "ff"), ("aa", "bb")]
    assert len(memory) == 2
    for _ in range(2):
        memory.value("1234567", "", compute)
    assert len(compute.asked) == 6
    assert len(memory) == 2
    memory.value("123456", "12345", compute)
    assert len(memory) == 0


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
