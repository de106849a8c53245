"""Small models of known weights, made on the spot."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

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


LABELS = ("entailment", "neutral", "contradiction")
_SPECIAL = {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "unk": "[UNK]", "mask": "[MASK]"}


def make_inference(folder: Path, seed: int = 0) -> Path:
    """A model of sequence classification in the published layout: a random DeBERTa-v2 of two layers of 64.

    Its unigram tokenizer is trained on the words above, and its labels stand in the order of `LABELS`.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    folder.mkdir(parents=True)
    tokens = Tokenizer(models.Unigram())
    tokens.pre_tokenizer, tokens.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    special = list(_SPECIAL.values())
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=special, unk_token=_SPECIAL["unk"], show_progress=False
    )
    tokens.train_from_iterator([" ".join([*WORDS, *LETTERS])] * 3, trainer)
    ends = [(end, tokens.token_to_id(end)) for end in ("[CLS]", "[SEP]")]
    tokens.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=ends
    )
    tokens.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "DebertaV2Tokenizer", "model_max_length": 64}
    settings |= {f"{name}_token": token for name, token in _SPECIAL.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(seed)
    settings_of: Any = DebertaV2Config  # some of its parameters are not declared
    config = settings_of(
        vocab_size=tokens.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=32,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        initializer_range=0.15,  # so that pairs come to lie far apart, and none is certain
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    return folder


def relabelled(source: Path, folder: Path, labels: Sequence[str]) -> Path:
    """The same model with its labels, and the rows of its last layer, in another order: it says the same of a pair."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(source, folder)
    weights = load_file(folder / "model.safetensors")
    order = [LABELS.index(label.casefold()) for label in labels]
    rows = {name: np.ascontiguousarray(weights[name][order]) for name in ("classifier.weight", "classifier.bias")}
    save_file(weights | rows, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(index): label for index, label in enumerate(labels)}
    config["label2id"] = {label: index for index, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def registry_with(folder: Path, cache: Path, inference: Path | None = None, **changes: Any) -> Registry:
    """The canonical registry, its encoder replaced by another, and its model of inference by that of a folder."""
    shipped = Registry.load(cache=cache)
    own = {"model": str(folder), "weights_sha256": weights_digest(folder, None), "dtype": "float32"} | changes
    metrics = [
        one.model_copy(update={"parameters": one.parameters | own}) if "weights_sha256" in one.parameters else one
        for one in shipped.file.metrics
    ]
    of_fields = shipped.file.components["semantic_comparator"]
    of_fields = of_fields.model_copy(update={"parameters": of_fields.parameters | own})
    components = shipped.file.components | {"semantic_comparator": of_fields}
    if inference is not None:
        judge = {"model": str(inference), "weights_sha256": weights_digest(inference, None), "dtype": "float32"}
        of_pairs = components["nli_model"]
        components["nli_model"] = of_pairs.model_copy(update={"parameters": of_pairs.parameters | judge})
    changed = shipped.file.model_copy(update={"metrics": metrics, "components": components})
    return Registry(replace(shipped.source, file=changed), cache)
