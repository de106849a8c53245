"""Sentences about a board, made from its rows and from nothing else.

A sentence is only written when the rows carry it: nobody leads who is tied, no distance is `0.0 points` when there is
one, intervals are compared only where both are there, and the oracle, which is a ceiling, is no floor to beat.
"""

from collections.abc import Callable, Sequence

from peakbench.leaderboards.rows import Board, BoardRow
from peakbench.leaderboards.wording import distance, in_sentence, listing, plural, quantity, share

_TRUNCATION_WARNING = 0.01
"""Share of truncated answers above which a board says so."""

_INTERVALS = {
    "t": "Student's t over samples",
    "t clustered": "Student's t over {clusters} clusters of samples",
    "wilson": "Wilson",
    "bootstrap": "bootstrap over samples",
    "bootstrap clustered": "bootstrap over {clusters} clusters of samples",
}
"""How an interval was made, in words."""

_FEW_CLUSTERS = 10
"""Fewer clusters than this say little of how clusters differ."""

_NAMED = 6
"""Most runs that a sentence names one by one."""


def findings(board: Board) -> list[str]:
    """Who leads, by how much, whether the intervals overlap, and how the leader stands against the best floor.

    On a board that is not ranked: between which values the models lie.

    Returns:
        One or two sentences; none on a board that is not ranked and has no value to speak of.
    """
    if not any(row.kind == "model" for row in board.rows):
        beside = " and references" if any(row.kind == "reference" for row in board.rows) else ""
        return [f"There is no model on this board, only floors{beside}."]
    if board.rank_by is None:
        return _spread(board)
    ranked = [row for row in board.rows if row.rank is not None]
    if not ranked:
        reasons = "; ".join(
            f"{row.title}: {row.unranked}" for row in board.rows if row.kind == "model" and row.unranked
        )
        return [f"No model is ranked ({reasons})."]
    sentences = [_lead(board, ranked)]
    against_floors = _against_floors(board, ranked)
    return [*sentences, against_floors] if against_floors else sentences


def _value(board: Board, row: BoardRow) -> float:
    value = row.metrics[board.compared_by.key].value
    assert value is not None
    return value


def _interval(board: Board, row: BoardRow) -> str:
    """A row's interval in words and brackets; empty where it has none."""
    ci, unit = row.metrics[board.compared_by.key].ci, board.compared_by.unit
    return f" (95 % interval {quantity(ci[0], unit)} to {quantity(ci[1], unit)})" if ci else ""


def _spread(board: Board) -> list[str]:
    """Between which values the models lie, where nobody is ranked."""
    metric = board.compared_by
    models = [row for row in board.rows if row.kind == "model"]
    found = {row.title: _value(board, row) for row in models if _is_defined(board, row)}
    if not found:
        return []
    name = in_sentence(metric.title)
    if len(found) == 1:
        row = next(row for row in models if row.title in found)
        return [f"{row.title} has {quantity(found[row.title], metric.unit)} {name}{_interval(board, row)}."]
    whose = f"the {len(found)} models" if len(found) == len(models) else f"the {len(found)} models that have one"
    low, high = min(found.values()), max(found.values())
    ends = [quantity(low, metric.unit), quantity(high, metric.unit)]
    if ends[0] == ends[1]:
        apart = "" if low == high else f", with {distance(low, high, metric.unit)} between them"
        return [f"The {name} of {whose} is {ends[0]}{apart}."]
    sides = [_some([title for title, value in found.items() if quantity(value, metric.unit) == end]) for end in ends]
    return [f"The {name} of {whose} lies between {ends[0]} ({sides[0]}) and {ends[1]} ({sides[1]})."]


def _is_defined(board: Board, row: BoardRow) -> bool:
    value = row.metrics.get(board.compared_by.key)
    return value is not None and value.value is not None


def _lead(board: Board, ranked: Sequence[BoardRow]) -> str:
    metric = board.compared_by
    first = [row for row in ranked if row.rank == 1]
    best = f"{quantity(_value(board, first[0]), metric.unit)} {in_sentence(metric.title)}"
    if len(ranked) == 1:
        return f"{first[0].title} is the only ranked model: {best}{_interval(board, first[0])}."
    if len(first) > 1:
        who = listing([row.title for row in first]) if len(first) <= _NAMED else plural(len(first), "model")
        return f"{who} share the first rank with {best}."
    leader, second = first[0], [row for row in ranked if row.rank == 2]
    gap = distance(_value(board, leader), _value(board, second[0]), metric.unit)
    rival = second[0].title if len(second) == 1 else f"{len(second)} models that share the second rank"
    text = (
        f"{leader.title} leads with {best}, {gap} ahead of {rival} ({quantity(_value(board, second[0]), metric.unit)})"
    )
    intervals = [row.metrics[metric.key].ci for row in (leader, second[0])]
    if len(second) == 1 and intervals[0] and intervals[1]:
        overlap = intervals[0][0] <= intervals[1][1] and intervals[1][0] <= intervals[0][1]
        text += "; their 95 % intervals overlap" if overlap else "; their 95 % intervals do not overlap"
    return f"{text}."


def _against_floors(board: Board, ranked: Sequence[BoardRow]) -> str | None:
    """How the first and the other models stand against the best floor; None without floors."""
    floors = [row for row in board.rows if row.kind == "floor" and row.unranked is None]
    if not floors:
        return None
    unit, sign = board.compared_by.unit, 1 if board.compared_by.direction == "higher" else -1
    best = floors[0]  # rows are in the order of the board
    floor = _value(board, best)
    top = _value(board, ranked[0])
    ahead = sign * (top - floor)
    leader = "the leader" if sum(row.rank == 1 for row in ranked) == 1 else "the leaders"
    if len(ranked) == 1:
        leader = "the model"
    side = "below" if (ahead > 0) == (sign > 0) else "above"
    value = quantity(floor, unit)
    if round(ahead, 12) <= 0:
        level = "level with" if round(ahead, 12) == 0 else f"{distance(top, floor, unit)} {side}"
        return f"No model beats the best floor, {best.title} ({value}), which is {level} {leader}."
    beaten = sum(round(sign * (_value(board, row) - floor), 12) <= 0 for row in ranked)
    text = f"The best floor, {best.title}, stands at {value}, {distance(top, floor, unit)} {side} {leader}"
    if beaten:
        verb = "does" if beaten == 1 else "do"
        text += f"; {beaten} of {plural(len(ranked), 'ranked model')} {verb} not beat it"
    return f"{text}."


def notes(board: Board) -> list[str]:
    """What a reader has to know beside the table, in order: ranks, floors, exclusions, differences, warnings."""
    lines = [_ranking_note(board)]
    if board.rank_by is None and any(column.interval != "none" for column in board.columns):
        lines.append("95 % intervals in brackets.")
    models = [row for row in board.rows if row.kind == "model"]
    if any(row.kind == "floor" for row in board.rows):
        place = "by their value, unranked" if board.rank_by is not None else "below the models"
        lines.append(f"A floor is a trivial system that is scored like a model; floors stand {place}.")
    if any(row.kind == "reference" for row in board.rows):
        lines.append("A reference is a value that the benchmark states to compare with; there is no run behind it.")
    lines += [f"{row.title} is not ranked: {row.unranked}." for row in models if row.unranked]
    lines += [f"{row.title}: {warning}." for row in models for warning in row.warnings]
    lines += _differences(models)
    sizes = [(row.title, row.n_truncated or 0, row.n or 0) for row in models]
    cut = [f"{title} {share(count, n)}" for title, count, n in sizes if count > _TRUNCATION_WARNING * n]
    if cut:
        counts = ", ".join(cut)
        lines.append(f"Samples with an answer that was cut off: {counts}; a higher `max_tokens` may change the values.")
    superseded = sum(row.superseded for row in board.rows)
    if superseded:
        lines.append(
            f"The newest run of each model is shown; {plural(superseded, 'earlier run is', 'earlier runs are')} not."
        )
    return _with_one_stop(lines)


def descriptions(board: Board) -> list[str]:
    """What each floor answers and what is to be known of a model, in the order of the board; for tables with room."""
    floors = [f"{row.title} ({row.kind}): {row.note}." for row in board.rows if row.kind != "model" and row.note]
    models = [f"{row.title}: {row.note}." for row in board.rows if row.kind == "model" and row.note]
    return _with_one_stop(floors + models)


def _with_one_stop(lines: list[str]) -> list[str]:
    return [line.replace("..", ".") if line.endswith("..") else line for line in lines]


def _ranking_note(board: Board) -> str:
    if board.rank_by is None:
        return "Not ranked: the benchmark declares nothing to rank by."
    metric = board.compared_by
    text = f"Ranked by {in_sentence(metric.title)}, {metric.direction} is better"
    if metric.interval != "none":
        method = _INTERVALS.get(metric.interval, metric.interval).format(clusters=metric.clusters)
        text += f"; 95 % intervals in brackets ({method})"
        if 0 < metric.clusters < _FEW_CLUSTERS:
            text += ", which so few clusters make unsure"
    values = [(row.rank, row.title) for row in board.rows if row.rank is not None]
    if len({rank for rank, _ in values}) < len(values):
        text += "; equal values share a rank, and stand by name"
    return f"{text}."


def _differences(models: Sequence[BoardRow]) -> list[str]:
    """What the runs may differ in: what is the same for all, and what is not."""
    kinds: list[tuple[str, Callable[[BoardRow], str]]] = [
        ("server", lambda row: row.server or "not stated"),
        ("asking machine", lambda row: row.hardware or "not stated"),
        ("concurrency", lambda row: ", ".join(map(str, dict.fromkeys(row.max_concurrency))) or "not stated"),
        ("repeats", lambda row: str(row.repeats)),
    ]
    if any(row.answers != "free" for row in models):
        kinds.append(("response format", lambda row: row.answers))
    lines, same = [], []
    for what, of in kinds:
        groups: dict[str, list[str]] = {}
        for row in models:
            groups.setdefault(of(row), []).append(row.title)
        if len(groups) > 1:
            sides = "; ".join(f"{value} ({_some(names)})" for value, names in groups.items())
            lines.append(f"The runs differ in {what}: {sides}.")
        else:
            same += [f"{what} {value}" for value in groups]
    return [f"All models ran with: {'; '.join(same)}.", *lines] if same and len(models) > 1 else lines


def _some(names: list[str]) -> str:
    return listing(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
