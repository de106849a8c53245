"""What captions and descriptions say."""

from collections.abc import Sequence

from peakbench.benchmarks.defects.vocabulary import KINDS, NUMBERS, SETTINGS


def named(kind: str, color: str | None, count: int = 1) -> str:
    """Things without their number: `red apples`, `person in a blue shirt`."""
    entry = KINDS[kind]
    noun = kind if count == 1 else entry.plural
    if color is None:
        return noun
    return (entry.phrase if count == 1 else entry.phrases).format(noun=noun, color=color, article=article(color))


def article(word: str) -> str:
    """The word `a` or `an`, as the word after it wants."""
    return "an" if word[0] in "aeiou" else "a"


def noun_of(kind: str, count: int) -> str:
    """The noun alone, in its number: `apples`."""
    return kind if count == 1 else KINDS[kind].plural


def counted(kind: str, color: str | None, count: int) -> str:
    """Things with their number: `two red apples`, `an orange cup`."""
    name = named(kind, color, count)
    if count == 1:
        return f"{article(name)} {name}"
    return f"{NUMBERS[count]} {name}"


def listed(phrases: Sequence[str]) -> str:
    """Phrases joined: `a, b and c`."""
    if len(phrases) == 1:
        return phrases[0]
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def caption(setting: str, front: Sequence[str], back: Sequence[str], places: Sequence[str], alone: bool) -> str:
    """The whole caption.

    Args:
        setting: Of the vocabulary.
        front: What stands in the front row, each as `counted` gives it; one or more.
        back: The same of the back row.
        places: Sentences about where things are.
        alone: Whether it says that there is nothing else.
    """
    words = SETTINGS[setting]
    opening = words.opening.format(things=listed(front))
    sentences = [opening[0].upper() + opening[1:]]
    if back:
        sentences.append(words.behind.format(things=listed(back)))
    sentences.extend(places)
    if alone:
        sentences.append(words.alone)
    return " ".join(sentences)


def placed(kind: str, count: int, side: str) -> str:
    """A sentence such as `The cup is on the left.`, without which a place is not claimed."""
    return f"The {noun_of(kind, count)} {'is' if count == 1 else 'are'} on the {side}."


def quarter(x: float, y: float, size: int) -> str:
    """Where a point lies in the picture: `upper left`, `middle`."""
    across = "left" if x < 0.36 * size else "right" if x > 0.64 * size else ""
    down = "upper" if y < 0.36 * size else "lower" if y > 0.64 * size else ""
    if down and not across:
        return f"{down} middle"
    if across and not down:
        return f"middle {across}"
    return f"{down} {across}".strip() or "middle"
