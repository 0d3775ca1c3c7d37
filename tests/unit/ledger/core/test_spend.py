"""The life of a spend."""

from dataclasses import replace

import pytest

from pointsman.ledger.core.spend import SpendState
from tests.unit.ledger.books import a_spend

OPEN, SETTLED, EXPIRED, CORRECTED = SpendState


@pytest.mark.parametrize(
    ("before", "settled", "expired"),
    [(OPEN, SETTLED, EXPIRED), (SETTLED, SETTLED, SETTLED), (EXPIRED, CORRECTED, EXPIRED), (CORRECTED, CORRECTED, CORRECTED)],
)
def test_what_follows_on_each_state(before: SpendState, settled: SpendState, expired: SpendState) -> None:
    spend = replace(a_spend(), state=before)
    assert (spend.settled().state, spend.expired().state) == (settled, expired)


@pytest.mark.parametrize(("state", "reserved"), [(OPEN, 30), (SETTLED, 0), (EXPIRED, 0), (CORRECTED, 0)])
def test_only_an_open_spend_reserves(state: SpendState, reserved: int) -> None:
    assert replace(a_spend("spd_1", 10, 20), state=state).reserved_nanousd == reserved
