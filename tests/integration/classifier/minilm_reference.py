"""all-MiniLM-L6-v2 in float32 and plain numpy, written from the paper: what the quantised graph is held to."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float32]

LAYERS = 6
HEADS = 12


def reference_embedding(weights: Mapping[str, Floats], ids: Sequence[int]) -> Floats:
    """Unit vector (384,) of one text (Devlin et al. 2019; mean pooling: Reimers and Gurevych 2019)."""
    embeddings = "embeddings"
    hidden = weights[f"{embeddings}.word_embeddings.weight"][list(ids)]
    hidden = hidden + weights[f"{embeddings}.position_embeddings.weight"][: len(ids)]
    hidden = hidden + weights[f"{embeddings}.token_type_embeddings.weight"][0]
    hidden = norm(weights, f"{embeddings}.LayerNorm", hidden)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        attended = dense(weights, f"{name}.attention.output.dense", attention(weights, f"{name}.attention.self", hidden))
        hidden = norm(weights, f"{name}.attention.output.LayerNorm", hidden + attended)
        wide = dense(weights, f"{name}.intermediate.dense", hidden)
        gelu = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        hidden = norm(weights, f"{name}.output.LayerNorm", hidden + dense(weights, f"{name}.output.dense", gelu))
    mean = hidden.mean(axis=0)
    unit: Floats = mean / np.linalg.norm(mean)
    return unit


def attention(weights: Mapping[str, Floats], name: str, hidden: Floats) -> Floats:
    query, key, value = (by_head(dense(weights, f"{name}.{part}", hidden)) for part in ("query", "key", "value"))
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = shares / shares.sum(axis=-1, keepdims=True)
    attended: Floats = (shares @ value).transpose(1, 0, 2).reshape(hidden.shape)
    return attended


def by_head(matrix: Floats) -> Floats:
    return matrix.reshape(matrix.shape[0], HEADS, -1).transpose(1, 0, 2)


def dense(weights: Mapping[str, Floats], name: str, hidden: Floats) -> Floats:
    product: Floats = hidden @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return product


def norm(weights: Mapping[str, Floats], name: str, hidden: Floats) -> Floats:
    centred = hidden - hidden.mean(axis=-1, keepdims=True)
    scaled: Floats = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
