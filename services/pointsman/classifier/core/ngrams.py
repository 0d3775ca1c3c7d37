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
# Odd constants with well spread bits: Knuth, The Art of Computer Programming, volume 3, section 6.4, and the
# finaliser of MurmurHash3, https://github.com/aappleby/smhasher
MULTIPLIER = np.uint32(0x9E3779B1)
FINALISER = np.uint32(0x85EBCA77)
SPACE = ord(" ")


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
    found = np.concatenate([hashes_of(characters, size) for size in SIZES])
    buckets, counts = np.unique(found, return_counts=True)
    weights = 1.0 + np.log(counts)
    length = float(np.sqrt((weights * weights).sum()))
    return Ngrams(buckets.astype(np.int64), (weights / max(length, 1.0)).astype(np.float32))


def hashes_of(characters: NDArray[np.uint32], size: int) -> NDArray[np.uint32]:
    """The bucket of each run of `size` characters with no space but at its ends."""
    count = len(characters) - size + 1
    if count <= 0:
        return np.empty(0, np.uint32)
    is_inner_space = characters == SPACE
    hashed = np.full(count, np.uint32(size))
    crosses = np.zeros(count, np.bool_)
    for offset in range(size):
        hashed = hashed * MULTIPLIER + characters[offset : offset + count]
        if 0 < offset < size - 1:
            crosses |= is_inner_space[offset : offset + count]
    hashed = (hashed ^ (hashed >> np.uint32(15))) * FINALISER
    return hashed[~crosses] >> np.uint32(32 - BUCKET_BITS)
