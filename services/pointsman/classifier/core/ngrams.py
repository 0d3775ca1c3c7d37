"""Character n-grams of a text, hashed: they know a word again by its parts, misspelt or in another language.

Each word, with the spaces around it, gives all runs of 3, 4 and 5 characters within it. A run's hash says
which of BUCKETS numbers it counts for: feature hashing, Weinberger et al. 2009.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZES = (3, 4, 5)
BUCKET_BITS = 13
BUCKETS = 1 << BUCKET_BITS
# Of the text's start and of its end: what is asked stands there, and the time grows with the length.
READ_CHARACTERS = 500
# Odd constants with well spread bits: the first two primes of xxHash, as is the mixing at the end,
# https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
MULTIPLIER = np.uint32(0x9E3779B1)
FINALISER = np.uint32(0x85EBCA77)
SPACE = ord(" ")
# What a run's length adds to its hash.
LENGTH_TERMS = {size: np.uint32(size * pow(int(MULTIPLIER), size, 1 << 32) % (1 << 32)) for size in SIZES}


@dataclass(frozen=True, slots=True, eq=False)
class Ngrams:
    """A sparse unit vector. buckets: int64 (m,), increasing; weights: float32 (m,), of length 1 or, for an empty text, 0."""

    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def ngrams_of(text: str) -> Ngrams:
    """The n-grams of a text, without regard to case and to how much white space there is."""
    if len(text) > 2 * READ_CHARACTERS:
        text = f"{text[:READ_CHARACTERS]} {text[-READ_CHARACTERS:]}"
    spaced = f" {' '.join(text.lower().split())} "
    characters = np.frombuffer(spaced.encode("utf-32-le", "replace"), np.uint32)
    buckets, counts = np.unique(run_buckets(characters), return_counts=True)
    weights = 1.0 + np.log(counts)
    length = float(np.sqrt((weights * weights).sum()))
    return Ngrams(buckets.astype(np.int64), (weights / max(length, 1.0)).astype(np.float32))


def run_buckets(characters: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The bucket of each run with no space but at its ends, the shorter runs first.

    A run's hash is a polynomial in MULTIPLIER of its length, then of its characters: so each length goes on from the last.
    """
    is_space = characters == SPACE
    polynomial, crosses = characters, np.zeros(len(characters), np.bool_)
    hashes, are_crossing = [np.empty(0, np.uint32)], [np.empty(0, np.bool_)]
    for size in range(2, min(SIZES[-1], len(characters)) + 1):
        count = len(characters) - size + 1
        polynomial = polynomial[:count] * MULTIPLIER + characters[size - 1 :]
        if size in LENGTH_TERMS:
            crosses = crosses[:count] | is_space[size - 2 : size - 2 + count]
            hashes.append(polynomial + LENGTH_TERMS[size])
            are_crossing.append(crosses)
    hashed: NDArray[np.uint32] = np.concatenate(hashes)[~np.concatenate(are_crossing)]
    hashed = (hashed ^ (hashed >> np.uint32(15))) * FINALISER
    return hashed >> np.uint32(32 - BUCKET_BITS)
