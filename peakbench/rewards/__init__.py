"""What training optimises: the metrics as reward functions, so that what is trained is what is measured.

They have the signature that the GRPOTrainer of trl calls: `reward(completions, **columns) -> list[float | None]`.
"""

from peakbench.rewards.defects import DefectReward, DefectWeights, defect_reward
from peakbench.rewards.fields import JsonReward, json_reward
from peakbench.rewards.similarity import DescriptionSimilarity, SentenceSimilarity, sentence_similarity

__all__ = [
    "DefectReward",
    "DefectWeights",
    "DescriptionSimilarity",
    "JsonReward",
    "SentenceSimilarity",
    "defect_reward",
    "json_reward",
    "sentence_similarity",
]
