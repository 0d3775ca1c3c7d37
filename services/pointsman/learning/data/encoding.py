"""Head inputs of many prompts, kept on disk: encoding is what takes time."""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.adapters.encoder_loading import load_encoder
from pointsman.classifier.core.features import FEATURE_NAMES, lexical_features
from pointsman.classifier.core.ports import Encoder
from pointsman.rules.text_window import text_window

Matrix = NDArray[np.float32]

PROGRESS_EVERY = 250


class PromptEncoder:
    """Encodes prompts once: the embeddings of a list are found again by their texts and the encoder's name."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        """folder: where embeddings are kept."""
        self._encoder = encoder
        self._folder = folder

    @property
    def name(self) -> str:
        """The encoder's."""
        return self._encoder.name

    @property
    def model(self) -> str:
        """Its weights, as artefacts name them."""
        return self._encoder.model

    def embeddings(self, texts: Sequence[str]) -> Matrix:
        """float32 (n, d), rows L2-normalised, of the texts' windows."""
        key = hashlib.sha256("\0".join((self._encoder.name, *texts)).encode("utf-8", "replace")).hexdigest()[:24]
        path = self._folder / f"embeddings-{key}.npy"
        if path.exists():
            return np.asarray(np.load(path, allow_pickle=False), np.float32)
        starts = range(0, max(1, len(texts)), PROGRESS_EVERY)
        rows = np.concatenate([self._chunk(texts, start) for start in starts])
        self._folder.mkdir(parents=True, exist_ok=True)
        np.save(path, rows, allow_pickle=False)
        return rows

    def embed(self, text: str) -> Matrix:
        """float32 (d,), of one text's window; not kept."""
        return np.asarray(self._encoder.encode([self._encoder.tokenize(text_window(text))])[0])

    def _chunk(self, texts: Sequence[str], start: int) -> Matrix:
        if len(texts) > PROGRESS_EVERY:
            print(f"encode {start} of {len(texts)}", file=sys.stderr)
        chunk = texts[start : start + PROGRESS_EVERY]
        return self._encoder.encode([self._encoder.tokenize(text_window(text)) for text in chunk])

    def head_inputs(self, texts: Sequence[str]) -> Matrix:
        """float32 (n, d + f): embeddings, then lexical features."""
        embeddings = self.embeddings(texts)
        features = np.array([lexical_features(text_window(text)) for text in texts], np.float32)
        return np.concatenate((embeddings, features.reshape(len(texts), len(FEATURE_NAMES))), axis=1)


async def load_prompt_encoder(graph_folder: Path, cache_folder: Path, *, runtime: str = "onnx", model: Path | None = None) -> PromptEncoder:
    """The classifier's own encoder on this machine, as its settings name it. Raises EncoderUnavailable."""
    encoder = await load_encoder(
        graph_folder, thread_count=os.cpu_count() or 1, on_progress=lambda _share, _step: None, runtime=runtime, model=model
    )
    return PromptEncoder(encoder, cache_folder)
