import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.features import FEATURE_NAMES, lexical_features


def feature(text: str, name: str) -> float:
    return float(lexical_features(text)[FEATURE_NAMES.index(name)])


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_has_finite_features_of_one_shape(text: str) -> None:
    features = lexical_features(text)

    assert features.shape == (len(FEATURE_NAMES),)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert (features >= 0.0).all()
    assert (features <= 1.01).all()


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("log_words", "one two three four", "one"),
        ("lines", "a\nb\nc", "a b c"),
        ("digit_share", "123 apples", "three apples"),
        ("math_symbol_share", "3 + 4 = 7", "three and four"),
        ("code_symbol_share", "f(x) { return [x]; }", "return x"),
        ("non_ascii_share", "日本の首都", "capital"),
        ("upper_share", "HELLO", "hello"),
        ("ends_with_question", "why? ", "why"),
        ("ends_with_question", "首都は？", "首都"),
        ("starts_with_question_word", "¿Cómo funciona?", "Funciona"),
        ("first_person", "I'm tired", "It is late"),
        ("clauses", "first, then; last.", "first then last"),
        ("list_items", "do:\n- a\n- b", "do a b"),
        ("quotes", 'say "yes"', "say yes"),
    ],
)
def test_feature_tells_texts_apart(name: str, more: str, less: str) -> None:
    assert feature(more, name) > feature(less, name)
