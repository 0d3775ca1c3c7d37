"""An artefact that was not learned: every head says the same of every prompt."""

import numpy as np

from pointsman.classifier.core.artifact import Artifact, FusionSettings
from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.heads import FeatureScaling, Reader, TextHead
from pointsman.classifier.core.ngrams import BUCKETS
from pointsman.classifier.core.ports import Encoder
from pointsman.classifier.core.similarity import ExampleSet
from pointsman.classifier.core.success import SuccessNetwork
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES

EXAMPLES = ("sort a list", "write a poem", "prove the theorem")
EXAMPLE_CATEGORIES = ("coding", "creative_writing", "math")
SKILLS = ("coding", "college_law", "chess")
MODELS = ("weak-1", "strong-1")
FEATURE_COUNT = len(FEATURE_NAMES)
CATEGORY_COUNT = len(BUILT_IN_CATEGORIES)
BELIEF_IN_RULES = 2.0


def constant_reader(size: int, favourite: str, *, surety: float = 5.0, complexity: float = 0.0, creativity: float = 0.0) -> Reader:
    """It gives `favourite` e^surety times what it gives each other category. complexity, creativity: logits."""
    outputs = [*(surety if category == favourite else 0.0 for category in BUILT_IN_CATEGORIES), complexity, creativity]
    weights = np.zeros((size, len(outputs)), np.float32)
    return Reader(TextHead(weights, np.zeros((BUCKETS, len(outputs)), np.float32), np.array(outputs, np.float32)), 1.0)


def believing_reader(dimensions: int, favourite: str) -> Reader:
    """As constant_reader, and what the rules say of a category moves it by twice their log-probability."""
    reader = constant_reader(dimensions + FEATURE_COUNT + CATEGORY_COUNT + 1, favourite)
    for column in range(CATEGORY_COUNT):
        reader.head.dense[dimensions + FEATURE_COUNT + column, column] = BELIEF_IN_RULES
    return reader


def constant_network(size: int, *logits: float, b: float = 0.0, log_a: float = 0.0) -> SuccessNetwork:
    """It asks for the skills by these logits, one for each of SKILLS."""
    outputs = np.array([*(logits or (3.0, 2.0, -3.0)), b, log_a], np.float32)
    return SuccessNetwork(
        skills=SKILLS,
        hidden=np.zeros((size, 1), np.float32),
        hidden_bias=np.zeros(1, np.float32),
        outputs=np.zeros((size + 1, len(outputs)), np.float32),
        output_bias=outputs,
        skill_difficulty=np.zeros(len(SKILLS), np.float32),
    )


def tiny_artifact(encoder: Encoder, *, favourite: str = "analysis") -> Artifact:
    """The model is sure of `favourite`, whatever it reads, unless rules are surer of another."""
    embeddings = encoder.encode([encoder.tokenize(text) for text in EXAMPLES])
    dimensions = embeddings.shape[1]
    return Artifact(
        version="tiny",
        encoder=encoder.model,
        categories=BUILT_IN_CATEGORIES,
        scaling=FeatureScaling(np.zeros(FEATURE_COUNT, np.float32), np.ones(FEATURE_COUNT, np.float32)),
        hybrid=believing_reader(dimensions, favourite),
        similarity=constant_reader(dimensions + FEATURE_COUNT, favourite),
        features=constant_reader(FEATURE_COUNT, favourite),
        success=constant_network(dimensions + FEATURE_COUNT),
        models=MODELS,
        abilities=np.zeros((len(MODELS), len(SKILLS)), np.float32),
        fusion=FusionSettings(added_similarity=0.6, unsure_below=0.45),
        examples=ExampleSet(EXAMPLES, EXAMPLE_CATEGORIES, embeddings),
        report={},
    )
