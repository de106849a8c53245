"""Whether the speed that a run reports is the server's: against `vllm bench serve`, on one server and one load.

    python perf/vllm_bench.py BENCHMARK --model NAME --tokenizer FOLDER [--base-url URL] [--vllm-bin vllm]
                              [--max-concurrency 8] [--output-tokens 32] [--rounds 3] [-- OPTIONS OF peakbench run]

Both ask every sample of the benchmark once: the same messages (images as data URLs of the same bytes, then the text),
as many requests at once, the same number of answer tokens (the end of an answer is ignored), temperature 0. They take
turns; one round of each is not counted, for the server keeps images and prompts that it has seen. Prints the median of
each figure and their ratio, as a Markdown table. `server_e2el_ms` is the mean that the server itself counts in the same
round, from a request's arrival to its last token; `beyond_server_ms` is what the reported mean adds to it, which is the
figure to trust on a machine that does other things too. `vllm bench serve` streams; `peakbench run` does where it is
told to.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import peakbench
from peakbench.benchmarks.benchmark import cache_folder, find_benchmark
from peakbench.runners.openai_transport import chat_messages
from peakbench.runs.records import Generation, Request

FIGURES = (
    "request_throughput",
    "output_throughput",
    "server_e2el_ms",
    "mean_e2el_ms",
    "beyond_server_ms",
    "median_e2el_ms",
    "p99_e2el_ms",
    "mean_ttft_ms",
    "median_ttft_ms",
    "p99_ttft_ms",
)


def write_load(benchmark: str, into: Path) -> int:
    """Write what the benchmark asks as a data set of `vllm bench serve`; gives the number of requests."""
    found = find_benchmark(benchmark)
    samples, _ = found.samples(found.data_place(cache_folder()), cache_folder())
    with into.open("w", encoding="utf-8") as file:
        for sample in samples:
            request = Request(sample.id, 0, "", sample.prompt, "", sample.images, Generation())
            file.write(json.dumps({"content": chat_messages(request)[-1]["content"]}) + "\n")
    return len(samples)


def vllm_bench(given: argparse.Namespace, load: Path, n: int, into: Path) -> dict[str, float | None]:
    """One round of `vllm bench serve`."""
    line = [
        given.vllm_bin, "bench", "serve", "--backend", "openai-chat", "--endpoint", "/v1/chat/completions",
        "--base-url", given.base_url.removesuffix("/v1"), "--model", given.model, "--tokenizer", given.tokenizer,
        "--dataset-name", "custom_image", "--dataset-path", load, "--disable-shuffle", "--num-prompts", n,
        "--custom-output-len", given.output_tokens, "--ignore-eos", "--temperature", 0,
        "--max-concurrency", given.max_concurrency, "--percentile-metrics", "ttft,e2el", "--metric-percentiles", "99",
        "--disable-tqdm", "--save-result", "--result-filename", into,
    ]  # fmt: skip
    subprocess.run([str(word) for word in line], check=True, capture_output=True)
    found: dict[str, float | None] = json.loads(into.read_text())
    assert (found["completed"], found["failed"]) == (n, 0), found
    return found


def peakbench_run(given: argparse.Namespace, n: int, into: Path) -> dict[str, float | None]:
    """One round of `peakbench run`."""
    extra = {"ignore_eos": True, "max_completion_tokens": given.output_tokens}
    line = [
        sys.executable, "-m", "peakbench", "run", given.benchmark, "--model", given.model, "-o", into,
        "--base-url", given.base_url, "-j", given.max_concurrency, "--extra-body", json.dumps(extra), *given.words,
    ]  # fmt: skip
    subprocess.run([str(word) for word in line], check=True, capture_output=True)
    (run,) = (run for run in peakbench.load_runs(into) if run.manifest.identity.kind == "run")
    performance = run.results.performance
    assert performance is not None
    assert performance.total_output_tokens == n * given.output_tokens, performance
    return performance.model_dump()


def counted(given: argparse.Namespace, one_round: Callable[[], dict[str, float | None]]) -> dict[str, float | None]:
    """A round's figures, and beside them the server's own mean latency."""
    before = server_latency(given)
    found = one_round()
    seconds, requests = (now - then for now, then in zip(server_latency(given), before, strict=True))
    own, told = seconds / requests * 1000, found["mean_e2el_ms"]
    assert told is not None
    return found | {"server_e2el_ms": own, "beyond_server_ms": told - own}


def server_latency(given: argparse.Namespace) -> tuple[float, float]:
    """Seconds of all requests the server has answered so far, and their number."""
    with urllib.request.urlopen(f"{given.base_url.removesuffix('/v1')}/metrics") as answer:
        text = answer.read().decode()
    totals = [
        sum(float(value) for value in re.findall(rf"^vllm:e2e_request_latency_seconds_{part}{{.*}} (.+)$", text, re.M))
        for part in ("sum", "count")
    ]
    return totals[0], totals[1]


def main() -> None:
    """Take turns and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--base-url", default="http://localhost:8000/v1")
    parser.add_argument("--vllm-bin", default="vllm")
    parser.add_argument("--max-concurrency", type=int, default=8)
    parser.add_argument("--output-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    typed = sys.argv[1:]
    end = typed.index("--") if "--" in typed else len(typed)
    given = parser.parse_args(typed[:end])
    given.words = typed[end + 1 :]
    rounds: dict[str, list[dict[str, float | None]]] = {"vllm": [], "peakbench": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n = write_load(given.benchmark, folder / "load.jsonl")
        load = folder / "load.jsonl"
        ways: dict[str, Callable[[int], dict[str, float | None]]] = {
            "vllm": lambda number: vllm_bench(given, load, n, folder / f"{number}.json"),
            "peakbench": lambda number: peakbench_run(given, n, folder / str(number)),
        }
        for number in range(given.rounds + 1):
            for who, way in ways.items():
                rounds[who].append(counted(given, partial(way, number)))
    print(f"{n} requests, {given.max_concurrency} at once, {given.output_tokens} answer tokens; {given.rounds} rounds;")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}")
    print("\n| | vllm bench serve | peakbench run | ratio |\n| --- | ---: | ---: | ---: |")
    for figure in FIGURES:
        values = {who: [each.get(figure) for each in found[1:]] for who, found in rounds.items()}
        medians = {
            who: None if None in each else statistics.median(value for value in each if value is not None)
            for who, each in values.items()
        }
        told = [f"{value:.1f}" if value is not None else "not streamed" for value in medians.values()]
        ratio = medians["peakbench"] / medians["vllm"] if medians["peakbench"] and medians["vllm"] else None
        print(f"| {figure} | {' | '.join(told)} | {'' if ratio is None else f'{ratio:.2f}'} |")


if __name__ == "__main__":
    main()
