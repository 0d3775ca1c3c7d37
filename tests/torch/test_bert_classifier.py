"""Fine-tuned classifiers from local folders."""

from pathlib import Path

import numpy as np
import pytest
from transformers import BertConfig, BertModel

from pointsman.classifier.adapters.encoder_loading import EncoderUnavailable, load_sequence_classifier
from tests.torch.folders import BERT, MAX_TOKENS, always, as_pickle, save_classifier, save_tokenizer

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("kind", ["distilbert", "bert"])
async def test_texts_are_sorted_by_label(tmp_path: Path, kind: str) -> None:
    folder = save_classifier(tmp_path / "router", ["weak", "strong"], kind=kind)
    classifier = await load_sequence_classifier(folder, thread_count=1)
    assert classifier.labels == ("weak", "strong")
    assert classifier.model.startswith("router-")
    tokens = [classifier.tokenize(text) for text in ("hello", "prove that the list is prime " * 50, "write a poem")]
    assert max(map(len, tokens)) == MAX_TOKENS
    rows = classifier.encode(tokens)
    assert rows.shape == (3, 2)
    assert rows.sum(axis=1) == pytest.approx(1, abs=1e-5)
    alone = np.concatenate([classifier.encode([one]) for one in tokens])
    assert np.abs(rows - alone).max() <= (1e-6 if classifier.device == "cpu" else 0.02)


async def test_head_decides(tmp_path: Path) -> None:
    folder = always(save_classifier(tmp_path / "router", ["weak", "strong"]), 1)
    classifier = await load_sequence_classifier(folder, thread_count=1)
    assert classifier.encode([classifier.tokenize("hello")])[0, 1] == pytest.approx(0.982, abs=0.01)


async def test_model_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    BertModel(BertConfig(**BERT)).save_pretrained(tmp_path / "router")
    save_tokenizer(tmp_path / "router")
    with pytest.raises(EncoderUnavailable, match=r"its weights lack classifier\.bias, classifier\.weight"):
        await load_sequence_classifier(tmp_path / "router", thread_count=1)


async def test_pickle_is_refused_before_it_is_touched(tmp_path: Path) -> None:
    folder = as_pickle(save_classifier(tmp_path / "router", ["weak", "strong"]))
    with pytest.raises(EncoderUnavailable, match=r"pytorch_model\.bin: a pickle"):
        await load_sequence_classifier(folder, thread_count=1)


async def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="not a folder with a model"):
        await load_sequence_classifier(tmp_path / "nowhere", thread_count=1)
