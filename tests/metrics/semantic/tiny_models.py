"""Small models of known weights, made on the spot."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from peakbench.metrics.fetch.weights import weights_digest
from peakbench.metrics.registry import Registry

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("a", "the", "navy", "blue", "dark", "red", "shirt", "hole", "small", "large", "left", "shoulder", "no", "of")
LETTERS = "abcdefghijklmnopqrstuvwxyz;"

_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def make_encoder(folder: Path, seed: int = 0) -> Path:
    """A sentence encoder in the published layout: a random BERT of two layers of 32, mean pooling, unit length."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder.mkdir(parents=True)
    words = dict.fromkeys([*SPECIAL, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)])
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.4,  # so that texts come to lie far apart
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "modules.json").write_text(json.dumps(_MODULES))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48, "do_lower_case": false}')
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "2_Normalize").mkdir()
    return folder


def registry_with(folder: Path, cache: Path, **changes: Any) -> Registry:
    """The canonical registry, its encoder replaced by another."""
    shipped = Registry.load(cache=cache)
    own = {"model": str(folder), "weights_sha256": weights_digest(folder, None), "dtype": "float32"} | changes
    metrics = [
        one.model_copy(update={"parameters": one.parameters | own}) if "weights_sha256" in one.parameters else one
        for one in shipped.file.metrics
    ]
    of_fields = shipped.file.components["semantic_comparator"]
    of_fields = of_fields.model_copy(update={"parameters": of_fields.parameters | own})
    components = shipped.file.components | {"semantic_comparator": of_fields}
    changed = shipped.file.model_copy(update={"metrics": metrics, "components": components})
    return Registry(replace(shipped.source, file=changed), cache)
