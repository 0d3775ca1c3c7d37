"""What only a GPU can show."""

import numpy as np
import pytest
import torch

from pointsman.classifier.core.ports import Encoder
from tests.torch.test_torch_encoder import encode, texts_of_all_lengths

pytestmark = [pytest.mark.torch, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]

# bf16 has 8 bits: a step is 4e-3 of the value, and layers add theirs.
MIN_COSINE = 0.995


def test_encoder_takes_the_gpu_in_half_precision(torch_encoder: Encoder) -> None:
    assert (torch_encoder.device, torch_encoder.name) == ("cuda", f"torch-bf16:{torch_encoder.model}")


def test_vectors_on_a_gpu_mean_the_same_in_every_batch(torch_encoder: Encoder) -> None:
    texts = texts_of_all_lengths()
    alone = np.concatenate([encode(torch_encoder, [text]) for text in texts])
    assert (encode(torch_encoder, texts) * alone).sum(axis=1).min() >= MIN_COSINE


def test_vectors_on_a_gpu_are_near_those_of_the_cpu(torch_encoder: Encoder, onnx_encoder: Encoder) -> None:
    texts = texts_of_all_lengths()
    assert (encode(torch_encoder, texts) * encode(onnx_encoder, texts)).sum(axis=1).min() >= 0.97


def test_warm_encoder_takes_no_more_memory_for_any_shape(torch_encoder: Encoder) -> None:
    before = torch.cuda.memory_reserved()
    for text in texts_of_all_lengths():
        encode(torch_encoder, [text] * 64)
    assert torch.cuda.memory_reserved() == before
