import pytest

from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import ProblemList
from pointsman.registry.core.shapes import Shape, shape_of


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        pytest.param("schema_version: 1\nmodels: []", Shape.CATALOG, id="the-catalogues-own"),
        pytest.param("schema_version: 1\nmodels: {}", Shape.CATALOG, id="a-version-decides"),
        pytest.param("models: []\npolicies: {}", Shape.CATALOG, id="own-sections-without-version"),
        pytest.param("models: []\nrouting_rules: []", Shape.CATALOG, id="a-list-with-rules"),
        pytest.param("providers: {}", Shape.CATALOG, id="no-models"),
        pytest.param("just text", Shape.CATALOG, id="text"),
        pytest.param("models: null", Shape.CATALOG, id="models-without-value"),
        pytest.param("models: {a: {provider: openai}}", Shape.PLATFORM, id="mapping-by-id"),
        pytest.param('{"models": {"a": {}}, "routing_rules": {}}', Shape.PLATFORM, id="platform-as-json"),
        pytest.param("[]", Shape.MODEL_LIST, id="list"),
        pytest.param('{"models": []}', Shape.MODEL_LIST, id="list-under-models"),
        pytest.param('{"models": [], "updated_at": "now", "providers": {}}', Shape.MODEL_LIST, id="list-beside-other-things"),
    ],
)
def test_a_document_is_recognised_by_what_it_holds(text: str, shape: Shape) -> None:
    document = parse_yaml(TextFile("any.name", text), ProblemList())
    assert document is not None
    assert shape_of(document) is shape
