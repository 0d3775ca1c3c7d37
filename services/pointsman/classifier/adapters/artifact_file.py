"""The learned artefact: the one that is shipped in the package, or another that was trained."""

from importlib import resources
from pathlib import Path

from pointsman.classifier.core.artifact import Artifact, InvalidArtifact, load_artifact

ARTIFACT_PACKAGE = "pointsman.classifier.artifacts"
ARTIFACT_FILE = "classifier.npz"


def read_artifact(path: Path | None = None) -> Artifact:
    """The artefact of a file; None: the shipped one. Raises InvalidArtifact where it is missing or cannot be used."""
    source = resources.files(ARTIFACT_PACKAGE).joinpath(ARTIFACT_FILE) if path is None else path
    try:
        content = source.read_bytes()
    except OSError as error:
        raise InvalidArtifact(f"{ARTIFACT_FILE if path is None else path}: {error.strerror}") from error
    return load_artifact(content)
