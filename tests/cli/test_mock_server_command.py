"""`peakbench mock-server`: faults by name, and what cannot be."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from conftest import command

from peakbench.mock import FaultKind

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_help_names_every_fault(peakbench: Command) -> None:
    told = re.sub(r"[\s│|]+", " ", peakbench("mock-server", "--help", COLUMNS="200").stdout)
    (kinds,) = re.findall(r"Kinds: ([\w, ]+)\.", told)
    assert kinds.split(", ") == list(FaultKind)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--fault", "stal=0.1"), "did you mean `stall`?"),
        (("--fault", "stall"), "KIND=RATE"),
        (("--fault", "stall=0.7", "--fault", "reset=0.7"), "add up to 1.4"),
        (("--canned", "--fault", "stall=0.1"), "--canned has no models, key or faults"),
        (("--canned", "--die-after", "5"), "--canned has no models, key or faults"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_before_anything_is_served(
    peakbench: Command, given: tuple[str, ...], said: str
) -> None:
    done = peakbench("mock-server", "--port", 0, *given)
    assert done.returncode == 2
    assert said in done.stderr


def test_faults_and_death_are_given_by_name() -> None:
    words = ("mock-server", "--model", "constant-null", "--port", 0, "--fault", "quota=1", "--die-after", 2, "--json")
    with subprocess.Popen(command(*words), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = "".join(iter(process.stdout.readline, "}\n"))
            url = json.loads(f"{told}}}")["base_url"]
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/chat/completions", data=b"{}", timeout=60)
            with refused.value as answer:
                assert answer.code == 429
                assert json.loads(answer.read())["error"]["code"] == "insufficient_quota"
            with pytest.raises(ConnectionResetError):
                urllib.request.urlopen(f"{url}/chat/completions", data=b"{}", timeout=60)
        finally:
            process.terminate()
