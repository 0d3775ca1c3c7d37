"""The learned artefact: weights, calibration and known prompts, in one file that holds numbers and text only."""

import hashlib
import io
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.classifier.core.features import FEATURE_NAMES
from pointsman.classifier.core.heads import FeatureScaling, Reader, TextHead, require_finite
from pointsman.classifier.core.similarity import ExampleSet
from pointsman.classifier.core.success import SuccessNetwork

FORMAT = 2
VERSION_LENGTH = 12
READERS = ("hybrid", "similarity", "features")
# Complexity and creativity, after the categories.
OTHER_OUTPUTS = 2
NETWORK_ARRAYS = ("hidden", "hidden_bias", "outputs", "output_bias", "skill_difficulty")
# What numpy, zipfile and json raise of a file that is damaged, and what its parts raise that do not agree.
UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    NotImplementedError,
    MemoryError,
    SyntaxError,
    OSError,
    EOFError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class InvalidArtifact(Exception):
    """The file is not an artefact that this version can use."""


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """When to believe what. The evaluation behind them is in the artefact's report."""

    added_similarity: float  # least cosine at which an added category may win
    unsure_below: float  # probability of the category below which nobody should save money on the judgement


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """What was learned.

    Inputs of the readers and of the network: embedding (d,), then lexical features of FEATURE_NAMES, scaled; the hybrid
    reader has the rules' evidence after these, the features reader no embedding. All read the text's n-grams beside.
    """

    version: str  # hash of everything else
    encoder: str  # the model that made the embeddings it was trained on; on what runtime does not matter
    categories: tuple[str, ...]
    scaling: FeatureScaling
    hybrid: Reader
    similarity: Reader
    features: Reader
    success: SuccessNetwork
    models: tuple[str, ...]  # whose graded answers it was trained on; no service ranks by them
    abilities: NDArray[np.float32]  # (models, skills) theta
    fusion: FusionSettings
    examples: ExampleSet
    report: Mapping[str, Any]  # how it was trained and how well it does; for people

    @property
    def dimensions(self) -> int:
        """Length of the embeddings that it reads."""
        return int(self.similarity.head.dense.shape[0]) - len(FEATURE_NAMES)


def require_model(artifact: Artifact, model: str) -> None:
    """Raise InvalidArtifact where the artefact was trained on another encoder's vectors."""
    if artifact.encoder != model:
        problem = f"the artefact was trained on {artifact.encoder}, not on {model}"
        raise InvalidArtifact(f"{problem}; `pointsman train --out FILE` makes one, POINTSMAN_ARTIFACT names it")


def dump_artifact(artifact: Artifact) -> bytes:
    """The artefact as an npz file, weights in half precision; equal artefacts give equal bytes. Its version is written anew."""
    arrays: dict[str, NDArray[Any]] = {"scaling_shift": artifact.scaling.shift, "scaling_factor": artifact.scaling.factor}
    for name in READERS:
        head = getattr(artifact, name).head
        arrays |= {f"{name}_dense": half(head.dense), f"{name}_ngrams": half(head.ngrams), f"{name}_bias": head.bias}
    arrays |= {f"success_{name}": half(getattr(artifact.success, name)) for name in NETWORK_ARRAYS}
    arrays |= {"abilities": half(artifact.abilities), "example_embeddings": half(artifact.examples.embeddings)}
    header = {
        "format": FORMAT,
        "encoder": artifact.encoder,
        "categories": artifact.categories,
        "features": FEATURE_NAMES,
        "temperatures": {name: getattr(artifact, name).temperature for name in READERS},
        "skills": artifact.success.skills,
        "models": artifact.models,
        "fusion": {field.name: getattr(artifact.fusion, field.name) for field in fields(FusionSettings)},
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
    except UNREADABLE as error:
        raise InvalidArtifact(f"the artefact cannot be read: {error}") from error


def artifact_of(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], version: str) -> Artifact:
    """The artefact of a file's parts. Raises KeyError, TypeError or ValueError where they do not agree."""
    readers = {name: reader_of(name, header, arrays) for name in READERS}
    artifact = Artifact(
        version=version,
        encoder=str(header["encoder"]),
        categories=tuple(str(category) for category in header["categories"]),
        scaling=FeatureScaling(float32(arrays["scaling_shift"]), float32(arrays["scaling_factor"])),
        hybrid=readers["hybrid"],
        similarity=readers["similarity"],
        features=readers["features"],
        success=SuccessNetwork(
            tuple(str(skill) for skill in header["skills"]),
            **{name: float32(arrays[f"success_{name}"]) for name in NETWORK_ARRAYS},
        ),
        models=tuple(str(model) for model in header["models"]),
        abilities=float32(arrays["abilities"]),
        fusion=FusionSettings(**{name: float(value) for name, value in header["fusion"].items()}),
        examples=ExampleSet(tuple(header["example_texts"]), tuple(header["example_categories"]), normalised(arrays["example_embeddings"])),
        report=header["report"],
    )
    require_agreement(artifact)
    return artifact


def reader_of(name: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Reader:
    """A reader by its name in the file."""
    head = TextHead(*(float32(arrays[f"{name}_{part}"]) for part in ("dense", "ngrams", "bias")))
    return Reader(head, float(header["temperatures"][name]))


def require_agreement(artifact: Artifact) -> None:
    """Raise ValueError where the parts' shapes do not agree."""
    sizes = {
        "features": len(FEATURE_NAMES),
        "similarity": artifact.dimensions + len(FEATURE_NAMES),
        "hybrid": artifact.dimensions + len(FEATURE_NAMES) + len(artifact.categories) + 1,
    }
    for name, size in sizes.items():
        head = getattr(artifact, name).head
        if head.dense.shape != (size, len(artifact.categories) + OTHER_OUTPUTS):
            raise ValueError(f"the {name} reader's shape does not agree with the others")
    if len(artifact.scaling.shift) != len(FEATURE_NAMES):
        raise ValueError("the scaling is of other features")
    if artifact.success.hidden.shape[0] != sizes["similarity"] or artifact.examples.embeddings.shape[1] != artifact.dimensions:
        raise ValueError("the network's or the examples' embeddings do not fit the readers")
    if artifact.abilities.shape != (len(artifact.models), len(artifact.success.skills)):
        raise ValueError("the abilities' shape does not agree with models and skills")
    require_finite("abilities and examples", artifact.abilities, artifact.examples.embeddings)
    if not all(0.0 <= getattr(artifact.fusion, field.name) <= 1.0 for field in fields(FusionSettings)):
        raise ValueError("fusion's settings are from 0 to 1")


def half(array: NDArray[Any]) -> NDArray[np.float16]:
    """In half precision, which changes no probability by more than a thousandth."""
    return np.asarray(array, np.float16)


def float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """An array of numbers in single precision, in memory order."""
    return np.ascontiguousarray(array, np.float32)


def normalised(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Unit rows again, after half precision."""
    vectors = rows.astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
