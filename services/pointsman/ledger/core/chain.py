"""Rows chained by hashes, so that a row that was changed, dropped or slipped in shows.

hash of row n = SHA-256(hash of row n - 1, canonical bytes of row n); before the first row stand 32 zero bytes.
The canonical bytes are a JSON array without spaces: form of the row, sequence number, the entry's values
in their order, and the operator's total after it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.ledger.core.entries import FieldValues
from pointsman.ledger.core.money import MAX_NANOUSD

ROW_FORM = 1
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the last row's number, its hash, and the sum of the operator's costs up to it."""

    sequence: int = 0
    hash: bytes = bytes(HASH_BYTES)
    total_cost_nanousd: int = 0

    def next(self, values: FieldValues, operator_cost_nanousd: int) -> "Head":
        """The end after one more row. Raises ValueError where the total leaves the range of an amount."""
        total = self.total_cost_nanousd + operator_cost_nanousd
        if not 0 <= total <= MAX_NANOUSD:
            raise ValueError(f"row {self.sequence + 1}: a total of {total} nano-dollars is no amount")
        return Head(self.sequence + 1, row_hash(self.hash, self.sequence + 1, values, total), total)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it is read back."""

    sequence: int
    values: FieldValues
    operator_cost_nanousd: int
    total_cost_nanousd: int
    hash: bytes


def row_hash(previous_hash: bytes, sequence: int, values: FieldValues, total_cost_nanousd: int) -> bytes:
    """The hash of a row."""
    text = json.dumps([ROW_FORM, sequence, *values, total_cost_nanousd], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(previous_hash + text.encode()).digest()


def first_broken_sequence(rows: Iterable[StoredRow]) -> int | None:
    """The number of the first row that is not what the chain says it is; None where all are.

    Rows dropped from the end do not show here: whoever keeps the last hash elsewhere can tell.
    """
    head = Head()
    for row in rows:
        try:
            head = head.next(row.values, row.operator_cost_nanousd)
        except ValueError:
            return head.sequence + 1
        if (row.sequence, row.hash, row.total_cost_nanousd) != (head.sequence, head.hash, head.total_cost_nanousd):
            return head.sequence
    return None
