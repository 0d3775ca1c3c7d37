"""Encoders by torch: what they compute, what they refuse, and how little a batch changes."""

import random
import socket
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.adapters.encoder_files import EncoderFiles
from pointsman.classifier.adapters.encoder_loading import EncoderUnavailable, load_encoder
from pointsman.classifier.adapters.model_folder import UnusableModel, open_model_folder
from pointsman.classifier.adapters.torch_encoder import TorchEncoder, load_torch_encoder
from pointsman.classifier.core.fusion import judge
from pointsman.classifier.core.padding import Shapes
from pointsman.classifier.core.ports import Embeddings, Encoder
from pointsman.rules.rules_file import load_default_rules
from tests.torch.folders import MAX_TOKENS, as_pickle, save_encoder

pytestmark = pytest.mark.torch

# int8 against single precision; 0.992 was the least over 72 varied prompts.
MIN_COSINE = 0.97
# Of a number of a unit vector, in single precision on a CPU: TorchEncoder's docstring has what was measured.
MAX_CHANGE = 1e-6
PROMPTS = (
    "Write a Python function to sort a list",
    "Fix the bug in this SQL query",
    "Write a short story about a lighthouse keeper who befriends a storm",
    "Write a poem about autumn",
    "Solve the equation 3x^2 - 12x + 9 = 0 and show each step",
    "What is the integral of x^2?",
    "What is the capital of France?",
    "Who wrote Don Quixote?",
    "Hello! How are you today?",
    "Compare the advantages and disadvantages of solar and nuclear power",
    "Analyse why the sales of this region fell in the third quarter",
    "Refactor this class to use dependency injection",
)


def nothing(_share: float, _step: str) -> None:
    """Hears of no progress."""


def texts_of_all_lengths() -> list[str]:
    words = ("write", "a", "python", "function", "that", "sorts", "lists", "of", "numbers", "and", "explain", "why", "it", "is", "slow")
    chosen = random.Random(7)
    return [" ".join(chosen.choices(words, k=count)) for count in (1, 3, 8, 13, 13, 15, 20, 29, 29, 45, 62, 63, 63, 126, 127, 180)]


def encode(encoder: Encoder, texts: Sequence[str]) -> Embeddings:
    return encoder.encode([encoder.tokenize(text) for text in texts])


@pytest.mark.parametrize("text", [*PROMPTS, "日本の首都はどこですか", "x " * 2_000], ids=range(14))
def test_minilm_is_the_same_model_on_both_runtimes(torch_encoder: Encoder, onnx_encoder: Encoder, text: str) -> None:
    assert torch_encoder.tokenize(text) == onnx_encoder.tokenize(text)
    assert torch_encoder.model == onnx_encoder.model == read_artifact().encoder
    assert float(encode(torch_encoder, [text])[0] @ encode(onnx_encoder, [text])[0]) >= MIN_COSINE


@pytest.mark.parametrize("text", PROMPTS)
def test_shipped_artifact_finds_the_same_category_on_both_runtimes(torch_encoder: Encoder, onnx_encoder: Encoder, text: str) -> None:
    rules, artifact = load_default_rules(), read_artifact()
    found = [judge(text, rules.match(text), encode(encoder, [text])[0], artifact).category for encoder in (torch_encoder, onnx_encoder)]
    assert found[0] == found[1]


def test_vectors_hardly_depend_on_what_else_is_encoded(torch_encoder: Encoder) -> None:
    if torch_encoder.device != "cpu":
        pytest.skip("the bound is that of a CPU")
    texts, shuffled = texts_of_all_lengths(), random.Random(3)
    alone = np.concatenate([encode(torch_encoder, [text]) for text in texts])
    for _ in range(3):
        order = shuffled.sample(range(len(texts)), len(texts))
        assert np.abs(encode(torch_encoder, [texts[index] for index in order]) - alone[order]).max() <= MAX_CHANGE
    assert np.linalg.norm(alone, axis=1) == pytest.approx(1, abs=1e-5)


def test_vectors_hardly_depend_on_their_padding(minilm: EncoderFiles) -> None:
    encoder = load_torch_encoder(open_model_folder(minilm.weights.parent), thread_count=1)
    if encoder.device != "cpu":
        pytest.skip("the bound is that of a CPU")
    texts = texts_of_all_lengths()
    alone = np.concatenate([encode(encoder, [text]) for text in texts])
    assert np.abs(encode(padded_to_one_shape(encoder), texts) - alone).max() <= MAX_CHANGE


def padded_to_one_shape(encoder: TorchEncoder) -> Encoder:
    """The same encoder as on a GPU: whatever comes is padded to the longest, in rows too."""
    encoder._model._shapes = Shapes((32,), (256,), max_cells=8_192, mixes_lengths=True)
    return encoder


def test_empty_batch_is_none(torch_encoder: Encoder) -> None:
    assert torch_encoder.encode([]).shape == (0, 384)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
async def test_any_folder_of_sentence_transformers_works(tmp_path: Path, kind: str) -> None:
    folder = save_encoder(tmp_path / "own-model", kind=kind)
    encoder = await load_encoder(tmp_path, thread_count=1, on_progress=nothing, runtime="torch", model=folder)
    assert encoder.model.startswith("own-model-")
    assert encoder.name == f"torch-f32:{encoder.model}" or encoder.device == "cuda"
    assert len(encoder.tokenize("hello " * 500)) == MAX_TOKENS - 2
    vectors = encode(encoder, ["write a poem", "hello", "hello " * 500])
    assert vectors.shape == (3, 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)


async def test_model_is_named_for_all_that_is_in_its_folder(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "own-model")
    before = open_model_folder(folder).model
    (folder / "README.md").write_text("changed")
    assert open_model_folder(folder).model == before
    (folder / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "cls"}')
    assert open_model_folder(folder).model != before


def test_default_model_is_known_wherever_it_lies(minilm: EncoderFiles) -> None:
    assert open_model_folder(minilm.weights.parent).model == minilm.model


async def test_graph_of_another_bert_computes_what_torch_does(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "own-model")
    by_onnx = await load_encoder(tmp_path, thread_count=1, on_progress=nothing, model=folder)
    by_torch = await load_encoder(tmp_path, thread_count=1, on_progress=nothing, runtime="torch", model=folder)
    assert (by_onnx.model, by_onnx.name) == (by_torch.model, f"onnx-int8:{by_torch.model}")
    texts = ["write a poem about the sea", "hello", "sort the list " * 40]
    assert [by_onnx.tokenize(text) for text in texts] == [by_torch.tokenize(text) for text in texts]
    assert (encode(by_onnx, texts) * encode(by_torch, texts)).sum(axis=1).min() >= MIN_COSINE


@pytest.mark.parametrize(("kind", "pooling"), [("xlm-roberta", "mean"), ("bert", "cls")])
async def test_model_that_the_graph_cannot_compute_asks_for_torch(tmp_path: Path, kind: str, pooling: str) -> None:
    folder = save_encoder(tmp_path / "own-model", kind=kind, pooling=pooling)
    with pytest.raises(EncoderUnavailable, match=r"own-model: .*: POINTSMAN_ENCODER=torch can use it"):
        await load_encoder(tmp_path, thread_count=1, on_progress=nothing, model=folder)


async def test_pickle_is_refused_before_it_is_touched(tmp_path: Path) -> None:
    folder = as_pickle(save_encoder(tmp_path / "own-model"))
    with pytest.raises(EncoderUnavailable, match=r"pytorch_model\.bin: a pickle, which may run code"):
        await load_encoder(tmp_path, thread_count=1, on_progress=nothing, runtime="torch", model=folder)


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "own-model")
    (folder / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(UnusableModel, match="own-model"):
        load_torch_encoder(open_model_folder(folder), thread_count=1)


def test_nothing_is_looked_up_on_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_model_folder(save_encoder(tmp_path / "own-model"))
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address))
    load_torch_encoder(folder, thread_count=1)
    assert asked == []
