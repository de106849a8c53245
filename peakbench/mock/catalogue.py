"""The models that ship with the mock server, by name."""

import difflib
from collections.abc import Callable, Sequence

from peakbench.errors import BadInputError
from peakbench.mock.answers import ConstantModel, CutModel, EmptyModel, MockModel, ProseModel

MODEL_NAMES: tuple[str, ...] = (
    "nearest-20",
    "nearest-2000",
    "nearest-2000-prose",
    "nearest-2000-cut",
    "constant-null",
    "pixel-detective",
    "constant-empty",
)
"""Every model that `build_models` knows."""

_N_TRAINING = {"nearest-20": 20, "nearest-2000": 2000, "nearest-2000-prose": 2000, "nearest-2000-cut": 2000}


def build_models(names: Sequence[str], progress: Callable[[str], None] | None = None) -> list[MockModel]:
    """Build models by name; those that learn are trained now, which takes some seconds for 2,000 renders.

    Args:
        names: Of `MODEL_NAMES`; a name given twice is built once.
        progress: Told in a line what is being done.

    Returns:
        The models in the order of the names. Those that share training renders share them in memory.

    Raises:
        BadInputError: If a name is unknown, or none is given.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in MODEL_NAMES:
            close = difflib.get_close_matches(name, MODEL_NAMES, n=1, cutoff=0.6)
            hint = f"did you mean `{close[0]}`?" if close else f"models there are: {', '.join(MODEL_NAMES)}"
            raise BadInputError(f"the mock server has no model `{name}`", mend=hint)
    if not wanted:
        raise BadInputError("no model is named", mend=f"name one or more of {', '.join(MODEL_NAMES)}")
    n_training = max((_N_TRAINING.get(name, 0) for name in wanted), default=0)
    plain: dict[int, MockModel] = {}
    if n_training:
        # Training needs numpy and Pillow; a server of constant models does without.
        from peakbench.mock.neighbours import NearestNeighbour
        from peakbench.mock.training import training_set

        examples = training_set(n_training, progress)
        for n in sorted({_N_TRAINING[name] for name in wanted if name in _N_TRAINING}):
            plain[n] = NearestNeighbour(f"nearest-{n}", examples.first(n))
    return [_build(name, plain) for name in wanted]


def _build(name: str, plain: dict[int, MockModel]) -> MockModel:
    if name == "constant-null":
        return ConstantModel(name)
    if name == "constant-empty":
        return EmptyModel(name)
    if name == "pixel-detective":
        from peakbench.mock.detective import PixelDetective

        return PixelDetective(name)
    nearest = plain[_N_TRAINING[name]]
    if name.endswith("-prose"):
        return ProseModel(name, nearest)
    if name.endswith("-cut"):
        return CutModel(name, nearest)
    return nearest
