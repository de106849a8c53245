"""SBERT over the fields of a sweep, in bulk, against the loop that embeds a pair at a time.

    python perf/semantic.py [--models 29] [--samples 3500] [--values 40] [--loop 40]

The values of a sweep repeat: models answer in the words of the references, and all models see the same references. So
the pairs of fields are made as a sweep makes them: a vocabulary a field, a share of right answers a model. In bulk each
distinct text is embedded once; the loop, of which a sample of `--loop` pairs that differ is timed and scaled up, embeds
both texts of every pair. Both run here, one after the other, in float32 on one thread; the values of the sampled pairs
are compared.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from peakbench.benchmarks.benchmark import cache_folder
from peakbench.metrics.fetch.sbert import Sbert
from peakbench.metrics.semantic.encoder import EncoderSettings, Pair, SentenceEncoder
from peakbench.metrics.semantic.memory import EmbeddingStore

WORDS = (
    "small large tiny long short round ripped faded stained loose torn light dark navy blue red green grey striped "
    "plain checked cotton wool hole stain tear seam button collar sleeve pocket hem shoulder cuff front back left right"
)
N_FIELDS = 9


def sweep(n_models: int, n_samples: int, n_values: int, rng: random.Random) -> list[Pair]:
    """The pairs (reference, answer) of every field of every answer."""
    vocabularies = [
        sorted({" ".join(rng.sample(WORDS.split(), rng.randint(1, 4))) for _ in range(n_values)})
        for _ in range(N_FIELDS)
    ]
    references = [[rng.choice(words) for words in vocabularies] for _ in range(n_samples)]
    pairs = []
    for _ in range(n_models):
        right = rng.uniform(0.5, 0.95)
        for reference in references:
            for value, words in zip(reference, vocabularies, strict=True):
                pairs.append((value, value if rng.random() < right else rng.choice(words)))
    return pairs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="SBERT in bulk against a pair at a time")
    parser.add_argument("--models", type=int, default=29)
    parser.add_argument("--samples", type=int, default=3500)
    parser.add_argument("--values", type=int, default=40, help="values a field takes in the references")
    parser.add_argument("--loop", type=int, default=40, help="pairs of which the loop is timed")
    words = parser.parse_args()
    folder = Sbert().find(cache_folder())
    if folder is None:
        sys.exit(f"the weights are not there; fetch them: {Sbert.command}")
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    pairs = sweep(words.models, words.samples, words.values, random.Random(7))
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def one_pair(pair: Pair) -> float:
        one, other = plain.encode(list(pair), batch_size=1, normalize_embeddings=True, show_progress_bar=False)
        return min(1.0, max(0.0, float(np.dot(one, other))))

    one_pair(("warm", "up"))
    sampled = random.Random(8).sample(sorted({pair for pair in pairs if pair[0] != pair[1]}), words.loop)
    began = time.perf_counter()
    loop = [one_pair(pair) for pair in sampled]
    loop_s = (time.perf_counter() - began) / len(sampled) * len(pairs)

    with TemporaryDirectory() as name:
        encoder = SentenceEncoder(EncoderSettings(folder, "float32", 384), EmbeddingStore(Path(name) / "e.sqlite"))
        encoder.encode(["warm up"])
        began = time.perf_counter()
        bulk = encoder.similarity(pairs)
        bulk_s = time.perf_counter() - began
        again = SentenceEncoder(encoder.settings, EmbeddingStore(Path(name) / "e.sqlite"))
        began = time.perf_counter()
        again.similarity(pairs)
        again_s = time.perf_counter() - began
    differ = sum(one != other for one, other in pairs)
    values = dict(zip(pairs, bulk.tolist(), strict=True))
    figures = {
        "pairs": len(pairs),
        "pairs_that_differ": differ,
        "distinct_texts": len({text for pair in pairs for text in pair}),
        "loop_s_scaled_up": round(loop_s, 1),
        "bulk_s": round(bulk_s, 2),
        "bulk_s_again_from_disk": round(again_s, 2),
        "ratio": round(loop_s / bulk_s),
        "ratio_to_a_loop_that_skips_equal_pairs": round(loop_s * differ / len(pairs) / bulk_s),
        "largest_difference": max(abs(values[pair] - value) for pair, value in zip(sampled, loop, strict=True)),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
