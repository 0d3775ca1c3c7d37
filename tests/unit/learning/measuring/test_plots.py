from xml.etree import ElementTree

import numpy as np
import pytest

from pointsman.learning.measuring.plots import MAX_POINTS, MIN_BIN_ANSWERS, Axis, Curve, cost_quality_plot, reliability_plot, svg_plot
from pointsman.learning.measuring.routing_metrics import sweep
from pointsman.learning.measuring.success_metrics import reliability

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(document: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(document).iter(f"{SVG}text")]


def lines_of(document: str) -> list[list[tuple[float, float]]]:
    found = ElementTree.fromstring(document).iter(f"{SVG}polyline")
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())] for line in found]


def test_points_lie_where_the_axes_say() -> None:
    document = svg_plot(
        "plot", Axis("x", 0.0, 10.0), Axis("y", 0.0, 1.0), [Curve("line", np.array([0.0, 5.0, 10.0]), np.array([0.0, 0.5, 1.0]))]
    )

    assert lines_of(document) == [[(70.0, 402.0), (300.0, 223.0), (530.0, 44.0)]]
    assert texts_of(document) == ["plot", "0", "2", "4", "6", "8", "10", "0", "0.2", "0.4", "0.6", "0.8", "1", "x", "y", "line"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.683, 0.807, [0.7, 0.72, 0.74, 0.76, 0.78, 0.8]),
        (0.0, 6_208.0, [0.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0, 5_000.0, 6_000.0]),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, ticks: list[float]) -> None:
    assert Axis("", low, high).ticks().tolist() == pytest.approx(ticks)


def test_quality_is_drawn_against_cost_with_the_random_diagonal() -> None:
    weak, strong = np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4)

    document = cost_quality_plot("gsm8k", {"router": sweep([4, 2, 3, 1], weak, strong), "oracle": sweep([4, 3, 2, 1], weak, strong)})

    random, oracle, router = lines_of(document)
    assert [len(line) for line in (random, oracle, router)] == [2, 5, 5]
    assert random == [router[0], router[-1]] == [oracle[0], oracle[-1]]
    assert oracle[2][1] < router[2][1]
    assert texts_of(document)[-3:] == ["router", "oracle", "random"]


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    rank = np.arange(5_000.0)

    _, line = lines_of(cost_quality_plot("long", {"router": sweep(rank, np.zeros(5_000), np.ones(5_000))}))

    assert len(line) == MAX_POINTS
    assert (line[0][0], line[-1][0]) == (70.0, 530.0)


def test_reliability_leaves_out_bins_of_a_few_answers_and_tells_how_many_there_are() -> None:
    predicted = np.repeat([0.1, 0.5, 0.9], [MIN_BIN_ANSWERS, MIN_BIN_ANSWERS - 1, MIN_BIN_ANSWERS])[:, None]
    found = reliability(predicted, np.round(predicted), np.ones_like(predicted, np.bool_))

    document = reliability_plot("reliability", {"source": found})

    diagonal, line = lines_of(document)
    assert (len(diagonal), len(line)) == (2, 2)
    assert texts_of(document)[-2:] == [f"source ({len(predicted)})", "as predicted"]


def test_names_cannot_break_the_document() -> None:
    line = Curve("</svg>", np.array([0.0, 1.0]), np.array([0.0, 1.0]))

    document = svg_plot('<b> & "more"', Axis("x", 0.0, 1.0), Axis("a < b", 0.0, 1.0), [line])

    assert {'<b> & "more"', "</svg>", "a < b"} <= set(texts_of(document))
