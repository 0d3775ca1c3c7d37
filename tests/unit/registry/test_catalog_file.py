"""Faults of a whole catalogue: each is named by file, line and field, and all of them at once."""

import pytest

from tests.unit.registry.catalog_texts import DEFAULT_RULES, HEAD, load, model_text, problems_of, provider_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("models: []\npolicies: {}\n", "catalog.yaml:1: schema_version: is missing", id="no-schema-version"),
        pytest.param("schema_version: 2\nmodels: []\n", "catalog.yaml:1: schema_version: must be 1 or less", id="newer-schema"),
        pytest.param("schema_version: 1\n", "catalog.yaml:1: models: is missing", id="no-models"),
        pytest.param("schema_version: 1\nmodels:\n", "catalog.yaml:2: models: is missing", id="models-without-value"),
        pytest.param("schema_version: 1\nmodels: {}\n", "catalog.yaml:2: models: must be a list", id="models-mapping"),
        pytest.param("a\n", "catalog.yaml:1: must be a mapping of fields", id="text-at-top"),
        pytest.param(HEAD + "extra: 1\n", "catalog.yaml:7: extra: is no field of this place", id="unknown-section"),
        pytest.param(HEAD + "  - just text\n", "catalog.yaml:7: models[1]: must be a mapping of fields", id="model-is-text"),
        pytest.param(HEAD + "  - {id: small, provider: demo}\n", "catalog.yaml:7: models[1].id: is the same as on line 6", id="same-id"),
        pytest.param(HEAD + "  - {provider: openai}\n", "catalog.yaml:7: models[1].id: is missing", id="no-id"),
        pytest.param(HEAD + "  - {id: x}\n", "catalog.yaml:7: models[1].provider: is missing", id="no-provider"),
        pytest.param(
            HEAD + "  - {id: x, provider: nobody}\n",
            "catalog.yaml:7: models[1].provider: there is no provider 'nobody'",
            id="unknown-provider",
        ),
        pytest.param(
            HEAD + "policies:\n  a: {value_usd_per_mtok: 1}\n",
            "catalog.yaml:7: policies: must have exactly one policy with default: true",
            id="no-default-policy",
        ),
        pytest.param(
            HEAD + "policies:\n  a: {value_usd_per_mtok: 1, default: true}\n  b: {value_usd_per_mtok: 1, default: true}\n",
            "catalog.yaml:7: policies: must have exactly one policy with default: true",
            id="two-default-policies",
        ),
        pytest.param(
            HEAD + "policies:\n  0.5: {value_usd_per_mtok: 1, default: true}\n",
            "catalog.yaml:8: policies.0.5: must not be a number",
            id="policy-named-as-number",
        ),
        pytest.param(
            HEAD + "routing_rules:\n  - {task: coding, preferred: [small], when: {policy: none-such}}\n",
            "catalog.yaml:8: routing_rules[0].when.policy: there is no policy 'none-such'",
            id="rule-names-unknown-policy",
        ),
        pytest.param(
            HEAD + "routing_rules:\n  - {task: coding, preferred: [small], when: {category: cooking}}\n",
            "catalog.yaml:8: routing_rules[0].when.category: there is no category 'cooking'",
            id="rule-names-unknown-category",
        ),
        pytest.param(
            HEAD + "routing_rules:\n  - {task: coding, preferred: [small], when: {difficulty: heavy}}\n",
            "catalog.yaml:8: routing_rules[0].when.difficulty: must be one of easy, medium, hard",
            id="rule-names-unknown-difficulty",
        ),
        pytest.param(
            HEAD + "experiments:\n  - {id: e, status: running, arms: [{model: small, weight: 1}]}\n",
            "catalog.yaml:8: experiments[0].arms: must have at least two arms that are no shadows, not all of weight 0",
            id="experiment-of-one-arm",
        ),
        pytest.param(
            HEAD + "agents:\n  - {name: auto, description: d}\n",
            "catalog.yaml:8: agents[0].name: is a reserved name: agent:auto finds an agent",
            id="agent-auto",
        ),
        pytest.param(
            HEAD + "classification: {categories: [{name: coding, description: d, examples: [x]}]}\n",
            "catalog.yaml:7: classification.categories[0].name: is a built-in category",
            id="built-in-category",
        ),
        pytest.param(
            HEAD + "classification: {categories: [{name: law, description: d, examples: []}]}\n",
            "catalog.yaml:7: classification.categories[0].examples: must have 1 to 1000 items",
            id="category-without-example",
        ),
        pytest.param(
            HEAD + "classification: {rules: ../rules.yaml}\n",
            "catalog.yaml:7: classification.rules: must be a path under the catalogue's folder",
            id="rules-outside",
        ),
        pytest.param(
            HEAD + "classification: {rules: /etc/passwd}\n",
            "catalog.yaml:7: classification.rules: must be a path under the catalogue's folder",
            id="rules-absolute",
        ),
        pytest.param(
            HEAD + "budgets:\n  - {limit_usd: -1, window: month}\n",
            "catalog.yaml:8: budgets[0].limit_usd: must be 0 or more",
            id="negative-budget",
        ),
        pytest.param(
            HEAD + "keys:\n  - {id: k, sha256: pm-k-secret}\n",
            "catalog.yaml:8: keys[0].sha256: must be 64 lower-case hexadecimal digits",
            id="key-instead-of-hash",
        ),
        pytest.param(
            HEAD + "keys:\n  - {id: k, sha256: pm-k-secret, role: admin}\n",
            "catalog.yaml:8: keys[0].role: is no field of this place",
            id="unknown-field-of-key",
        ),
        pytest.param(
            HEAD + "projects:\n  - {id: a}\n  - {id: a}\n",
            "catalog.yaml:9: projects[1].id: is the same as on line 8",
            id="same-project",
        ),
        pytest.param(
            HEAD + 'alerts: {webhooks: [{url: "https://hooks.example.com", secret: topsecret}]}\n',
            "catalog.yaml:7: alerts.webhooks[0].secret: must be env:NAME or file:PATH; a secret does not belong in this file",
            id="inline-webhook-secret",
        ),
        pytest.param(
            HEAD + 'oidc: {issuer: "http://localhost", client_id: c}\n',
            "catalog.yaml:7: oidc.issuer: must begin with https://; http needs allow_private_address: true",
            id="issuer-in-clear",
        ),
    ],
)
def test_a_fault_is_named_by_file_line_and_field(text: str, expected: str) -> None:
    assert expected in problems_of(text)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("price_usd_per_mtok: {input: -1, output: 1}", "price_usd_per_mtok.input: must be 0 or more", id="negative-price"),
        pytest.param("price_usd_per_mtok: {input: .nan, output: 1}", "price_usd_per_mtok.input: must be a finite number", id="nan-price"),
        pytest.param(
            "price_usd_per_mtok: {input: .inf, output: 1}", "price_usd_per_mtok.input: must be a finite number", id="infinite-price"
        ),
        pytest.param("price_usd_per_mtok: {input: 1e9, output: 1}", "price_usd_per_mtok.input: must be 1000000 or less", id="price-1e9"),
        pytest.param('price_usd_per_mtok: {input: "1", output: 1}', "price_usd_per_mtok.input: must be a number", id="price-text"),
        pytest.param(
            "price_usd_per_mtok: {input: 0.0000001, output: 1}",
            "price_usd_per_mtok.input: must have at most 6 decimals",
            id="price-of-7-decimals",
        ),
        pytest.param(
            "price_usd_per_mtok: {input: 1.0000000000000000000000000000000001, output: 1}",
            "price_usd_per_mtok.input: must have at most 6 decimals",
            id="price-beyond-decimal-precision",
        ),
        pytest.param("price_usd_per_mtok: {input: 1}", "price_usd_per_mtok.output: is missing", id="half-a-price"),
        pytest.param(
            "price_usd_per_mtok: {input: 1, output: 1, above: [" + 2 * "{input_tokens: 9, input: 1, output: 1}," + "]}",
            "price_usd_per_mtok.above: must be in order of rising input_tokens",
            id="tiers-not-rising",
        ),
        pytest.param("context_window_tokens: 0", "context_window_tokens: must be 1 or more", id="window-0"),
        pytest.param("context_window_tokens: 4096.5", "context_window_tokens: must be a whole number", id="window-fraction"),
        pytest.param("context_window_tokens: lots", "context_window_tokens: must be a whole number", id="window-text"),
        pytest.param("quality_score: 1.1", "quality_score: must be 1 or less", id="quality-above-1"),
        pytest.param("status: alive", "status: must be one of active, draining, disabled, deprecated", id="unknown-status"),
        pytest.param(
            "capabilities: [chat, fly]",
            "capabilities[1]: must be one of chat, tools, json_schema, vision, streaming, embeddings, reasoning, code, pdf",
            id="unknown-capability",
        ),
        pytest.param("capabilities: chat", "capabilities: must be a list", id="capabilities-text"),
        pytest.param("deprecation_date: soon", "deprecation_date: must be a day such as 2026-11-01", id="date-text"),
        pytest.param("deprecation_date: 2026-13-01", "deprecation_date: must be a day such as 2026-11-01", id="month-13"),
        pytest.param("timeouts_s: {total: 0}", "timeouts_s.total: must be above 0", id="timeout-0"),
        pytest.param("ability: {skills: {overall: 99}, source: s}", "ability.skills.overall: must be 10 or less", id="skill-99"),
        pytest.param(
            "ability: {skills: {cooking: 1}, source: s}", "ability.skills.cooking: there is no category 'cooking'", id="unknown-skill"
        ),
        pytest.param("ability: {skills: {overall: 1}}", "ability.source: is missing", id="ability-without-source"),
        pytest.param("weight: -1", "weight: is no field of this place", id="unknown-field"),
        pytest.param("display_name: true", "display_name: must be text; put it in quotes", id="name-true"),
        pytest.param("display_name: 12", "display_name: must be text; put it in quotes", id="name-number"),
        pytest.param('display_name: "a\\u0007b"', "display_name: must not hold control characters", id="name-with-bell"),
        pytest.param("tags: [[a]]", "tags[0]: must be text", id="tag-is-list"),
        pytest.param("data_classes: [secret]", "data_classes[0]: must be one of public, internal, confidential", id="unknown-data-class"),
    ],
)
def test_a_fault_of_a_model_is_named_by_its_field(fields: str, expected: str) -> None:
    assert problems_of(model_text(fields)) == [f"catalog.yaml:7: models[1].{expected}"]


@pytest.mark.parametrize("name", ["auto", "AUTO", "auto:cheap", "pointsman/auto", "agent:sql", "models"])
def test_a_reserved_model_name_is_refused(name: str) -> None:
    expected = "catalog.yaml:7: models[1].id: is a reserved name: auto, auto:…, pointsman/…, agent:…, models"
    assert problems_of(HEAD + f'  - {{id: "{name}", provider: openai}}\n') == [expected]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("x" * 129, "must have 1 to 128 characters", id="129-characters"),
        pytest.param("", "must have 1 to 128 characters", id="empty"),
        pytest.param(" a", "must not begin or end with a blank", id="leading-blank"),
        pytest.param("a\\nb", "must not hold control characters", id="line-break"),
        pytest.param("a\\u009bb", "must not hold control characters", id="c1-control"),
    ],
)
def test_an_unusable_model_name_is_refused(name: str, expected: str) -> None:
    assert problems_of(HEAD + f'  - {{id: "{name}", provider: openai}}\n') == [f"catalog.yaml:7: models[1].id: {expected}"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            "kind: ftp, base_url: 'env:A'", "kind: must be one of openai, azure_openai, anthropic, gemini, scripted", id="unknown-kind"
        ),
        pytest.param("kind: openai", "base_url: is missing", id="no-base-url"),
        pytest.param(
            'kind: scripted, base_url: "https://a.example"',
            "base_url: is no field of kind scripted, which calls nobody",
            id="scripted-with-url",
        ),
        pytest.param('kind: azure_openai, base_url: "env:A"', "api_version: is missing", id="azure-without-version"),
        pytest.param(
            'kind: openai, base_url: "env:A", api_version: "1"',
            "api_version: is a field of kind azure_openai alone",
            id="version-without-azure",
        ),
        pytest.param(
            "kind: openai, base_url: 'env:A', api_key: sk-SECRET-123456",
            "api_key: must be env:NAME or file:PATH; a secret does not belong in this file",
            id="inline-secret",
        ),
        pytest.param(
            "kind: openai, base_url: 'env:A', api_key: 'env:'",
            "api_key: must be env:NAME or file:PATH; a secret does not belong in this file",
            id="reference-to-nothing",
        ),
        pytest.param(
            'kind: openai, base_url: "https://example.com", api_key: "env:POINTSMAN_SERVICE_TOKEN"',
            "api_key: must not name a POINTSMAN_ variable, which is a setting of the program itself",
            id="own-secret",
        ),
        pytest.param(
            'kind: openai, base_url: "env:pointsman_admin_key"',
            "base_url: must not name a POINTSMAN_ variable, which is a setting of the program itself",
            id="own-secret-as-address",
        ),
        pytest.param(
            "kind: openai, base_url: 'env:A', headers: {Authorization: x}",
            "headers.Authorization: must not carry a credential; use api_key",
            id="credential-header",
        ),
        pytest.param(
            "kind: openai, base_url: 'env:A', headers: {X-Api-Key: x}",
            "headers.X-Api-Key: must not carry a credential; use api_key",
            id="key-header",
        ),
        pytest.param(
            "kind: openai, base_url: 'env:A', headers: {Host: x}", "headers.Host: is written by the HTTP client", id="host-header"
        ),
        pytest.param('kind: openai, base_url: "env:A", headers: {"a b": x}', "headers.a b: is no header's name", id="bad-header-name"),
        pytest.param(
            'kind: openai, base_url: "env:A", headers: {a: "x\\r\\ny: z"}',
            "headers.a: must not hold control characters",
            id="header-injection",
        ),
        pytest.param("kind: openai, base_url: 'env:A', max_in_flight: 0", "max_in_flight: must be 1 or more", id="none-in-flight"),
        pytest.param(
            "kind: openai, base_url: 'env:A', allow_private_address: yes", "allow_private_address: must be true or false", id="yes-is-text"
        ),
        pytest.param("kind: openai, base_url: 'file:///etc/passwd'", "base_url: must begin with https:// or be env:NAME", id="file-url"),
    ],
)
def test_a_fault_of_a_provider_is_named_by_its_field(fields: str, expected: str) -> None:
    assert problems_of(provider_text(fields)) == [f"catalog.yaml:3: providers.p.{expected}"]


def test_a_secret_never_comes_back_in_a_problem() -> None:
    text = provider_text("kind: openai, base_url: 'https://user:hunter2@api.example.com', api_key: sk-SECRET-123456")
    told = "\n".join(problems_of(text))
    assert "hunter2" not in told
    assert "SECRET" not in told


def test_all_problems_of_all_files_are_told_at_once() -> None:
    text = HEAD + "  - {id: auto, provider: nobody, quality_score: 2}\nclassification: {rules: rules.yaml}\nrouting_rules: [1]\n"
    rules = "rules:\n  coding:\n    broken: {pattern: '(a', weight: 2}\n  cooking:\n    soup: {pattern: soup, weight: 0}\n"
    assert [line.partition(": ")[0] for line in problems_of(text, rules)] == [
        "catalog.yaml:7",
        "catalog.yaml:7",
        "catalog.yaml:7",
        "catalog.yaml:9",
        "rules.yaml:3",
        "rules.yaml:4",
        "rules.yaml:5",
    ]


def test_past_a_hundred_problems_the_rest_is_counted() -> None:
    lines = problems_of(HEAD + "".join("  - {}\n" for _ in range(200)))
    assert lines[-1] == "and 300 more"
    assert len(lines) == 101


@pytest.mark.parametrize("word", ["no", "on", "off", "yes", "y", "2026-11-01", "1:30", "0x10", "1_000"])
def test_words_that_yaml_1_1_reads_otherwise_stay_text(word: str) -> None:
    loaded = load(model_text(f"display_name: {word}"))
    assert loaded.configuration.catalog.models["other"].display_name == word


def test_prices_are_exact_micro_dollars() -> None:
    text = model_text("price_usd_per_mtok: {input: 0.0375, cached_input: 1e-6, output: 1000000, per_image_usd: 0.002125}")
    price = load(text).configuration.catalog.models["other"].price
    assert price is not None
    assert (price.input_microusd_per_mtok, price.cached_input_microusd_per_mtok) == (37_500, 1)
    assert (price.output_microusd_per_mtok, price.image_microusd) == (10**12, 2_125)
    assert price.cache_write_microusd_per_mtok is None


def test_what_is_not_told_is_unknown_and_not_zero() -> None:
    model = load(HEAD).configuration.catalog.models["small"]
    assert (model.price, model.ability, model.quality_score, model.context_window_token_count) == (None, None, None, None)
    assert (model.upstream, model.display_name) == ("small", "small")


def test_a_file_without_policies_has_the_built_in_ones() -> None:
    policies = load(HEAD).configuration.catalog.policies
    assert {key: (one.value_usd_per_mtok, one.good_enough, one.is_default) for key, one in policies.items()} == {
        "cheap": (8, 0.6, False),
        "balanced": (40, 0.75, True),
        "quality": (800, 1.0, False),
    }


def test_a_rule_agent_or_experiment_may_wait_for_a_model() -> None:
    text = HEAD + (
        "routing_rules:\n  - {task: coding, preferred: [later]}\n"
        "agents:\n  - {name: a, description: d, model: later}\n"
        "experiments:\n  - {id: e, status: draft, arms: [{model: small, weight: 1}, {model: later, weight: 1}]}\n"
    )
    loaded = load(text)
    assert loaded.configuration.catalog.routing_rules[0].preferred_model_ids == ("later",)
    assert [warning.partition(": there")[0] for warning in loaded.warnings] == [
        "catalog.yaml:8: routing_rules[0].preferred[0]",
        "catalog.yaml:10: agents[0].model",
        "catalog.yaml:12: experiments[0].arms[1].model",
    ]


def test_sections_that_nothing_acts_on_are_named_where_they_are_in_use() -> None:
    text = HEAD.replace("{kind: openai,", "{kind: openai, max_in_flight: 3,") + (
        "projects: [{id: a}]\nbudgets: [{limit_usd: 1, window: day}]\nkeys: []\noidc: null\nalerts: {webhooks: []}\n"
        "agents: [{name: a, description: d, tools: [t]}]\n"
        "policies: {kept: {value_usd_per_mtok: 1, pin_session: session, default: true}}\n"
    )
    inactive = load(text).configuration.inactive_sections
    assert set(inactive) == {"projects", "budgets", "agents.tools", "policies.pin_session", "providers.max_in_flight"}


def test_keyword_rules_come_from_their_file_and_else_are_the_built_in_ones() -> None:
    text = HEAD + "classification: {rules: rules.yaml, categories: [{name: law, description: d, examples: [sue]}]}\n"
    rules = "rules:\n  law:\n    sue: {pattern: '\\bsue\\b', weight: 2}\n"
    classification = load(text, rules).configuration.classification
    assert [(rule.full_name, rule.weight) for rule in classification.keyword_rules] == [("law/sue", 2.0)]
    assert classification.added_categories[0].name == "law"
    assert load(HEAD).configuration.classification.keyword_rules == DEFAULT_RULES


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            "rules: {coding: {r: {pattern: '(', weight: 1}}}",
            "rules.yaml:1: rules.coding.r.pattern: the pattern is not RE2 syntax",
            id="syntax",
        ),
        pytest.param(
            "rules: {coding: {r: {pattern: '(?=a)b', weight: 1}}}",
            "rules.yaml:1: rules.coding.r.pattern: the pattern is not RE2 syntax",
            id="look-ahead",
        ),
        pytest.param(
            "rules: {coding: {r: {pattern: 'a*', weight: 1}}}",
            "rules.yaml:1: rules.coding.r.pattern: the pattern matches the empty text",
            id="matches-all",
        ),
        pytest.param(
            "rules: {coding: {r: {pattern: a, weight: 11}}}", "rules.yaml:1: rules.coding.r.weight: must be 10 or less", id="weight"
        ),
        pytest.param("rules: {coding: {r: {weight: 1}}}", "rules.yaml:1: rules.coding.r.pattern: is missing", id="no-pattern"),
        pytest.param("rules: {}", "rules.yaml:1: rules: must hold at least one rule", id="empty"),
        pytest.param("rules: {coding: {}}", "rules.yaml:1: rules.coding: must hold at least one rule", id="empty-category"),
        pytest.param("rules: {coding: [a]}", "rules.yaml:1: rules.coding: must be a mapping", id="list"),
        pytest.param("rules:\n  cooking: {}\n", "rules.yaml:2: rules.cooking: there is no category 'cooking'", id="unknown-category"),
        pytest.param("rulez: {}", "rules.yaml:1: rulez: is no field of this place", id="unknown-field"),
        pytest.param("a: [", "rules.yaml:2: is no YAML: while parsing a flow node, did not find expected node content", id="no-yaml"),
    ],
)
def test_a_fault_of_the_rules_is_named_by_its_line(rules: str, expected: str) -> None:
    lines = problems_of(HEAD + "classification: {rules: rules.yaml}\n", rules)
    assert any(line.startswith(expected) for line in lines), lines
