import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.classifier.core.ngrams import BUCKETS, READ_CHARACTERS, ngrams_of


def buckets(text: str) -> set[int]:
    return set(ngrams_of(text).buckets.tolist())


def shared(text: str, other: str) -> float:
    """Share of both texts' buckets that are in both."""
    return len(buckets(text) & buckets(other)) / len(buckets(text) | buckets(other))


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_a_unit_vector_or_nothing(text: str) -> None:
    ngrams = ngrams_of(text)

    assert ngrams.buckets.dtype == np.int64
    assert ngrams.weights.dtype == np.float32
    assert ngrams.buckets.shape == ngrams.weights.shape
    assert (np.diff(ngrams.buckets) > 0).all()
    assert all(0 <= bucket < BUCKETS for bucket in ngrams.buckets.tolist())
    length = float(np.linalg.norm(ngrams.weights))
    assert length == pytest.approx(1.0, abs=1e-5) if text.split() else length == 0.0


@pytest.mark.parametrize("text", ["", " ", "\n\t  "])
def test_empty_text_has_none(text: str) -> None:
    assert buckets(text) == set()


@pytest.mark.parametrize("other", ["SORT the List", "  sort\n\nthe\tlist  ", "sort the list"])
def test_case_and_white_space_do_not_count(other: str) -> None:
    np.testing.assert_array_equal(ngrams_of("sort the list").buckets, ngrams_of(other).buckets)
    np.testing.assert_array_equal(ngrams_of("sort the list").weights, ngrams_of(other).weights)


def test_order_of_words_does_not_count() -> None:
    assert buckets("sort the list") == buckets("list the sort")


@pytest.mark.parametrize(
    ("text", "misspelt"),
    [
        ("photosynthesis", "photosinthesis"),
        ("write a function", "write a functoin"),
        ("algorithm", "algorithms"),
        ("函数排序法", "函数排序"),
    ],
)
def test_misspelt_words_share_more_than_others(text: str, misspelt: str) -> None:
    assert shared(text, misspelt) > 0.3
    assert shared(text, misspelt) > 4 * shared(text, "completely different matters")


def test_word_without_spaces_is_known_by_its_parts() -> None:
    assert buckets("日本の首都") & buckets("日本の首")
    assert buckets("猫"), "a single character has the spaces around it"


def test_repeated_runs_weigh_more_but_not_in_proportion() -> None:
    once, often = ngrams_of("cat dog"), ngrams_of("cat " * 50 + "dog")

    assert once.buckets.tolist() == often.buckets.tolist()
    assert 1.0 < often.weights.max() / often.weights.min() < 6.0


def test_of_a_long_text_start_and_end_are_read() -> None:
    start, end = "begin " * 100, "finish " * 100
    long = start + "middle " * 10_000 + end

    assert buckets("begin") <= buckets(long)
    assert buckets(" finish") <= buckets(long)
    assert not buckets("middle") <= buckets(long)
    assert len(buckets("".join(chr(0x4E00 + index) for index in range(20_000)))) <= 3 * 2 * (READ_CHARACTERS + 2)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d" * 3_000])
def test_lone_surrogates_are_read_as_something(text: str) -> None:
    assert buckets(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", [2439, 2794, 5754, 6295, 7702, 8057]),
        ("sort it", [607, 1950, 3166, 3889, 4285, 4529, 5004, 5166, 5338, 5411, 6389, 7599]),
        ("猫 é", [1586, 2504]),
    ],
)
def test_buckets_are_the_same_on_every_machine(text: str, expected: list[int]) -> None:
    assert ngrams_of(text).buckets.tolist() == expected, "an artefact's weights are of these"
