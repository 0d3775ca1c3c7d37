"""The mock's bill, checked by hand."""

import pytest

from tests.fakes.provider.bill import Bill, ModelPrice, Work, prices_from_json


@pytest.mark.parametrize(
    ("work", "expected_nanousd"),
    [
        pytest.param(Work("m", 1, 0), 1, id="37.5 pico-dollars are rounded up"),
        pytest.param(Work("m", 1000, 0), 38, id="rounded once for the request, not for each token"),
        pytest.param(Work("m", 0, 3), 900, id="whole nano-dollars stay"),
        pytest.param(Work("m", 100, 10, cached_tokens=100), 3_001, id="cached tokens at their own price"),
        pytest.param(Work("free", 5, 5), 0, id="without a price"),
        pytest.param(Work("m", 0, 0), 0, id="no work"),
    ],
)
def test_cost_is_the_sum_in_picodollars_rounded_up_once(work: Work, expected_nanousd: int) -> None:
    bill = Bill({"m": ModelPrice(input_picousd=38, output_picousd=300_000, cached_input_picousd=10)})
    assert bill.cost_nanousd(work) == expected_nanousd


def test_cached_tokens_cost_as_any_where_no_price_is_given() -> None:
    assert Bill({"m": ModelPrice(1000, 0)}).cost_nanousd(Work("m", 10, 0, cached_tokens=4)) == 10


def test_bill_sums_its_entries() -> None:
    bill = Bill({"m": ModelPrice(1, 1)}, [Work("m", 1, 1), Work("m", 1, 1), Work("other", 7, 7)])
    summary = bill.as_json()
    assert (summary["total_nanousd"], summary["prompt_tokens"], summary["completion_tokens"]) == (2, 9, 9)


@pytest.mark.parametrize("document", [[], {"m": {"input": 1}}, {"m": {"input_picousd": -1}}, {"m": {"input_picousd": 0.5}}, {"m": 3}])
def test_what_is_no_price_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="price"):
        prices_from_json(document)
