"""Rules, the real encoder and the shipped artefact together, on prompts that people try first."""

import asyncio
from pathlib import Path

import pytest

from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.adapters.encoder_loading import load_encoder
from pointsman.classifier.core.fusion import Difficulty, Judgement, judge
from pointsman.classifier.core.ports import Encoder
from pointsman.rules.rules_file import load_default_rules
from pointsman.rules.text_window import text_window

ARTIFACT = read_artifact()
RULES = load_default_rules()


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder: Path = tmp_path_factory.mktemp("classifier")
    return asyncio.run(load_encoder(folder, thread_count=1, on_progress=lambda _share, _step: None))


def judged(encoder: Encoder, text: str) -> Judgement:
    (embedding,) = encoder.encode([encoder.tokenize(text_window(text))])
    return judge(text, RULES.match(text), embedding, ARTIFACT)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Write a Python function to sort a list", "coding"),
        ("Write a poem about autumn", "creative_writing"),
        ("Write a haiku about the sea", "creative_writing"),
        ("What is the integral of x^2?", "math"),
        ("Solve 2x + 3 = 7", "math"),
        ("Hello!", "chat"),
        ("What is the capital of France?", "question"),
    ],
)
def test_first_prompt_is_easy_and_of_its_category(encoder: Encoder, text: str, category: str) -> None:
    judgement = judged(encoder, text)

    assert judgement.category == category
    assert judgement.difficulty is Difficulty.EASY
    assert judgement.domain_confidence > 0.7
    assert len(judgement.nearest_examples) == 3


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Write a poem about debugging", "creative_writing"),
        ("write a story in which a programmer explains recursion", "creative_writing"),
        ("Debug this code: for i in range(10) print(i)", "coding"),
        ("Compare the pros and cons of remote work", "analysis"),
        ("Draft an email to my landlord about the broken heating", "general"),
    ],
)
def test_prompt_is_judged_by_what_it_asks_for(encoder: Encoder, text: str, category: str) -> None:
    assert judged(encoder, text).category == category
