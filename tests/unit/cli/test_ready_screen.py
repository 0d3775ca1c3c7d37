from io import StringIO
from typing import Any

from rich.console import Console

from pointsman.cli.ready_screen import addresses_table, models_table


def lines_of(table: Any) -> list[list[str]]:
    out = StringIO()
    Console(width=200, file=out).print(table)
    return [line.split() for line in out.getvalue().splitlines()]


def test_a_service_has_one_row_with_all_its_addresses_and_what_people_open_comes_first() -> None:
    addresses = {"classifier_grpc": "h:1", "classifier_rest": "h:2", "dashboard": "h:3", "gateway": "h:4", "ledger_grpc": "h:5"}
    assert lines_of(addresses_table(addresses)) == [
        ["REST", "and", "OpenAI", "API", "http://h:4"],
        ["dashboard", "http://h:3"],
        ["classifier", "http://h:2", "grpc", "h:1"],
        ["ledger", "grpc", "h:5"],
    ]


def model(name: str, reason: str | None) -> dict[str, Any]:
    return {"name": name, "provider": "p", "callable": reason is None, "not_callable_reason": reason}


def test_models_that_lack_the_same_share_a_row() -> None:
    models = [model("a", "set KEY"), model("b", None), *(model(f"c{number}", "set KEY") for number in range(5)), model("d", "is disabled")]
    assert [" ".join(line) for line in lines_of(models_table(models))] == [
        "callable b (p)",
        "set KEY a, c0, c1, c2 and 2 more",
        "is disabled d",
    ]
