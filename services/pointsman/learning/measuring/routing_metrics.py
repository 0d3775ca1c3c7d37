"""How well a rank tells which prompts need the strong model of a pair: quality against the share of its calls.

PGR, APGR and CPT: Ong et al. 2024, "RouteLLM: Learning to Route LLMs with Preference Data", section 2.3. The sweep has one point for
each prompt, "grid" the eleven points of that paper's code (routellm/evals/benchmarks.py). Everywhere: rank (n,), higher goes to the
strong model first, on any scale; weak, strong (n,) scores 0 to 1 of the two models' answers.

Prompts of equal rank are taken in random order and the expected value is counted, so the order of the records changes
nothing. A pair whose strong model is no better on these prompts has no gap to recover, and one prompt has no order: their
figures are None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pointsman.learning.measuring.rank_order import RankOrder, rank_order, weighted_auroc
from pointsman.learning.measuring.resampling import SAMPLES, SEED, Figure, Vector, figure_of, resampled

CPT_LEVELS = (0.2, 0.5, 0.8)
FIGURES = ("auroc", "apgr", *(f"cpt{round(100 * level)}" for level in CPT_LEVELS))
GRID_QUANTILES = np.linspace(0.0, 1.0, 11)
# Sums of thousands of scores are exact to this; a level is reached where it is missed by rounding alone.
TOLERANCE = 1e-9
MIN_PROMPTS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The curve of a rank: a point before the first prompt and one after each."""

    shares: Vector  # (n + 1,) share of strong calls, 0 to 1
    quality: Vector  # (n + 1,) mean score of the chosen models' answers
    recovered: Vector | None  # (n + 1,) PGR: share of the gap between the models; None without a gap


@dataclass(frozen=True, slots=True, eq=False)
class _Prompts:
    """One pair's prompts in an order that depends on their content alone: so do the samples that are drawn of them."""

    ranks: tuple[Vector, ...]
    weak: Vector
    strong: Vector


def _prompts(ranks: Sequence[ArrayLike], weak: ArrayLike, strong: ArrayLike) -> _Prompts:
    columns = [np.asarray(column, np.float64) for column in (*ranks, weak, strong)]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise ValueError(f"rank, weak, strong: of shapes {[column.shape for column in columns]}, not one length")
    by_content = np.lexsort(columns)
    *sorted_ranks, sorted_weak, sorted_strong = (column[by_content] for column in columns)
    return _Prompts(tuple(sorted_ranks), sorted_weak, sorted_strong)


def sweep(rank: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> Sweep:
    """The curve with one point for each prompt. Raises ValueError where lengths differ or a rank is no number."""
    prompts = _prompts((rank,), weak, strong)
    count, order = len(prompts.weak), rank_order(prompts.ranks[0])
    sizes = np.diff(np.append(order.starts, count))
    gains = order.block_sums((prompts.strong - prompts.weak)[None, :])[0] / sizes
    curve = np.concatenate(([0.0], np.repeat(gains, sizes).cumsum())) / max(1, count)
    shares = np.arange(count + 1) / max(1, count)
    quality = curve + (float(prompts.weak.mean()) if count else 0.0)
    return Sweep(shares, quality, curve / curve[-1] if count >= MIN_PROMPTS and curve[-1] > TOLERANCE else None)


def apgr(rank: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> float | None:
    """Average share of the gap recovered: area under PGR over shares 0 to 1. Random: 0.5; None without a gap."""
    found = sweep(rank, weak, strong)
    return None if found.recovered is None else float(np.trapezoid(found.recovered, found.shares))


def cpt(rank: ArrayLike, weak: ArrayLike, strong: ArrayLike, level: float) -> float | None:
    """Call-performance threshold: the smallest share of strong calls, 0 to 1, at which PGR >= level. None without a gap."""
    found = sweep(rank, weak, strong)
    if found.recovered is None:
        return None
    reached = np.flatnonzero(found.recovered >= level - TOLERANCE)
    return float(found.shares[reached[0]]) if len(reached) else None


def grid_figures(rank: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> dict[str, float] | None:
    """APGR and CPT exactly as RouteLLM's code has them: apgr, cpt20, cpt50, cpt80 (shares, 0 to 1).

    Thresholds are the eleven quantiles of the rank; strong where rank >= threshold, at the last where rank > threshold.
    None without a gap, and where two quantiles coincide, which that code refuses. CPT interpolates as it does, by a function that
    asks for an increasing curve: where the curve is not, the figure is unreliable there and here.
    """
    ranks, lower, upper = (np.asarray(values, np.float64) for values in (rank, weak, strong))
    if len(ranks) < MIN_PROMPTS or upper.mean() - lower.mean() <= TOLERANCE:
        return None
    edges = np.quantile(ranks, GRID_QUANTILES)
    if len(np.unique(edges)) < len(edges):
        return None
    chosen = ranks[None, :] >= edges[:, None]
    chosen[-1] = ranks > edges[-1]
    by_share = np.argsort(chosen.mean(axis=1), kind="stable")
    shares, quality = chosen.mean(axis=1)[by_share], np.where(chosen, upper, lower).mean(axis=1)[by_share]
    below, gap = lower.mean(), upper.mean() - lower.mean()
    width = float(shares[-1] - shares[0])
    found = {"apgr": (float(np.trapezoid(quality, shares)) - below * width) / (gap * width)}
    for level in CPT_LEVELS:
        found[f"cpt{round(100 * level)}"] = np.interp(below + level * gap, quality, shares)
    return {name: float(value) for name, value in found.items()}


def measured(rank: ArrayLike, weak: ArrayLike, strong: ArrayLike, *, samples: int = SAMPLES, seed: int = SEED) -> dict[str, Figure]:
    """FIGURES of a rank with 95 % bootstrap intervals over prompts. auroc: of "the strong answer is better", ties half."""
    prompts = _prompts((rank,), weak, strong)
    order = rank_order(prompts.ranks[0])
    values = _figures(prompts, order, np.ones((1, len(prompts.weak))))[0]
    drawn = [_figures(prompts, order, weights) for weights in resampled(len(prompts.weak), samples=samples, seed=seed)]
    return _by_name(values, drawn)


def paired_difference(
    rank: ArrayLike, other: ArrayLike, weak: ArrayLike, strong: ArrayLike, *, samples: int = SAMPLES, seed: int = SEED
) -> dict[str, Figure]:
    """FIGURES of `rank` minus those of `other` on the same prompts; both are measured on the same samples.

    An interval above 0 says that `rank` is better in auroc and apgr, one below 0 in cpt.
    """
    prompts = _prompts((rank, other), weak, strong)
    orders = [rank_order(column) for column in prompts.ranks]

    def difference(weights: Vector) -> Vector:
        return _figures(prompts, orders[0], weights) - _figures(prompts, orders[1], weights)

    drawn = [difference(weights) for weights in resampled(len(prompts.weak), samples=samples, seed=seed)]
    return _by_name(difference(np.ones((1, len(prompts.weak))))[0], drawn)


def pair_summary(rank: ArrayLike, weak: ArrayLike, strong: ArrayLike, *, samples: int = SAMPLES, seed: int = SEED) -> dict[str, Any]:
    """All of it for a report: n, mean scores, share of prompts that need the strong model, FIGURES each with "_interval", grid."""
    lower, upper = np.asarray(weak, np.float64), np.asarray(strong, np.float64)
    means = {name: round(float(values.mean()), 4) if len(values) else None for name, values in _columns(lower, upper).items()}
    found: dict[str, Any] = {"n": len(lower), **means}
    for name, figure in measured(rank, weak, strong, samples=samples, seed=seed).items():
        found[name], found[f"{name}_interval"] = figure.rounded()
    grid = grid_figures(rank, weak, strong)
    return {**found, "grid": None if grid is None else {name: round(value, 4) for name, value in grid.items()}}


def _columns(weak: Vector, strong: Vector) -> dict[str, NDArray[Any]]:
    return {"weak_score": weak, "strong_score": strong, "strong_needed": strong > weak}


def _by_name(values: Vector, drawn: Sequence[Vector]) -> dict[str, Figure]:
    samples = np.concatenate(drawn) if drawn else np.full((1, len(FIGURES)), np.nan)
    return {name: figure_of(values[column], samples[:, column]) for column, name in enumerate(FIGURES)}


def _figures(prompts: _Prompts, order: RankOrder, weights: Vector) -> Vector:
    """FIGURES for rows of weights (s, n): (s, 5), NaN where undefined."""
    sizes = order.block_sums(weights)
    gains = order.block_sums(weights * (prompts.strong - prompts.weak))
    count, gap = sizes.sum(axis=1, keepdims=True), gains.sum(axis=1, keepdims=True)
    has_gap = (gap > TOLERANCE * count) & (count >= MIN_PROMPTS)
    gains = gains / np.where(has_gap, gap, np.nan)
    after = gains.cumsum(axis=1)
    areas = (sizes * (after - 0.5 * gains)).sum(axis=1) / np.where(has_gap, count, np.nan)[:, 0]
    positive = (prompts.strong > prompts.weak).astype(np.float64)
    reached = [_shares_reaching(level, sizes, gains, after) for level in CPT_LEVELS]
    return np.column_stack((weighted_auroc(order, positive, weights), areas, *reached))


def _shares_reaching(level: float, sizes: Vector, gains: Vector, after: Vector) -> Vector:
    """CPT for rows of blocks: the first block whose end reaches the level, and how many of its prompts that takes."""
    reaching = after >= level - TOLERANCE
    if reaching.shape[1] == 0:
        return np.full(len(after), np.nan)
    rows, block = np.arange(len(after)), reaching.argmax(axis=1)
    size, gain = sizes[rows, block], gains[rows, block]
    missing = level - TOLERANCE - (after[rows, block] - gain)
    with np.errstate(divide="ignore", invalid="ignore"):
        taken = np.clip(np.ceil(size * missing / gain), 0.0, size)
        share = (sizes.cumsum(axis=1)[rows, block] - size + taken) / sizes.sum(axis=1)
    return np.where(reaching[rows, block], share, np.nan)
