"""SBERT, or natural-language inference, over the fields of a sweep, in bulk, against the loop of a pair at a time.

    python perf/semantic.py [--models 29] [--samples 3500] [--values 40] [--loop 40]
    python perf/semantic.py --nli [--values 28] [--loop 40]

The values of a sweep repeat: models answer in the words of the references, and all models see the same references. So
the pairs of fields are made as a sweep makes them: a vocabulary a field, a share of right answers a model. In bulk each
distinct text is embedded once; the loop, of which a sample of `--loop` pairs that differ is timed and scaled up, embeds
both texts of every pair. Both run here, one after the other, in float32 on one thread, and what is counted is processor
time, which other work on the machine does not change much; the values of the sampled pairs are compared.

With `--nli` each distinct pair of sentences is judged once. The model has the published one's shape (twelve layers of
768) and random weights, but for a small vocabulary: how long it takes does not depend on what it says, and its values
are compared with its own, one by one. Where the published weights lie in the cache folder, they are used.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from peakbench.benchmarks.benchmark import cache_folder
from peakbench.metrics.fetch.nli import Nli, labels_of
from peakbench.metrics.fetch.sbert import Sbert
from peakbench.metrics.semantic.encoder import EncoderSettings, Pair, SentenceEncoder
from peakbench.metrics.semantic.inference import InferenceModel, InferenceSettings
from peakbench.metrics.semantic.memory import EmbeddingStore

WORDS = (
    "small large tiny long short round ripped faded stained loose torn light dark navy blue red green grey striped "
    "plain checked cotton wool hole stain tear seam button collar sleeve pocket hem shoulder cuff front back left right"
)
SENTENCE = "The thing is X ."
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


def make_model(folder: Path) -> Path:
    """A model of sequence classification of the published shape, with random weights and a word for a token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    known = {word: index for index, word in enumerate(dict.fromkeys([*special, *SENTENCE.split(), *WORDS.split()]))}
    tokens = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokens.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokens.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    shape: Any = DebertaV2Config  # some of its parameters are not declared
    labels = {0: "entailment", 1: "neutral", 2: "contradiction"}
    config = shape(
        vocab_size=len(known),
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    return folder


def measure_inference(words: argparse.Namespace) -> None:
    """Measure natural-language inference and print."""
    import torch

    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        published = Nli().find(cache_folder())
        folder = published or make_model(Path(name))
        settings, labels = InferenceSettings(folder, "float32", 512), labels_of(folder)
        values = sweep(words.models, words.samples, words.values, random.Random(7))
        pairs = [(SENTENCE.replace("X", one), SENTENCE.replace("X", other)) for one, other in values]
        differ = sum(one != other for one, other in pairs)
        distinct = sorted({pair for pair in pairs if pair[0] != pair[1]})
        sampled = random.Random(8).sample(distinct, words.loop)
        plain = InferenceModel(settings, labels)
        plain.contradiction([("warm", "up")])
        began = time.process_time()
        loop = [float(plain.contradiction([pair])[0]) for pair in sampled]
        loop_s = (time.process_time() - began) / len(sampled) * len(pairs)
        store = EmbeddingStore(Path(name) / "kept.sqlite")
        model = InferenceModel(settings, labels, store)
        model.contradiction([("warm", "up")])
        began = time.process_time()
        bulk = model.contradiction(pairs)
        bulk_s = time.process_time() - began
        began = time.process_time()
        InferenceModel(settings, labels, store).contradiction(pairs)
        again_s = time.process_time() - began
    found = dict(zip(pairs, bulk.tolist(), strict=True))
    figures = {
        "model": "published" if published else "random weights of the published shape",
        "pairs": len(pairs),
        "pairs_that_differ": differ,
        "distinct_pairs_that_differ": len(distinct),
        "loop_s_scaled_up": round(loop_s, 1),
        "bulk_s": round(bulk_s, 2),
        "bulk_s_again_from_disk": round(again_s, 2),
        "ratio": round(loop_s / bulk_s),
        "ratio_to_a_loop_that_skips_equal_pairs": round(loop_s * differ / len(pairs) / bulk_s),
        "largest_difference": max(abs(found[pair] - value) for pair, value in zip(sampled, loop, strict=True)),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="SBERT in bulk against a pair at a time")
    parser.add_argument("--models", type=int, default=29)
    parser.add_argument("--samples", type=int, default=3500)
    parser.add_argument("--values", type=int, default=40, help="values a field takes in the references")
    parser.add_argument("--loop", type=int, default=40, help="pairs of which the loop is timed")
    parser.add_argument("--nli", action="store_true", help="natural-language inference instead of SBERT")
    words = parser.parse_args()
    if words.nli:
        measure_inference(words)
        return
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
    began = time.process_time()
    loop = [one_pair(pair) for pair in sampled]
    loop_s = (time.process_time() - began) / len(sampled) * len(pairs)

    with TemporaryDirectory() as name:
        encoder = SentenceEncoder(EncoderSettings(folder, "float32", 384), EmbeddingStore(Path(name) / "e.sqlite"))
        encoder.encode(["warm up"])
        began = time.process_time()
        bulk = encoder.similarity(pairs)
        bulk_s = time.process_time() - began
        again = SentenceEncoder(encoder.settings, EmbeddingStore(Path(name) / "e.sqlite"))
        began = time.process_time()
        again.similarity(pairs)
        again_s = time.process_time() - began
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
