import pytest

from pointsman.classifier.core.artifact import Artifact
from pointsman.learning.data.encoding import PromptEncoder
from pointsman.learning.data.training_data import TrainingData
from tests.fakes.tiny_training import OWN, tiny_data, tiny_encoder, train_quickly


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> PromptEncoder:
    return tiny_encoder(tmp_path_factory.mktemp("embeddings"))


@pytest.fixture(scope="session")
def data(encoder: PromptEncoder) -> TrainingData:
    return tiny_data(encoder)


@pytest.fixture(scope="session")
def artifact(data: TrainingData) -> Artifact:
    """Trained on all of the data."""
    return train_quickly(data, {})


@pytest.fixture(scope="session")
def own_artifact(encoder: PromptEncoder) -> Artifact:
    """Trained without a folder's labels."""
    return train_quickly(tiny_data(encoder, OWN), {"seen": []})
