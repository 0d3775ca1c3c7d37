"""An artefact that was not learned: every head says the same of every prompt."""

import numpy as np

from pointsman.classifier.core.artifact import Artifact, FusionSettings
from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.heads import LinearHead
from pointsman.classifier.core.ports import Encoder
from pointsman.classifier.core.similarity import ExampleSet
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

EXAMPLES = ("sort a list", "write a poem", "prove the theorem")
EXAMPLE_CATEGORIES = ("coding", "creative_writing", "math")


def constant_head(dimensions: int, *outputs: float) -> LinearHead:
    return LinearHead(np.zeros((dimensions + len(FEATURE_NAMES), len(outputs)), np.float32), np.array(outputs, np.float32))


def tiny_artifact(encoder: Encoder, *, favourite: str = "analysis") -> Artifact:
    """The model is sure of `favourite`, whatever it reads."""
    embeddings = encoder.encode([encoder.tokenize(text) for text in EXAMPLES])
    dimensions = embeddings.shape[1]
    logits = [5.0 if category == favourite else 0.0 for category in BUILT_IN_CATEGORIES]
    return Artifact(
        version="tiny",
        encoder=encoder.model,
        categories=BUILT_IN_CATEGORIES,
        category_head=constant_head(dimensions, *logits),
        category_temperature=1.0,
        difficulty_head=constant_head(dimensions, 0.0),
        discrimination_head=constant_head(dimensions, 0.0),
        creativity_head=constant_head(dimensions, 0.0),
        fusion=FusionSettings(rules_sure=0.7, model_sure=0.8, rules_weight=1.0, model_weight=1.0, added_similarity=0.6),
        examples=ExampleSet(EXAMPLES, EXAMPLE_CATEGORIES, embeddings),
        report={},
    )
