from pointsman.registry.core.diff import catalog_diff, classification_diff
from tests.unit.registry.catalog_texts import HEAD, load


def diff(before: str, after: str) -> list[str]:
    return catalog_diff(load(before).configuration.catalog, load(after).configuration.catalog)


def test_equal_catalogues_do_not_differ() -> None:
    assert diff(HEAD, "# a comment\n" + HEAD) == []


def test_each_entry_and_field_that_differs_has_a_line() -> None:
    before = HEAD + (
        "  - {id: a, provider: demo, price_usd_per_mtok: {input: 1, output: 2}, tags: [x]}\n"
        "  - {id: b, provider: demo, quality_score: 0.5}\n"
        "routing_rules:\n  - {task: coding, preferred: [a]}\n"
    )
    after = HEAD + (
        "  - {id: a, provider: demo, price_usd_per_mtok: {input: 0.5, output: 2}, tags: [x, y], status: draining}\n"
        "  - {id: c, provider: demo}\n"
        "routing_rules:\n  - {task: coding, preferred: [a, c]}\n"
    )
    assert diff(before, after) == [
        "models.b: removed",
        "models.a.status: active -> draining",
        "models.a.price.input_microusd_per_mtok: 1000000 -> 500000",
        "models.a.tags: [x] -> [x, y]",
        "models.c: added",
        "routing_rules[0].preferred_model_ids: [a] -> [a, c]",
    ]


def test_a_field_that_comes_or_goes_was_or_is_unset() -> None:
    with_score = HEAD.replace("provider: openai}", "provider: openai, quality_score: 0.5}")
    assert diff(HEAD, with_score) == ["models.small.quality_score: unset -> 0.5"]
    assert diff(with_score, HEAD) == ["models.small.quality_score: 0.5 -> unset"]


def test_a_long_value_is_shortened() -> None:
    line = diff(HEAD, HEAD + f"agents: [{{name: a, description: {'x' * 500}}}]\n")[0]
    assert line == "agents.a: added"
    changed = diff(HEAD + "agents: [{name: a, description: y}]\n", HEAD + f"agents: [{{name: a, description: {'x' * 500}}}]\n")
    assert len(changed[0]) < 120


def test_keyword_rules_differ_by_their_names() -> None:
    text = HEAD + "classification: {rules: r.yaml}\n"
    before = load(text, "rules: {coding: {a: {pattern: a, weight: 1}, b: {pattern: b, weight: 1}}}").configuration.classification
    after = load(text, "rules: {coding: {a: {pattern: a, weight: 2}}}").configuration.classification
    assert classification_diff(before, after) == ["rules.coding/b: removed", "rules.coding/a.weight: 1.0 -> 2.0"]
