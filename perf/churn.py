"""How much answers change with the company they are asked in: the same run at concurrency 1 and 16, sample by sample.

    python perf/churn.py BENCHMARK --model MODEL [--base-url URL] [--concurrency 1 16 16] [-- OPTIONS OF peakbench run]

A server at temperature 0 is not deterministic: it batches the requests that are there, sums come in another order,
and a word may tip. Each concurrency is a run of its own; the first is compared with every other. Churn of texts is the
share of samples whose answer differs in any character, churn of scores the share whose score differs by more than
1e-9. Name a concurrency twice to see what changes when nothing does. Prints a Markdown table.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import peakbench
from peakbench.jobs.loading import LoadedRun

_SAME = 1e-9


def ask(benchmark: str, model: str, url: str, concurrency: int, into: Path, words: list[str]) -> LoadedRun:
    """Make a run as a person does, and read it."""
    line = [sys.executable, "-m", "peakbench", "run", benchmark, "--model", model, "--base-url", url]
    subprocess.run([*line, "-j", str(concurrency), "-o", into, *words], stdout=subprocess.DEVNULL, check=True)
    (run,) = (run for run in peakbench.load_runs(into) if run.manifest.identity.kind == "run")
    return run


def compared(one: LoadedRun, other: LoadedRun, metric: str) -> dict[str, float]:
    """Churn of texts and of scores, and the change of the mean, in fractions."""
    left, right = one.responses(), other.responses()
    texts = left.merge(right, on=["sample_id", "repeat"], validate="one_to_one")
    assert len(texts) == len(left) == len(right), "the runs are over different samples"
    scored = [
        run.scores().query("metric == @metric and slice == ''", local_dict={"metric": metric}) for run in (one, other)
    ]
    scores = scored[0].merge(scored[1], on=["sample_id", "repeat"], validate="one_to_one")
    means = [run[metric].value for run in (one, other)]
    return {
        "n": len(texts),
        "texts": float((texts["text_x"] != texts["text_y"]).mean()),
        "scores": float(((scores["value_x"] - scores["value_y"]).abs() > _SAME).mean()),
        "mean": means[1] - means[0],
    }


def main() -> None:
    """Ask, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark")
    parser.add_argument("--model", required=True)
    parser.add_argument("--base-url", default="http://localhost:8000/v1")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 16])
    typed = sys.argv[1:]
    end = typed.index("--") if "--" in typed else len(typed)
    given = parser.parse_args(typed[:end])
    given.words = typed[end + 1 :]
    with tempfile.TemporaryDirectory() as name:
        runs = [
            ask(given.benchmark, given.model, given.base_url, concurrency, Path(name) / str(number), given.words)
            for number, concurrency in enumerate(given.concurrency)
        ]
        metric = runs[0].results.rank_by
        if metric is None:
            sys.exit(f"{given.benchmark} is ranked by nothing, so there is no score to compare")
        print(f"| concurrency | samples | texts differ | {metric} differs | mean {metric} |")
        print("| --- | ---: | ---: | ---: | ---: |")
        print(f"| {given.concurrency[0]} | {runs[0].results.n} | | | {runs[0][metric].value:.4f} |")
        for concurrency, run in zip(given.concurrency[1:], runs[1:], strict=True):
            found = compared(runs[0], run, metric)
            print(
                f"| {given.concurrency[0]} against {concurrency} | {found['n']} | {found['texts']:.1%} | "
                f"{found['scores']:.1%} | {run[metric].value:.4f} ({found['mean']:+.4f}) |"
            )


if __name__ == "__main__":
    main()
