from typing import Any

import pytest

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.json_body import JsonObject
from pointsman.registry.core.changes import PutEntry
from pointsman.registry.core.problems import CatalogInvalid
from pointsman.registry.rest.update_body import adopt_in, changes_in


def model(**fields: object) -> dict[str, Any]:
    return {"id": "a", "provider": "openai", **fields}


def problems_of(*models: object) -> list[str]:
    with pytest.raises(CatalogInvalid) as refusal:
        changes_in({"models": list(models)})  # type: ignore[arg-type]  # what a caller may send
    return refusal.value.lines()


def test_each_model_is_a_change() -> None:
    changes = changes_in({"models": [model(display_name="A", status="active"), model(id="b/c")]})
    assert [(change.id, change.entry) for change in changes if isinstance(change, PutEntry)] == [
        ("a", {"id": "a", "provider": "openai", "display_name": "A", "status": "active", "upstream": "a"}),
        ("b/c", {"id": "b/c", "provider": "openai", "display_name": "b/c", "status": "active", "upstream": "b/c"}),
    ]


def test_scores_of_one_update_have_one_scale() -> None:
    changes = changes_in({"models": [model(quality_score=1), model(id="b", quality_score=95)]})
    scores = [change.entry["quality_score"] for change in changes if isinstance(change, PutEntry) and isinstance(change.entry, dict)]
    assert scores == [0.01, 0.95]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({"extra": 1}, "models[0].extra: is no field of this place", id="unknown-field"),
        pytest.param({"id": "x" * 300}, "models[0].id: must have 1 to 128 characters", id="long-id"),
        pytest.param({"id": "a\nb"}, "models[0].id: must not hold control characters", id="control-character"),
        pytest.param({"context_window_tokens": 0}, "models[0].context_window_tokens: must be 1 or more", id="no-window"),
        pytest.param({"quality_score": -1}, "models[0].quality_score: must be 0 or more", id="negative-score"),
        pytest.param(
            {"price_usd_per_mtok": {"input": -1, "output": 1}}, "models[0].price_usd_per_mtok.input: must be 0 or more", id="negative-price"
        ),
        pytest.param(
            {"price_usd_per_mtok": {"input": "free", "output": 1}},
            "models[0].price_usd_per_mtok.input: must be a number",
            id="price-of-text",
        ),
        pytest.param(
            {"price_usd_per_mtok": {"input": 1e9, "output": 1}},
            "models[0].price_usd_per_mtok.input: must be 1000000 or less",
            id="absurd-price",
        ),
    ],
)
def test_a_fault_is_named_with_its_path(fields: dict[str, object], problem: str) -> None:
    assert problems_of(model(**fields)) == [problem]


def test_every_fault_of_every_model_is_told_at_once() -> None:
    problems = problems_of({"provider": "openai"}, 3, model(id="auto"), model(), model())
    assert [problem.partition(": ")[0] for problem in problems] == ["models[0].id", "models[1]", "models[2].id", "models[4].id"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param({}, "models", id="nothing"),
        pytest.param({"models": []}, "models", id="no-model"),
        pytest.param({"models": {"a": 1}}, "models", id="no-list"),
        pytest.param({"models": [model()] * 1001}, "models", id="too-many"),
        pytest.param({"models": [model()], "modles": []}, "modles", id="unknown-field"),
    ],
)
def test_a_body_of_another_shape_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        changes_in(body)
    assert refusal.value.param == param


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        ({}, None, False),
        ({"adopt": True}, None, True),
        ({}, "true", True),
        ({"adopt": True}, "true", True),
        ({"adopt": False}, "false", False),
    ],
)
def test_adoption_is_asked_for_in_body_or_address(body: JsonObject, query: str | None, expected: object) -> None:
    assert adopt_in(body, query) is expected


@pytest.mark.parametrize(
    ("body", "query"),
    [({"adopt": 1}, None), ({"adopt": "true"}, None), ({"adopt": []}, None), ({}, "1"), ({}, ""), ({"adopt": True}, "false")],
)
def test_nonsense_about_adoption_is_refused(body: JsonObject, query: str | None) -> None:
    with pytest.raises(InvalidArgument):
        adopt_in(body, query)
