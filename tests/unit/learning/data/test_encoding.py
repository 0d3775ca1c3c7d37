from pathlib import Path

import numpy as np

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.learning.data.encoding import PromptEncoder
from tests.fakes.hashing_encoder import HashingEncoder

TEXTS = ["sort a list", "write a poem"]


def test_prompts_are_encoded_once(tmp_path: Path) -> None:
    first, second = HashingEncoder(), HashingEncoder()

    rows = PromptEncoder(first, tmp_path).embeddings(TEXTS)
    again = PromptEncoder(second, tmp_path).embeddings(TEXTS)

    np.testing.assert_array_equal(rows, again)
    assert (len(first.batches), len(second.batches)) == (1, 0)


def test_other_prompts_are_encoded_anew(tmp_path: Path) -> None:
    encoder = HashingEncoder()

    PromptEncoder(encoder, tmp_path).embeddings(TEXTS)
    PromptEncoder(encoder, tmp_path).embeddings(TEXTS[:1])

    assert len(encoder.batches) == 2


def test_head_inputs_are_embeddings_then_features(tmp_path: Path) -> None:
    encoder = PromptEncoder(HashingEncoder(dimensions=16), tmp_path)

    assert encoder.head_inputs(TEXTS).shape == (2, 16 + len(FEATURE_NAMES))


def test_no_prompts_have_no_head_inputs(tmp_path: Path) -> None:
    encoder = PromptEncoder(HashingEncoder(dimensions=16), tmp_path)

    assert encoder.head_inputs([]).shape == (0, 16 + len(FEATURE_NAMES))
