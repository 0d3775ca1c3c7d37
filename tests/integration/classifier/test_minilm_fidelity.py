"""The quantised graph means what the float32 model means."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from safetensors.numpy import load_file

from pointsman.classifier.adapters.encoder_files import EncoderFiles
from pointsman.classifier.adapters.minilm_files import MAX_TOKENS
from pointsman.classifier.adapters.onnx_encoder import OnnxEncoder, load_tokenizer, session_options
from tests.integration.classifier.minilm_reference import reference_embedding

MIN_COSINE = 0.98

TEXTS = {
    "code request": "Write a Python function to sort a list",
    "one word": "Hello!",
    "arithmetic": "What is 17 * 23?",
    "poem": "Compose a poem about the sea in winter and the loneliness of lighthouse keepers.",
    "explanation": "Explain the difference between TCP and UDP, and when each is preferable.",
    "German": "Schreibe eine Geschichte über einen Drachen, der Angst vor dem Fliegen hat.",
    "Chinese": "证明根号二是无理数",
    "Arabic": "اشرح لي كيف تعمل محركات الاحتراق الداخلي",
    "code": "def f(x):\n    return x ** 2\n\nprint(f('a'))  # why a TypeError?",
    "LaTeX": r"Show that $\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}$.",
    "numbers": "3.14159 2.71828 1.41421 1.73205 0.57721 1.61803",
    "long": "Analyse the quarterly revenue by region and say where to invest next year, and why. " * 40,
    "emoji": "👩‍👩‍👧 🎉🎉🎉 !!!",
    "empty but for spaces": "   ",
}

# (text, close to it, far from it)
TRIPLES = [
    ("How do I sort a list in Python?", "python code that orders a list", "What should I cook for dinner?"),
    ("What is the derivative of x^2?", "differentiate x squared", "Tell me a joke about cats"),
    ("Write a poem about autumn", "Compose verses on falling leaves", "My laptop does not start"),
    ("Who won the world cup in 2014?", "Which country was football champion in 2014?", "Refactor this class in Java"),
]


@pytest.fixture(scope="module")
def weights(minilm_files: EncoderFiles) -> Mapping[str, NDArray[np.float32]]:
    return load_file(minilm_files.weights)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_embedding_is_that_of_float32(encoder: OnnxEncoder, weights: Mapping[str, NDArray[np.float32]], text: str) -> None:
    ids = encoder.tokenize(text)
    (embedding,) = encoder.encode([ids])
    assert float(embedding @ reference_embedding(weights, ids)) >= MIN_COSINE


@pytest.fixture(scope="module")
def exact_encoder(graph: Path, minilm_files: EncoderFiles) -> OnnxEncoder:
    """As on a processor without VNNI."""
    session = InferenceSession(str(graph), session_options(1, is_exact=True), providers=["CPUExecutionProvider"])
    return OnnxEncoder(session, load_tokenizer(minilm_files.tokenizer.read_bytes()), minilm_files)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_exact_kernels_give_the_same_meaning(encoder: OnnxEncoder, exact_encoder: OnnxEncoder, text: str) -> None:
    batch = [encoder.tokenize(text)]
    assert float((encoder.encode(batch) * exact_encoder.encode(batch)).sum()) >= MIN_COSINE


@pytest.mark.parametrize(("text", "near", "far"), TRIPLES, ids=[triple[0] for triple in TRIPLES])
def test_similar_texts_are_nearer_than_others(encoder: OnnxEncoder, text: str, near: str, far: str) -> None:
    embedding, close, distant = encoder.encode([encoder.tokenize(part) for part in (text, near, far)])
    assert embedding @ close > embedding @ distant + 0.2


def test_rows_have_unit_length_and_do_not_depend_on_their_neighbours(encoder: OnnxEncoder) -> None:
    batch = [encoder.tokenize(text) for text in TEXTS.values()]
    together = encoder.encode(batch)
    alone = np.concatenate([encoder.encode([ids]) for ids in batch])
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(together, alone)


def test_long_text_keeps_its_start_and_its_end(encoder: OnnxEncoder) -> None:
    ids = encoder.tokenize("start " + "filling " * 2000 + "end")
    assert len(ids) == MAX_TOKENS
    assert ids[:2] == encoder.tokenize("start")[:2]
    assert ids[-2:] == encoder.tokenize("end")[-2:]
