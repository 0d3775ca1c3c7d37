"""The learned artefact: weights, calibration and known prompts, in one file that holds numbers and text only."""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.heads import LinearHead
from pointsman.classifier.core.similarity import ExampleSet

FORMAT = 1
VERSION_LENGTH = 12
HEADS = ("category", "difficulty", "discrimination", "creativity")

# What artefacts say that were trained when there was one encoder, named for its runtime.
FORMER_ENCODERS: Mapping[str, str] = {"onnx-int8": "all-MiniLM-L6-v2"}


class InvalidArtifact(Exception):
    """The file is not an artefact that this version can use."""


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """When to believe whom. Fitted, with the evaluation that set them in the artefact's report."""

    rules_sure: float  # probability above which the rules alone decide
    model_sure: float  # probability above which the model alone decides
    rules_weight: float  # exponent of the rules' probabilities in a mixture
    model_weight: float  # exponent of the model's
    added_similarity: float  # least cosine at which an added category may win


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """What was learned. Every head reads the embedding (d,), then the features of FEATURE_NAMES."""

    version: str  # hash of everything else
    encoder: str  # the model that made the embeddings it was trained on; on what runtime does not matter
    categories: tuple[str, ...]
    category_head: LinearHead  # logits by category
    category_temperature: float
    difficulty_head: LinearHead  # b
    discrimination_head: LinearHead  # ln a
    creativity_head: LinearHead  # logit of creativity
    fusion: FusionSettings
    examples: ExampleSet
    report: Mapping[str, Any]  # how it was trained and how well it does; for people

    @property
    def dimensions(self) -> int:
        """Length of the embeddings that it reads."""
        return int(self.category_head.weights.shape[0]) - len(FEATURE_NAMES)


def require_model(artifact: Artifact, model: str) -> None:
    """Raise InvalidArtifact where the artefact was trained on another encoder's vectors."""
    if artifact.encoder != model:
        problem = f"the artefact was trained on {artifact.encoder}, not on {model}"
        raise InvalidArtifact(f"{problem}; `pointsman train --out FILE` makes one, POINTSMAN_ARTIFACT names it")


def dump_artifact(artifact: Artifact) -> bytes:
    """The artefact as an npz file; equal artefacts give equal bytes. Its version is written anew."""
    arrays = {f"{name}_weights": head_of(artifact, name).weights for name in HEADS}
    arrays |= {f"{name}_bias": head_of(artifact, name).bias for name in HEADS}
    arrays["example_embeddings"] = artifact.examples.embeddings.astype(np.float16)
    header = {
        "format": FORMAT,
        "encoder": artifact.encoder,
        "categories": artifact.categories,
        "features": FEATURE_NAMES,
        "category_temperature": artifact.category_temperature,
        "fusion": {name: getattr(artifact.fusion, name) for name in FusionSettings.__slots__},
        "example_texts": artifact.examples.texts,
        "example_categories": artifact.examples.categories,
        "report": artifact.report,
    }
    arrays["header"] = np.frombuffer(json.dumps(header, ensure_ascii=False, sort_keys=True).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def load_artifact(content: bytes) -> Artifact:
    """Read an npz file; nothing in it is run. Raises InvalidArtifact."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != FORMAT or tuple(header["features"]) != FEATURE_NAMES:
            raise InvalidArtifact("the artefact was made for another version of the classifier")
        return artifact_of(header, arrays, hashlib.sha256(content).hexdigest()[:VERSION_LENGTH])
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OSError,
        EOFError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InvalidArtifact(f"the artefact cannot be read: {error}") from error


def artifact_of(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], version: str) -> Artifact:
    """The artefact of a file's parts. Raises KeyError, TypeError or ValueError where they do not agree."""
    heads = {name: LinearHead(float32(arrays[f"{name}_weights"]), float32(arrays[f"{name}_bias"])) for name in HEADS}
    categories = tuple(str(category) for category in header["categories"])
    examples = ExampleSet(tuple(header["example_texts"]), tuple(header["example_categories"]), normalised(arrays["example_embeddings"]))
    if len(heads["category"].bias) != len(categories) or len({head.weights.shape[0] for head in heads.values()}) != 1:
        raise ValueError("the heads' shapes do not agree")
    if examples.embeddings.shape[1] + len(FEATURE_NAMES) != heads["category"].weights.shape[0]:
        raise ValueError("the examples' embeddings do not fit the heads")
    return Artifact(
        version=version,
        encoder=FORMER_ENCODERS.get(str(header["encoder"]), str(header["encoder"])),
        categories=categories,
        category_head=heads["category"],
        category_temperature=float(header["category_temperature"]),
        difficulty_head=heads["difficulty"],
        discrimination_head=heads["discrimination"],
        creativity_head=heads["creativity"],
        fusion=FusionSettings(**{name: float(value) for name, value in header["fusion"].items()}),
        examples=examples,
        report=header["report"],
    )


def head_of(artifact: Artifact, name: str) -> LinearHead:
    """A head by its name in the file."""
    heads = (artifact.category_head, artifact.difficulty_head, artifact.discrimination_head, artifact.creativity_head)
    return dict(zip(HEADS, heads, strict=True))[name]


def float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """An array of numbers in single precision, in memory order."""
    return np.ascontiguousarray(array, np.float32)


def normalised(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Unit rows again, after half precision."""
    vectors = rows.astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
