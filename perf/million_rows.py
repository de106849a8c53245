"""A million rows of Parquet, validated: time a row and resident memory, against a fifth of the rows.

    python perf/million_rows.py [ROWS]

Prints the memory of this process when the smaller and when the large file has been validated, and their ratio: the
large one should need hardly more. Rows are texts, so that the figure is of the streaming, not of decoding images.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.jobs.inspect import validate

FILE = """
schema_version: 1
id: many
version: 1
task: text
data: {path: data.parquet}
columns: {image: null}
prompt: {template: "What is {{ thing }}?"}
"""


def write(path: Path, n: int) -> None:
    """Write n rows, a hundred thousand at a time."""
    schema = pa.schema({"id": pa.string(), "thing": pa.string(), "reference": pa.string()})
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n, 100_000):
            rows = range(start, min(n, start + 100_000))
            columns = {
                "id": [f"row-{row}" for row in rows],
                "thing": [f"thing {row}" for row in rows],
                "reference": [f"It is thing number {row}." for row in rows],
            }
            writer.write_table(pa.table(columns, schema=schema))


def resident_mb() -> float:
    """Most memory this process has had so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--write"]:
        write(Path(sys.argv[2]), int(sys.argv[3]))
        return
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "benchmark.yaml").write_text(FILE)
        for data, rows in (
            ("small", max(1, n // 5)),
            ("data", n),
        ):  # in processes of their own: memory is counted here
            subprocess.run([sys.executable, __file__, "--write", folder / f"{data}.parquet", str(rows)], check=True)
        benchmark = find_benchmark(str(folder / "benchmark.yaml"))
        validate(benchmark, folder / "small.parquet", folder / "cache")
        small = resident_mb()
        began, clock = time.perf_counter(), time.process_time()
        found = validate(benchmark, None, folder / "cache")
        seconds, cpu = time.perf_counter() - began, time.process_time() - clock
        large = resident_mb()
    figures = {
        "rows": found.n,
        "bad": found.n_bad,
        "seconds": round(seconds, 1),
        "cpu_us_a_row": round(1e6 * cpu / n, 1),
        "mib_after_a_fifth": round(small, 1),
        "mib_after_all": round(large, 1),
        "ratio": round(large / small, 3),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
