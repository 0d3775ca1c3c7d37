"""Azure's addresses."""

from pointsman.executor.core.catalog import Model, Provider, ProviderKind
from pointsman.executor.core.completion import ChatRequest
from pointsman.executor.core.providers.azure_openai import to_request


def test_deployment_and_version_are_in_the_path_and_the_key_in_its_own_header() -> None:
    provider = Provider("azure", ProviderKind.AZURE_OPENAI, api_version="2025-01-01-preview")
    wire = to_request(ChatRequest({}), Model("m", "azure", "my/deployment"), provider, False)
    assert wire.path == "/openai/deployments/my%2Fdeployment/chat/completions?api-version=2025-01-01-preview"
    assert (wire.key_header, wire.key_prefix) == ("api-key", "")
