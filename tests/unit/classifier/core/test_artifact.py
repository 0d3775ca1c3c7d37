import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pointsman.classifier.core.artifact import HEADS, InvalidArtifact, dump_artifact, head_of, load_artifact
from tests.fakes.hashing_encoder import HashingEncoder
from tests.fakes.tiny_artifact import tiny_artifact

ARTIFACT = replace(tiny_artifact(HashingEncoder()), report={"labels": 3})
CONTENT = dump_artifact(ARTIFACT)


def repacked(**changes: NDArray[Any] | None) -> bytes:
    with np.load(io.BytesIO(CONTENT)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return buffer.getvalue()


def test_artifact_survives_being_written_and_read() -> None:
    loaded = load_artifact(CONTENT)

    for name in HEADS:
        np.testing.assert_array_equal(head_of(loaded, name).weights, head_of(ARTIFACT, name).weights)
        np.testing.assert_array_equal(head_of(loaded, name).bias, head_of(ARTIFACT, name).bias)
    np.testing.assert_allclose(loaded.examples.embeddings, ARTIFACT.examples.embeddings, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(loaded.examples.embeddings, axis=1), 1.0, atol=1e-6)
    assert (loaded.categories, loaded.fusion, loaded.encoder) == (ARTIFACT.categories, ARTIFACT.fusion, ARTIFACT.encoder)
    assert (loaded.examples.texts, loaded.report) == (ARTIFACT.examples.texts, {"labels": 3})
    assert loaded.dimensions == ARTIFACT.examples.embeddings.shape[1]


def test_equal_artifacts_are_equal_bytes_and_versions() -> None:
    assert dump_artifact(load_artifact(CONTENT)) == CONTENT
    assert load_artifact(CONTENT).version == load_artifact(CONTENT).version


def test_version_changes_with_the_content() -> None:
    other = dump_artifact(replace(ARTIFACT, category_temperature=2.0))

    assert load_artifact(other).version != load_artifact(CONTENT).version


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a zip file", id="other bytes"),
        pytest.param(CONTENT[: len(CONTENT) // 2], id="cut off"),
        pytest.param(repacked(header=None), id="no header"),
        pytest.param(repacked(header=np.frombuffer(b"{}", np.uint8)), id="empty header"),
        pytest.param(repacked(header=np.frombuffer(b'{"format": 99, "features": []}', np.uint8)), id="other format"),
        pytest.param(repacked(difficulty_weights=None), id="a head is missing"),
        pytest.param(repacked(difficulty_weights=np.zeros((2, 1))), id="a head of another shape"),
        pytest.param(repacked(category_bias=np.zeros(2)), id="other categories"),
        pytest.param(repacked(example_embeddings=np.ones((3, 2))), id="other embeddings"),
        pytest.param(repacked(example_embeddings=np.ones((2, 64))), id="embeddings are missing"),
        pytest.param(repacked(difficulty_bias=np.array([np.nan])), id="a weight that is no number"),
    ],
)
def test_file_that_is_no_artifact_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidArtifact):
        load_artifact(content)


def test_file_that_would_run_code_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([print], dtype=object), allow_pickle=True)

    with pytest.raises(InvalidArtifact):
        load_artifact(buffer.getvalue())
