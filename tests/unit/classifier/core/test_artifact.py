import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import (
    FORMAT,
    NETWORK_ARRAYS,
    READERS,
    InvalidArtifact,
    dump_artifact,
    load_artifact,
    require_model,
)
from pointsman.classifier.core.ngrams import BUCKETS
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact

ARTIFACT = replace(tiny_artifact(HashingEncoder(64)), report={"labels": 3})
CONTENT = dump_artifact(ARTIFACT)


def repacked(**changes: NDArray[Any] | None) -> bytes:
    with np.load(io.BytesIO(CONTENT)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return buffer.getvalue()


def header_of(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content)) as archive:
        header: dict[str, Any] = json.loads(archive["header"].tobytes())
    return header


def with_header(**changes: object) -> bytes:
    return repacked(header=np.frombuffer(json.dumps(header_of(CONTENT) | changes).encode(), np.uint8))


def without(field: str) -> bytes:
    header = {name: value for name, value in header_of(CONTENT).items() if name != field}
    return repacked(header=np.frombuffer(json.dumps(header).encode(), np.uint8))


def test_artifact_survives_being_written_and_read() -> None:
    loaded = load_artifact(CONTENT)

    for name in READERS:
        found, expected = getattr(loaded, name), getattr(ARTIFACT, name)
        assert found.temperature == expected.temperature
        for part in ("dense", "ngrams", "bias"):
            np.testing.assert_allclose(getattr(found.head, part), getattr(expected.head, part), rtol=1e-3)
    for name in NETWORK_ARRAYS:
        np.testing.assert_allclose(getattr(loaded.success, name), getattr(ARTIFACT.success, name), rtol=1e-3)
    np.testing.assert_array_equal(loaded.scaling.factor, ARTIFACT.scaling.factor)
    np.testing.assert_allclose(loaded.examples.embeddings, ARTIFACT.examples.embeddings, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(loaded.examples.embeddings, axis=1), 1.0, atol=1e-6)
    assert (loaded.categories, loaded.fusion, loaded.encoder) == (ARTIFACT.categories, ARTIFACT.fusion, ARTIFACT.encoder)
    assert (loaded.success.skills, loaded.models) == (ARTIFACT.success.skills, ARTIFACT.models)
    assert loaded.abilities.shape == ARTIFACT.abilities.shape
    assert (loaded.examples.texts, loaded.examples.categories) == (ARTIFACT.examples.texts, ARTIFACT.examples.categories)
    assert loaded.report == {"labels": 3}
    assert loaded.dimensions == 64


def test_what_is_read_is_in_single_precision() -> None:
    loaded = load_artifact(CONTENT)

    assert {loaded.hybrid.head.dense.dtype, loaded.success.outputs.dtype, loaded.abilities.dtype, loaded.examples.embeddings.dtype} == {
        np.dtype(np.float32)
    }


def test_artifact_without_graded_models_is_one() -> None:
    alone = replace(ARTIFACT, models=(), abilities=np.zeros((0, len(ARTIFACT.success.skills)), np.float32))

    assert load_artifact(dump_artifact(alone)).models == ()


def test_equal_artifacts_are_equal_bytes_and_versions() -> None:
    assert dump_artifact(load_artifact(CONTENT)) == CONTENT
    assert load_artifact(CONTENT).version == load_artifact(CONTENT).version


def test_version_changes_with_the_content() -> None:
    other = dump_artifact(replace(ARTIFACT, hybrid=replace(ARTIFACT.hybrid, temperature=2.0)))

    assert load_artifact(other).version != load_artifact(CONTENT).version


def test_artifact_of_another_encoder_is_refused_by_name() -> None:
    require_model(ARTIFACT, ARTIFACT.encoder)
    with pytest.raises(InvalidArtifact, match=r"hashing.*minilm"):
        require_model(ARTIFACT, "minilm")


DEEP = np.frombuffer(b"[" * 200_000, np.uint8)
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "other bytes": b"not a zip file",
    "cut off": CONTENT[: len(CONTENT) // 2],
    "no header": repacked(header=None),
    "header without JSON": repacked(header=np.frombuffer(b"{", np.uint8)),
    "deep header": repacked(header=DEEP),
    "empty header": repacked(header=np.frombuffer(b"{}", np.uint8)),
    "a list for a header": repacked(header=np.frombuffer(b"[]", np.uint8)),
    "format before this": with_header(format=FORMAT - 1),
    "format after this": with_header(format=FORMAT + 1),
    "other features": with_header(features=["length"]),
    "no categories": without("categories"),
    "other categories": with_header(categories=["coding", "math"]),
    "categories that are none": with_header(categories=7),
    "no temperatures": without("temperatures"),
    "a temperature is missing": with_header(temperatures={"hybrid": 1.0}),
    "temperature 0": with_header(temperatures=dict.fromkeys(READERS, 0.0)),
    "temperature below 0": with_header(temperatures=dict.fromkeys(READERS, -1.0)),
    "a temperature that is no number": with_header(temperatures=dict.fromkeys(READERS, float("nan"))),
    "no skills": without("skills"),
    "other skills": with_header(skills=["coding"]),
    "other models": with_header(models=["one"]),
    "no fusion": without("fusion"),
    "fusion of a former format": with_header(fusion={"rules_sure": 0.7}),
    "a setting is missing": with_header(fusion={"added_similarity": 0.5}),
    "a setting out of range": with_header(fusion={"added_similarity": 0.5, "unsure_below": 45}),
    "a setting that is no number": with_header(fusion={"added_similarity": 0.5, "unsure_below": float("nan")}),
    "texts are missing": with_header(example_texts=["one"]),
    "no report": without("report"),
    "a reader is missing": repacked(hybrid_dense=None),
    "a reader of another shape": repacked(features_dense=np.zeros((2, 9))),
    "a reader without its rules": repacked(hybrid_dense=np.zeros((len(ARTIFACT.similarity.head.dense), 9))),
    "a reader of flat weights": repacked(similarity_dense=np.zeros(9)),
    "a reader of other outputs": repacked(similarity_bias=np.zeros(2)),
    "n-grams are missing": repacked(similarity_ngrams=None),
    "too few n-grams": repacked(similarity_ngrams=np.zeros((BUCKETS - 1, 9))),
    "a weight that is no number": repacked(features_bias=np.full(9, np.nan)),
    "a weight of text": repacked(features_bias=np.array(["one"] * 9)),
    "scaling is missing": repacked(scaling_shift=None),
    "scaling of other features": repacked(scaling_shift=np.zeros(3), scaling_factor=np.ones(3)),
    "scaling without end": repacked(scaling_factor=np.full(len(ARTIFACT.scaling.factor), np.inf)),
    "the network is missing": repacked(success_outputs=None),
    "a network of other inputs": repacked(success_hidden=np.zeros((2, 1))),
    "a network of another bias": repacked(success_output_bias=np.zeros(1)),
    "a network that is no number": repacked(success_hidden_bias=np.array([np.nan])),
    "abilities are missing": repacked(abilities=None),
    "abilities of others": repacked(abilities=np.zeros((1, 1))),
    "an ability that is no number": repacked(abilities=np.full(ARTIFACT.abilities.shape, np.nan)),
    "other embeddings": repacked(example_embeddings=np.ones((3, 2))),
    "embeddings are missing": repacked(example_embeddings=np.ones((2, 64))),
    "embeddings of no length": repacked(example_embeddings=np.zeros((3, 64))),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_file_that_is_no_artifact_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidArtifact):
        load_artifact(content)


@given(st.binary(min_size=1, max_size=8), st.integers(0, len(CONTENT) - 1))
def test_damaged_file_is_an_artifact_or_refused(damage: bytes, at: int) -> None:
    try:
        loaded = load_artifact(CONTENT[:at] + damage + CONTENT[at + len(damage) :])
    except InvalidArtifact:
        return
    assert loaded.categories == ARTIFACT.categories


def test_file_that_would_run_code_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([print], dtype=object), allow_pickle=True)

    with pytest.raises(InvalidArtifact):
        load_artifact(buffer.getvalue())
