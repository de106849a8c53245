"""Two steps of trl's GRPOTrainer with both rewards, on a random model whose every token is a whole answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from peakbench.rewards import DefectWeights, defect_reward, json_reward

GARMENT = {"type": "coat", "color": "red", "size": "M"}
DEFECTS = [{"box_2d": [100, 100, 300, 300], "label": "artifact", "description": "fused fingers", "importance": 60}]
ANSWERS = (
    json.dumps(GARMENT),
    json.dumps({"type": "coat", "size": "XL", "note": "none"}),
    "no JSON at all",
    "<think>look</think><answer>[]</answer>",
    f"<think>look</think><answer>{json.dumps(DEFECTS)}</answer>",
    f"<think>look</think><answer>{json.dumps([{**DEFECTS[0], 'box_2d': [150, 100, 350, 300]}])}</answer>",
)
PROMPTS = ("Name the garment.", "Find what is wrong.")


def tiny_model() -> Any:
    """A random language model of one layer, which says one of the answers with about equal chances."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    words = len(ANSWERS) + len(PROMPTS) + 2
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    return LlamaForCausalLM(config)


def tokenizer_of_answers() -> Any:
    """Each answer, and each prompt, is one token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {word: place for place, word in enumerate(["<end>", "<pad>", *PROMPTS, *ANSWERS])}
    model = Tokenizer(WordLevel(words, unk_token="<pad>"))
    made: Any = PreTrainedTokenizerFast
    return made(tokenizer_object=model, eos_token="<end>", pad_token="<pad>", padding_side="left")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # other people's; nothing of PeakBench's is quieter in a trainer
def test_two_steps_of_grpo_use_both_rewards(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="trl is not installed: pip install 'peakbench[trl]'")
    from datasets import Dataset

    garments = json_reward("garments-demo", reference="garment")
    defects = defect_reward("defects-demo", reference="defects", weights=DefectWeights(0.8, 0, 0.2))
    seen: list[tuple[list[str], dict[str, Any]]] = []

    def witness(completions: list[str], **columns: Any) -> list[float]:
        seen.append((completions, columns))
        return [0.0] * len(completions)

    rows = [
        {"prompt": PROMPTS[0], "garment": GARMENT, "defects": None},
        {"prompt": PROMPTS[1], "garment": None, "defects": DEFECTS},
    ]
    settings = trl.GRPOConfig(
        output_dir=str(tmp_path),
        max_steps=2,
        per_device_train_batch_size=16,
        num_generations=8,
        max_completion_length=1,
        learning_rate=1e-2,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        shuffle_dataset=False,  # so that each step has a row of either benchmark
        seed=1,
    )
    model = tiny_model()
    before = {name: weights.detach().clone() for name, weights in model.named_parameters()}
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=[garments, defects, witness],
        args=settings,
        train_dataset=Dataset.from_list(rows * 4),
        processing_class=tokenizer_of_answers(),
    )
    trainer.train()

    assert trainer.state.global_step == 2
    assert any((weights != before[name]).any() for name, weights in model.named_parameters())
    steps = [line for line in trainer.state.log_history if "rewards/witness/mean" in line]
    assert len(steps) == len(seen) == 2
    for line, (completions, columns) in zip(steps, seen, strict=True):
        for reward in (garments, defects):
            own = [value for value in reward(completions, **columns) if value is not None]
            assert len(own) == 8  # the rows of the other benchmark are none of its business
            assert line[f"rewards/{reward.__name__}/mean"] == pytest.approx(sum(own) / len(own), abs=1e-6)
            assert len(set(own)) > 1
