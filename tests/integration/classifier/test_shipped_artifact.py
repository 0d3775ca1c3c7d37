"""What the shipped artefact says of plain prompts: rules, the real encoder and the learned heads together."""

import itertools

import pytest

from pointsman.classifier.adapters.artifact_file import read_artifact
from pointsman.classifier.adapters.onnx_encoder import OnnxEncoder
from pointsman.classifier.core.fusion import Judgement, Strategy, judge
from pointsman.rules.rules_file import load_default_rules

ARTIFACT = read_artifact()
RULES = load_default_rules()
LEARNED = [Strategy.HYBRID, Strategy.SIMILARITY, Strategy.FEATURES]

# Prompts of the same kind, each harder than the one before.
LADDERS = {
    "algebra": (
        "What is 7 + 5?",
        "Solve 3x + 4 = 19 for x and check the answer.",
        "Prove that every finite integral domain is a field, and give a counterexample when finiteness is dropped.",
    ),
    "programs": (
        "Write a line of Python that prints hello.",
        "Write a Python function that parses a CSV file and sums a column, with error handling.",
        "Design and implement a lock-free concurrent hash map in C++ with hazard pointers, and prove that it is linearizable.",
    ),
    "questions": (
        "What is the capital of France?",
        "Why do leaves change colour in autumn?",
        "Explain how quantum error correction measures non-commuting stabilisers, and derive what the threshold theorem assumes.",
    ),
    "texts": (
        "Write a birthday greeting for my aunt.",
        "Write a short story of 500 words about a lighthouse keeper who finds a letter.",
        "Write five linked sonnets in strict iambic pentameter, each ending with the line that begins the next, on relativity.",
    ),
    "comparisons": (
        "Which is bigger, 10 or 12 apples?",
        "Compare the advantages and disadvantages of renting and buying a flat.",
        "Analyse how the 2008 financial crisis spread through repo markets, and critically assess three competing explanations.",
    ),
}


def judged(encoder: OnnxEncoder, text: str, strategy: Strategy = Strategy.HYBRID) -> Judgement:
    (embedding,) = encoder.encode([encoder.tokenize(text)])
    return judge(text, RULES.match(text), embedding, ARTIFACT, strategy=strategy)


@pytest.mark.parametrize("strategy", LEARNED)
@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
def test_complexity_rises_with_what_is_asked(encoder: OnnxEncoder, ladder: tuple[str, ...], strategy: Strategy) -> None:
    scores = [judged(encoder, text, strategy).complexity_score for text in ladder]
    assert all(harder > easier for easier, harder in itertools.pairwise(scores)), scores


@pytest.mark.parametrize("ladder", LADDERS.values(), ids=LADDERS)
def test_what_is_hard_for_people_is_hard_for_models_too(encoder: OnnxEncoder, ladder: tuple[str, ...]) -> None:
    easy, *_, hard = [judged(encoder, text).difficulty_logit for text in ladder]
    assert hard > easy + 1.0


@pytest.mark.parametrize("strategy", LEARNED)
@pytest.mark.parametrize(
    ("inventive", "plain"),
    [
        ("Write a poem about the sea in winter.", "What is 12 + 30?"),
        ("Invent a myth about why cats purr.", "What is the boiling point of water?"),
        ("Schreibe ein Gedicht über den Herbst.", "Was ist die Hauptstadt von Italien?"),
    ],
)
def test_invention_is_more_creative_than_a_fact(encoder: OnnxEncoder, inventive: str, plain: str, strategy: Strategy) -> None:
    assert judged(encoder, inventive, strategy).creativity_score > judged(encoder, plain, strategy).creativity_score + 0.3


@pytest.mark.parametrize("text", ["", " ", "\n" * 4_000, "\0", "A) 1\n" * 800, "(" * 3_000, "𝕳𝖊𝖑𝖑𝖔" * 200, "é" * 5_000])
def test_odd_texts_are_judged_within_bounds(encoder: OnnxEncoder, text: str) -> None:
    for strategy in LEARNED:
        judgement = judged(encoder, text, strategy)
        assert sum(judgement.category_probabilities.values()) == pytest.approx(1.0)
        assert 0.0 < judgement.complexity_score < 1.0
        assert 0.0 < judgement.creativity_score < 1.0


def test_skills_are_named_by_what_the_prompt_is_about(encoder: OnnxEncoder) -> None:
    sum_, code = (judged(encoder, text).skills for text in ("What is 12 + 30?", "Write a Python function that sorts a list"))
    assert next(iter(sum_)) != next(iter(code))
    assert set(sum_) | set(code) <= set(ARTIFACT.success.skills)
