"""`results.json`: what a run scored, with how sure we are, and how fast it was."""

from typing import Literal

from pydantic import Field

from peakbench.strict import StrictModel

Direction = Literal["higher", "lower"]


class Result(StrictModel):
    """A metric's value for a whole run, or for one slice of it. Fractions, never percent."""

    value: float | None
    """In the metric's range; null when it is undefined for every sample."""
    ci: tuple[float, float] | None
    """95 % interval, clipped to the range; null where none can be given."""
    n: int
    """Samples in the denominator, failed and unparsed ones included."""
    n_defined: int
    """Samples that count for the value: those for which the metric is defined, or that add to its sums."""
    counts: dict[str, float] = {}
    """The summed sufficient statistics, where the metric has names for them (`tp`, `n_pred`, …)."""


class RepeatVariance(StrictModel):
    """How far a metric's values vary, where samples were asked more than once; in the metric's unit, squared.

    Over the samples that have at least two values. The variance of the mean of n samples of K repeats each is
    `(between + within / K) / n`, so more repeats help only as far as `within` goes.
    """

    between: float
    """Between samples, the spread of the repeats taken out; at least 0."""
    within: float
    """Between the repeats of a sample: the mean of the samples' unbiased variances."""
    n: int
    """Samples with at least two values."""


class MetricResult(Result):
    """A metric's value for a whole run, with what is needed to read it."""

    direction: Direction
    unit: str
    signature: str
    """Metric id and version, parameters, digests of what it depends on, library versions."""
    interval: str
    """How the interval was made: `t`, `t clustered`, `wilson`, `bootstrap`, `bootstrap clustered` or `none`."""
    repeat_variance: RepeatVariance | None = None
    """Of means, where samples were asked more than once; null otherwise."""
    undefined: dict[str, int] = {}
    """Reason to number of samples, for those where the metric is undefined."""
    slices: dict[str, Result] = {}
    """`field=…` and `cluster=…` to the metric's value there."""


class Performance(StrictModel):
    """Speed under the names of vLLM's own benchmark; latencies of answered requests, in milliseconds.

    Times to first token, times per output token and inter-token latencies are null unless answers were streamed. What
    has a default is missing in files that are older than its key.
    """

    completed: int
    failed: int
    duration: float
    """Seconds of asking, summed over the sessions of the run."""
    request_throughput: float | None
    """Answered requests a second; null below one second of asking."""
    output_throughput: float | None
    """Answer tokens a second, where the server counts tokens."""
    total_token_throughput: float | None = None
    """Tokens a second, those of the prompts and of the answers."""
    total_input_tokens: int | None
    total_output_tokens: int | None
    total_reasoning_tokens: int | None = None
    """Of the output tokens, those of the reasoning, where the server counts them apart in every answer."""
    mean_ttft_ms: float | None
    """Time to first token: from the request to the first text, of the answer or of the reasoning."""
    median_ttft_ms: float | None
    std_ttft_ms: float | None = None
    p50_ttft_ms: float | None = None
    p90_ttft_ms: float | None = None
    p95_ttft_ms: float | None = None
    p99_ttft_ms: float | None
    mean_tpot_ms: float | None = None
    """Time per output token: `(E2EL - TTFT) / (output tokens - 1)` of an answer, by the server's count."""
    median_tpot_ms: float | None = None
    std_tpot_ms: float | None = None
    p50_tpot_ms: float | None = None
    p90_tpot_ms: float | None = None
    p95_tpot_ms: float | None = None
    p99_tpot_ms: float | None = None
    mean_itl_ms: float | None = None
    """Inter-token latency: from each chunk of text to the next, over all chunks of all answers."""
    median_itl_ms: float | None = None
    std_itl_ms: float | None = None
    p50_itl_ms: float | None = None
    p90_itl_ms: float | None = None
    p95_itl_ms: float | None = None
    p99_itl_ms: float | None = None
    mean_e2el_ms: float | None
    """End-to-end latency: to the end of the answer; where it was streamed, to its last choice."""
    median_e2el_ms: float | None
    std_e2el_ms: float | None
    p50_e2el_ms: float | None = None
    p90_e2el_ms: float | None = None
    p95_e2el_ms: float | None = None
    p99_e2el_ms: float | None
    max_concurrency: list[int]
    """The concurrency of each session."""


class Results(StrictModel):
    """The whole of `results.json`."""

    schema_version: Literal[1] = 1
    kind: Literal["run", "floor"]
    benchmark: str
    """`id@version`."""
    model: str
    run_id: str
    n: int
    """Samples asked about."""
    repeats: int
    n_failed: int
    """Samples with at least one failed request."""
    n_unparsed: int
    """Samples with at least one answer from which no JSON was extracted."""
    n_truncated: int
    """Samples with at least one answer that ended because it was too long."""
    warnings: list[str] = []
    """What a reader should look at before trusting the numbers; it changes none of them."""
    rank_by: str | None
    """The metric that boards rank by; null: the benchmark declares nothing to rank by."""
    comparable: dict[str, str]
    """What has to agree before results share a table: `benchmark`, `data`, `prompt`, `sample_set`, `metrics`."""
    registry: str | None = None
    """Digest of the metric registry that it was scored by; null in files older than this key."""
    fingerprint: str
    """Digest of everything that the nightly gate requires to agree."""
    metrics: dict[str, MetricResult]
    performance: Performance | None
    """Null for a floor, which was never asked."""
    scored_with: dict[str, str] = Field(default={})
    """Package versions at scoring."""
