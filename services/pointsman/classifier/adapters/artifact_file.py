"""The learned artefact, which is shipped in the package."""

from importlib import resources

from pointsman.classifier.core.artifact import Artifact, InvalidArtifact, load_artifact

ARTIFACT_PACKAGE = "pointsman.classifier.artifacts"
ARTIFACT_FILE = "classifier.npz"


def read_artifact() -> Artifact:
    """The shipped artefact. Raises InvalidArtifact where it is missing or cannot be used."""
    try:
        content = resources.files(ARTIFACT_PACKAGE).joinpath(ARTIFACT_FILE).read_bytes()
    except OSError as error:
        raise InvalidArtifact(f"{ARTIFACT_FILE}: {error.strerror}") from error
    return load_artifact(content)
