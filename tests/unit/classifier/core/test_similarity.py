import numpy as np
import pytest

from pointsman.classifier.core.similarity import AddedCategory, ExampleSet, Vector, added_category_of, nearest_examples


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


KNOWN = ExampleSet(("a", "b", "c", "d"), ("coding", "chat", "math", "chat"), np.stack([unit(1, 0), unit(0, 1), unit(-1, 0), unit(1, 1)]))
LEGAL = AddedCategory("legal", ("deed", "will"), np.stack([unit(0, -1), unit(1, -1)]))


def test_nearest_three_come_nearest_first() -> None:
    nearest = nearest_examples(unit(1, 0.2), KNOWN)

    assert [example.text for example in nearest] == ["a", "d", "b"]
    assert nearest[0].category == "coding"
    assert nearest[0].similarity == pytest.approx(0.98, abs=0.01)


def test_equally_near_examples_come_in_their_order() -> None:
    twins = ExampleSet(("x", "y", "z", "w"), ("chat",) * 4, np.stack([unit(1, 0)] * 4))

    assert nearest_examples(unit(1, 0), twins) == nearest_examples(unit(1, 0), twins)


def test_examples_of_added_categories_are_among_the_nearest() -> None:
    assert nearest_examples(unit(0, -1), KNOWN, [LEGAL])[0].text == "deed"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_examples_than_wanted_are_all_given(count: int) -> None:
    few = ExampleSet(KNOWN.texts[:count], KNOWN.categories[:count], KNOWN.embeddings[:count])

    assert len(nearest_examples(unit(1, 0), few)) == count


@pytest.mark.parametrize(
    ("embedding", "min_similarity", "winner"),
    [
        pytest.param(unit(0, -1), 0.6, "legal", id="nearest and near enough"),
        pytest.param(unit(0.2, -1), 0.9999, None, id="not near enough"),
        pytest.param(unit(1, 0), 0.6, None, id="a built-in one is nearer"),
    ],
)
def test_added_category_wins_by_its_nearest_example(embedding: Vector, min_similarity: float, winner: str | None) -> None:
    found = added_category_of(nearest_examples(embedding, KNOWN, [LEGAL]), [LEGAL], min_similarity)

    assert (found.category if found else None) == winner


def test_no_example_makes_no_added_category() -> None:
    assert added_category_of((), [LEGAL], 0.5) is None


def test_parts_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        ExampleSet(("a",), (), KNOWN.embeddings)
