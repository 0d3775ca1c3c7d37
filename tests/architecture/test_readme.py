"""The pages for people tell the truth: the table of settings is the code's, and the places that are named exist."""

import re
from pathlib import Path

import pytest

from pointsman.kit.settings import ServiceSettings, environment_names
from pointsman.settings import ALL_SETTINGS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def settings_table() -> str:
    """One row for each setting, those that all services share first."""
    rows = ["| name | of | default | meaning |", "| --- | --- | --- | --- |"]
    shared = {entry.name for entry in environment_names(ServiceSettings)}
    by_service: dict[str, type[ServiceSettings]] = {"all": ServiceSettings, **ALL_SETTINGS}
    for service, kind in by_service.items():
        for entry in environment_names(kind):
            if service == "all" or entry.name not in shared:
                names = ", ".join(f"`{name}`" for name in (entry.name, *entry.aliases))
                rows.append(f"| {names} | {service} | {entry.default.removesuffix('()') or 'unset'} | {entry.description} |")
    return "\n".join(merge_services(rows))


def merge_services(rows: list[str]) -> list[str]:
    """One row for a setting that several services have alike."""
    merged: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        name, service, *rest = (cell.strip() for cell in row.strip("|").split(" | "))
        merged.setdefault((name, *rest), []).append(service)
    return [f"| {name} | {', '.join(services)} | {' | '.join(rest)} |" for (name, *rest), services in merged.items()]


def test_settings_table_is_that_of_the_code() -> None:
    table = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", README, re.DOTALL)
    assert table is not None
    assert table[1] == settings_table()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_path_that_is_named_exists(page: str) -> None:
    named = re.findall(r"`((?:services|protos|deploy|docs|tests|requirements)/[\w./-]+)`", (ROOT / page).read_text(encoding="utf-8"))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
