"""Plots of an evaluation as SVG files: curves on two axes, with ticks, labels and a legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsman.learning.measuring.resampling import Vector
from pointsman.learning.measuring.routing_metrics import Sweep
from pointsman.learning.measuring.success_metrics import Reliability

PLOT_WIDTH, HEIGHT = 460, 460
LEFT, TOP, BOTTOM = 70, 44, 58
# A line, its gaps, and what a letter of 13 pixels takes at most on average.
LEGEND_WIDTH, LETTER_WIDTH, TITLE_LETTER_WIDTH = 60, 8, 10
# Okabe and Ito 2008: told apart by colour-blind people too, and dark enough on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a5c00", "#56b4e9", "#444444")
GRID, INK, REFERENCE = "#e2e2e2", "#222222", "#707070"
# More points than pixels say nothing.
# Of a bin of the reliability plot: the share of right answers among fewer is off by a tenth or more.
MIN_BIN_ANSWERS = 30
MAX_POINTS = 400
TICKS = 6
FONT = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif"'


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points (n,) in the plot's units, joined by a line. Dashed: to compare with."""

    name: str
    x: Vector
    y: Vector
    is_dashed: bool = False
    has_marks: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """A label and the values at both ends."""

    label: str
    low: float
    high: float

    def ticks(self) -> Vector:
        """Round values within the axis, about TICKS of them."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** np.floor(np.log10(rough))
        step = power * min((1.0, 2.0, 2.5, 5.0, 10.0), key=lambda factor: abs(factor * power - rough))
        return np.asarray(step * np.arange(np.ceil(self.low / step - 1e-9), np.floor(self.high / step + 1e-9) + 1))


def cost_quality_plot(title: str, sweeps: Mapping[str, Sweep]) -> str:
    """Quality against the share of strong calls, a curve for each rank of one pair, the first drawn on top; and the random diagonal."""
    curves = [Curve(name, *_thinned(found.shares, found.quality)) for name, found in sweeps.items()]
    quality = next(iter(sweeps.values())).quality
    curves.append(Curve("random", np.array([0.0, 1.0]), quality[[0, -1]], is_dashed=True))
    return svg_plot(title, Axis("share of calls to the strong model", 0.0, 1.0), _axis("mean score of the answers", curves), curves)


def reliability_plot(title: str, curves: Mapping[str, Reliability]) -> str:
    """What happened against what was predicted, a curve for each source; bins of a few answers, whose share is chance, are left out."""
    drawn = [Curve("as predicted", np.array([0.0, 1.0]), np.array([0.0, 1.0]), is_dashed=True)]
    for name, found in curves.items():
        filled = found.count >= MIN_BIN_ANSWERS
        label = f"{name} ({found.count.sum():,})"
        drawn.insert(-1, Curve(label, found.predicted[filled], found.share_right[filled], has_marks=True))
    return svg_plot(title, Axis("predicted probability", 0.0, 1.0), Axis("share of right answers", 0.0, 1.0), drawn)


def svg_plot(title: str, x_axis: Axis, y_axis: Axis, curves: Sequence[Curve]) -> str:
    """The plot as an SVG document; curves that come first are drawn last."""
    frame = _Frame(x_axis, y_axis)
    legend_width = LEGEND_WIDTH + LETTER_WIDTH * max(len(curve.name) for curve in curves)
    width = LEFT + max(PLOT_WIDTH + legend_width, TITLE_LETTER_WIDTH * len(title))
    colours = [REFERENCE if curve.is_dashed else COLOURS[number % len(COLOURS)] for number, curve in enumerate(curves)]
    drawn = list(reversed(list(zip(curves, colours, strict=True))))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" {FONT} font-size="13">',
        f'<title>{escape(title)}</title><rect width="{width}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="26" font-size="16" fill="{INK}">{escape(title)}</text>',
        *_axes(frame),
        *(part for curve, colour in drawn for part in _curve(frame, curve, colour)),
        *(part for number, curve in enumerate(curves) for part in _legend(number, curve, colours[number])),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values lie, in pixels."""

    x_axis: Axis
    y_axis: Axis

    def x(self, value: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(value, np.float64) - self.x_axis.low) / (self.x_axis.high - self.x_axis.low)
        return np.asarray(LEFT + share * PLOT_WIDTH)

    def y(self, value: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(value, np.float64) - self.y_axis.low) / (self.y_axis.high - self.y_axis.low)
        return np.asarray(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))

    def points(self, x: Vector, y: Vector) -> str:
        """Pairs as SVG writes them."""
        return " ".join(f"{left:.1f},{top:.1f}" for left, top in zip(self.x(x), self.y(y), strict=True))


def _axes(frame: _Frame) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, LEFT + PLOT_WIDTH
    parts = []
    for value in frame.x_axis.ticks():
        x = float(frame.x(value))
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="{INK}">{_number(value)}</text>')
    for value in frame.y_axis.ticks():
        y = float(frame.y(value))
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{_number(value)}</text>')
    middle_x, middle_y = (LEFT + right) / 2, (TOP + bottom) / 2
    return [
        *parts,
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="{INK}"/>',
        f'<text x="{middle_x:.0f}" y="{HEIGHT - 14}" text-anchor="middle" fill="{INK}">{escape(frame.x_axis.label)}</text>',
        f'<text transform="translate(18 {middle_y:.0f}) rotate(-90)" text-anchor="middle" fill="{INK}">{escape(frame.y_axis.label)}</text>',
    ]


def _curve(frame: _Frame, curve: Curve, colour: str) -> list[str]:
    dashes = ' stroke-dasharray="6 5"' if curve.is_dashed else ""
    parts = [f'<polyline points="{frame.points(curve.x, curve.y)}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>']
    if curve.has_marks:
        places = zip(frame.x(curve.x), frame.y(curve.y), strict=True)
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    return parts


def _legend(number: int, curve: Curve, colour: str) -> list[str]:
    x, y = LEFT + PLOT_WIDTH + 16, TOP + 12 + 21 * number
    dashes = ' stroke-dasharray="6 5"' if curve.is_dashed else ""
    return [
        f'<line x1="{x}" y1="{y}" x2="{x + 24}" y2="{y}" stroke="{colour}" stroke-width="2"{dashes}/>',
        f'<text x="{x + 31}" y="{y + 4}" fill="{INK}">{escape(curve.name)}</text>',
    ]


def _axis(label: str, curves: Sequence[Curve]) -> Axis:
    """From a little below the least value to a little above the greatest."""
    values = np.concatenate([curve.y for curve in curves] or [np.zeros(0)])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05
    return Axis(label, low - margin, high + margin)


def _thinned(x: Vector, y: Vector) -> tuple[Vector, Vector]:
    if len(x) <= MAX_POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, MAX_POINTS).round().astype(np.int64))
    return x[kept], y[kept]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000.0 else f"{round(value, 6) + 0.0:g}"
