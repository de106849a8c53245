"""What a run records of the machine and the software that made it."""

import platform
import subprocess
import sys
from pathlib import Path

from peakbench import __version__
from peakbench.content import content_root
from peakbench.installed import installed_version

ASKING_PACKAGES = ("openai", "pillow", "aiohttp", "msgspec", "pydantic")
SCORING_PACKAGES = ("rapidfuzz", "rouge-score", "json-repair", "jsonschema", "numpy", "scipy", "pyarrow")


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Versions of Python, PeakBench and the packages named."""
    versions = {"python": platform.python_version(), "peakbench": __version__}
    return versions | {name: installed_version(name) for name in names}


def hardware() -> dict[str, str]:
    """The machine that asks: processor, cores, operating system."""
    import os

    return {
        "processor": _processor(),
        "cores": str(os.cpu_count() or "unknown"),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor() -> str:
    if sys.platform.startswith("linux"):
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def code_revision() -> str | None:
    """Commit of the checkout that PeakBench runs from, with `+changes` if any; None for an installed package."""
    root = content_root()
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "--no-optional-locks", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
