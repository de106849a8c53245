"""Options that several commands share, with the names that people bring from lm-eval, inspect and vLLM."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout instead of text.")]
Output = Annotated[
    Path, typer.Option("--output", "-o", "--output-path", "--log-dir", help="Folder that run folders are written to.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", "-L", min=1, help="Ask about this many samples, drawn with --seed.")
]
MaxErrorRate = Annotated[
    float,
    typer.Option(
        "--max-error-rate", min=0.0, max=1.0, help="Share of failed samples above which a model is not ranked."
    ),
]
Metrics = Annotated[
    Path | None,
    typer.Option(
        "--metrics", help="Another metric registry than the peakbench_metrics.json that ships; it may extend that one."
    ),
]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Let code run that the file of --metrics names: modules and files.")
]
VllmBin = Annotated[
    str, typer.Option("--vllm-bin", help="With --serve: the command of vLLM, or its path, in whatever environment.")
]
