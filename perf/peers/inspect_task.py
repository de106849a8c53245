"""The samples of the measurement as a task of inspect_ai, written as its users write one.

Started by `inspect eval inspect_task.py -T samples=FILE`, in inspect_ai's own environment.
"""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
from inspect_ai.scorer import includes
from inspect_ai.solver import generate


@task
def garments(samples: str) -> Task:
    """One question a picture, and a look whether the answer includes the expected type.

    Args:
        samples: A JSON lines file of `id`, `image` (a path beside the file), `prompt`, `reference`.
    """
    path = Path(samples)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    dataset = [
        Sample(
            id=row["id"],
            input=[
                ChatMessageUser(
                    content=[ContentImage(image=str(path.parent / row["image"])), ContentText(text=row["prompt"])]
                )
            ],
            target=row["reference"]["type"],
        )
        for row in rows
    ]
    return Task(dataset=MemoryDataset(dataset), solver=generate(), scorer=includes())
