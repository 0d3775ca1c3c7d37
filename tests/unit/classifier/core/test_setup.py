import pytest

from pointsman.classifier.core.setup import InvalidCategories, NewCategory, Setup, check_categories, setup_version
from pointsman.classifier.core.similarity import AddedCategory
from pointsman.rules.keyword_rules import BUILT_IN_CATEGORIES, KeywordRule, compile_rules
from tests.fakes.hashing_encoder import HashingEncoder

LEGAL = NewCategory("legal", "Contracts and law", ("Review this lease",))
RULES = compile_rules([KeywordRule("lease", "legal", r"\blease\b", 2.0)])


def test_description_is_compared_with_like_an_example() -> None:
    assert LEGAL.known_texts == ("Review this lease", "Contracts and law")
    assert NewCategory("legal", "", ("Review this lease",)).known_texts == ("Review this lease",)


def test_categories_are_the_built_in_ones_then_the_added_each_once() -> None:
    encoder = HashingEncoder()
    texts = ("a", "b")
    added = tuple(AddedCategory(name, texts, encoder.encode([encoder.tokenize(text) for text in texts])) for name in ("legal", "medical"))
    assert Setup(RULES, added, "v").categories == (*BUILT_IN_CATEGORIES, "legal", "medical")


def test_version_changes_with_rules_and_with_categories() -> None:
    other = compile_rules([KeywordRule("lease", "legal", r"\blease\b", 2.5)])
    renamed = NewCategory("law", LEGAL.description, LEGAL.examples)
    versions = [setup_version(RULES, ()), setup_version(other, ()), setup_version(RULES, [LEGAL]), setup_version(RULES, [renamed])]
    assert len(set(versions)) == len(versions)
    assert setup_version(RULES, [LEGAL]) == setup_version(compile_rules([KeywordRule("lease", "legal", r"\blease\b", 2.0)]), [LEGAL])


@pytest.mark.parametrize(
    ("categories", "problem"),
    [
        pytest.param([NewCategory("coding", "", ("x",))], "'coding': the name is empty or taken", id="built in"),
        pytest.param([LEGAL, LEGAL], "'legal': the name is empty or taken", id="twice"),
        pytest.param([NewCategory("", "", ("x",))], "'': the name is empty or taken", id="no name"),
        pytest.param([NewCategory("legal", "law", ())], "'legal': needs at least one example", id="no example"),
    ],
)
def test_category_that_cannot_be_used_is_named(categories: list[NewCategory], problem: str) -> None:
    with pytest.raises(InvalidCategories) as error:
        check_categories(categories)
    assert problem in str(error.value)


def test_usable_categories_pass() -> None:
    check_categories([LEGAL, NewCategory("medical", "", ("Is this rash serious?",))])
