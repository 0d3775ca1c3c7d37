import pytest

from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, InvalidRules, KeywordRule
from pointsman.rules.rules_file import default_rules, load_default_rules, parse_rules

RULES = load_default_rules()

CLEAR_CASES = [
    ("Write a Python function to sort a list", "coding"),
    ("Fix this bug: TypeError: 'int' object is not callable", "coding"),
    ("SELECT id FROM users WHERE age > 30 -- why is this slow?", "coding"),
    ("Schreibe eine Funktion, die eine Liste sortiert", "coding"),
    ("Write a poem about autumn", "creative_writing"),
    ("Write a haiku about the sea", "creative_writing"),
    ("Write a poem about debugging", "creative_writing"),
    ("Escribe un cuento sobre un dragón", "creative_writing"),
    ("Compare the pros and cons of remote work", "analysis"),
    ("Summarise the following article in three points", "analysis"),
    ("Analysiere die Vor- und Nachteile der Kernkraft", "analysis"),
    ("What is the integral of x^2?", "math"),
    ("Solve 2x + 3 = 7", "math"),
    ("Prove that the square root of 5 is irrational", "math"),
    ("Berechne die Ableitung von x^2", "math"),
    ("What is the capital of France?", "question"),
    ("Why is the sky blue?", "question"),
    ("Pourquoi la mer est-elle salée ?", "question"),
    ("Hello!", "chat"),
    ("thanks a lot!", "chat"),
    ("I'm so bored today lol", "chat"),
    ("¡Hola! ¿Qué tal?", "chat"),
    ("Translate this sentence into German", "general"),
    ("Draft an email to my landlord about the heating", "general"),
    ("Plan a three-day trip to Rome", "general"),
    ("Übersetze diesen Satz ins Englische", "general"),
]


@pytest.mark.parametrize(("text", "category"), CLEAR_CASES, ids=[text[:30] for text, _ in CLEAR_CASES])
def test_clear_prompt_has_its_category(text: str, category: str) -> None:
    assert RULES.match(text).category == category


def test_every_built_in_category_has_rules() -> None:
    assert {rule.category for rule in default_rules()} == set(BUILT_IN_CATEGORIES)


def test_document_becomes_rules_in_its_order() -> None:
    document = {"rules": {"coding": {"a": {"pattern": "x", "weight": 1}}, "legal": {"b": {"pattern": "y", "weight": 2.5}}}}

    assert parse_rules(document) == (KeywordRule("a", "coding", "x", 1.0), KeywordRule("b", "legal", "y", 2.5))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(None, "rules", id="empty document"),
        pytest.param({"rules": []}, "rules", id="list"),
        pytest.param({"rules": {}, "more": 1}, "rules", id="unknown key"),
        pytest.param({"rules": {"coding": 3}}, "rules.coding", id="category is no mapping"),
        pytest.param({"rules": {"coding": {"a": {"pattern": "x"}}}}, "rules.coding.a", id="no weight"),
        pytest.param({"rules": {"coding": {"a": {"pattern": 1, "weight": 1}}}}, "rules.coding.a", id="pattern is no text"),
        pytest.param({"rules": {"coding": {"a": {"pattern": "x", "weight": "1"}}}}, "rules.coding.a", id="weight is text"),
        pytest.param({"rules": {"coding": {"a": {"pattern": "x", "weight": True}}}}, "rules.coding.a", id="weight is a truth value"),
        pytest.param({"rules": {"coding": {1: {"pattern": "x", "weight": 1}}}}, "rules.coding.1", id="name is no text"),
        pytest.param({"rules": {"coding": {"a": {"pattern": "x", "weight": 1, "flags": 0}}}}, "rules.coding.a", id="unknown field"),
    ],
)
def test_faulty_document_is_refused_with_its_place(document: object, path: str) -> None:
    with pytest.raises(InvalidRules) as caught:
        parse_rules(document)

    assert caught.value.problems[0].startswith(f"{path}: ")
