"""llama.cpp's server out of a wheel: run by its path, in an environment where PeakBench is not installed."""

import subprocess
import sys
from pathlib import Path

from peakbench.runners.serving import llama_cpp


def test_without_the_wheel_it_says_how_to_get_it() -> None:
    words = [sys.executable, "-I", "-S", str(Path(llama_cpp.__file__)), "--model", "m", "--alias", "a", "--port", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "xllamacpp is not installed" in done.stderr
    assert "make llama-env" in done.stderr
