"""Why a server did not start: the well-known causes in one line, and a log that can be read and does no harm."""

from pathlib import Path

import pytest

from peakbench.runners.serving.diagnosis import known_cause, last_exception, log_lines


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("vllm: error: unrecognized arguments: --max-modle-len 5", "does not know this flag: --max-modle-len 5"),
        ("Error: No such option: --foo Did you mean --bar?", "does not know this flag: --foo"),
        ("error: invalid argument: --n-foo", "does not know this flag: --n-foo"),
        ("api_server.py: error: argument --dtype: invalid choice: 'x'", "argument --dtype: invalid choice"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "GPU has too little free memory"),
        ("ValueError: No available memory for the cache blocks. Try increasing", "GPU has too little free memory"),
        (
            "ValueError: Free memory on device (3.1/79.1 GiB) on startup is less than desired GPU memory utilization",
            "GPU has too little free memory",
        ),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", "machine has too little"),
        (
            "ValueError: Model architectures ['FooForCausalLM'] are not supported for now.",
            "architecture of this model ['FooForCausalLM']",
        ),
        (
            "The checkpoint you are trying to load has model type `foo` but Transformers does not recognize this "
            "architecture.",
            "does not support the architecture",
        ),
        ("OSError: You are trying to access a gated repo. GatedRepoError: 403", "gated"),
        ("OSError: foo is not a local folder and is not a valid model identifier listed on", "no such model"),
        ("huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error.", "no such model"),
        ("LocalEntryNotFoundError: An error happened while trying to locate the file", "Hub cannot be reached"),
        ("OSError: /m does not appear to have a file named config.json.", "not one of a model"),
        ("OSError: [Errno 98] Address already in use", "port was taken"),
        ("User-specified max_model_len (99999) is greater than the derived max_model_len", "context is too long"),
        (
            "To serve at least one request with the models's max seq len (131072), ValueError: The model's max len "
            "(131072) is larger than the maximum number of tokens that can be stored in KV cache (1024).",
            "context is too long",
        ),
        ("RuntimeError: Cannot find any model weights with `/m`", "holds no weights"),
        ("safetensors_rust.SafetensorError: Error while deserializing header: invalid JSON", "damaged: Error while"),
        ("ModuleNotFoundError: No module named 'flash_attn'", "lacks a module: 'flash_attn'"),
    ],
)
def test_well_known_causes_are_told_in_a_line(line: str, told: str) -> None:
    cause = known_cause(["INFO starting", line, "during handling"], 1)
    assert cause is not None
    assert told in cause.told
    assert "\n" not in cause.told
    assert cause.mend


def test_other_ends_are_not_guessed_at() -> None:
    assert known_cause(["INFO all is well", "Exception: something new"], 1) is None
    assert known_cause([], None) is None
    killed = known_cause([], -9)
    assert killed is not None and "killed" in killed.told


def test_the_last_exception_is_that_which_does_not_point_at_another() -> None:
    lines = [
        "(Worker pid=7) ERROR 11-22 07:42:01 [multiproc_executor.py:953]     raise ValueError(",
        "(Worker pid=7) ERROR 11-22 07:42:01 [multiproc_executor.py:953] ValueError: something new",
        "(EngineCore pid=2) ERROR [core.py:1510] Exception: WorkerProc failed. See stack trace for root cause.",
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
    ]
    assert last_exception(lines) == "ValueError: something new"
    assert last_exception(["INFO an Error: is a word here", "Traceback (most recent call last):"]) is None
    assert last_exception(["torch.cuda.SomeError: words"]) == "torch.cuda.SomeError: words"


def test_the_end_of_a_log_is_text_and_never_drives_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(
        b"before\n\x1b[31mred\x1b[0m \x07bell\n\n   \nloading 10%\rloading 90%\r\n\xff\xfe bytes\n\x1b]0;title\x07t\n"
        + b"x" * 5000
        + b"\n"
    )
    lines = log_lines(log, len("before\n"))
    assert lines[:4] == ["red �bell", "loading 90%", "�� bytes", "t"]
    assert len(lines[4]) == 301
    log.write_text("".join(f"{number}\n" for number in range(100_000)))
    assert log_lines(log, 0) == [str(number) for number in range(99_980, 100_000)]
    assert log_lines(tmp_path / "none", 0) == []
