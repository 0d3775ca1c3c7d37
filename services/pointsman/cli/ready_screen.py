"""What `pointsman up` shows: how far the start is, and when all is ready: where to call, which models answer, and why the others do not."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pointsman.cli.gateway_http import GatewayRefused, GatewayUnreachable, call_gateway

LABELS = {"gateway": "REST and OpenAI API"}
SHOWN_NAMES = 4  # of the models that lack the same
FIRST = {"gateway": 0, "dashboard": 1}  # what people open


def print_ready_screen(addresses: Mapping[str, str], *, key: str | None) -> None:
    """Print the screen. key: the admin key, where one is set. What keeps the models from being listed is shown in their place."""
    console = Console(highlight=False)
    url = f"http://{addresses['gateway']}"
    console.print(Text("\nPointsman is ready", style="bold green"))
    console.print(addresses_table(addresses))
    try:
        console.print(models_table(call_gateway(url, "/v1/models", key=key)["models"]))
    except (GatewayRefused, GatewayUnreachable) as error:
        console.print(Text(f"The models cannot be listed: {error}", style="yellow"))
    if key is None:
        console.print(Text("No key is set: whoever reaches this address may call. POINTSMAN_ADMIN_KEY ends that.", style="yellow"))
    console.print(Text("\nTry it:"))
    console.print(Text('  pointsman route "Write a Python function to sort a list"'))
    example = """{"prompt": "Write a Python function to sort a list", "mode": "recommend"}"""
    console.print(Text(f"  curl {url}/route -H 'content-type: application/json' -d '{example}'\n"), soft_wrap=True)


def print_progress(share: float, step: str) -> None:
    """One line while the encoder's graph is built. share: done so far, 0 to 1."""
    print(f"building the classifier's graph: {share:4.0%}  {step}", flush=True)


def addresses_table(addresses: Mapping[str, str]) -> Table:
    """Where each service listens, one row for each."""
    by_service: dict[str, list[str]] = {}
    for name, address in addresses.items():
        service, _, protocol = name.partition("_")
        by_service.setdefault(service, []).append(f"grpc {address}" if protocol == "grpc" else f"http://{address}")
    table = Table(box=None, show_header=False, padding=(0, 2))
    for service, spoken in sorted(by_service.items(), key=lambda entry: FIRST.get(entry[0], len(FIRST))):
        table.add_row(LABELS.get(service, service), "   ".join(sorted(spoken, reverse=True)))
    return table


def models_table(models: list[dict[str, Any]]) -> Table:
    """The models that can be called, one a row; the others by what they lack, because a catalogue has many."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    lacking: dict[str, list[str]] = {}
    for model in models:
        if model["callable"]:
            table.add_row(Text("callable", style="green"), Text(f"{model['name']} ({model['provider']})"))
        else:
            lacking.setdefault(model["not_callable_reason"], []).append(model["name"])
    for reason, names in lacking.items():
        shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else "")
        table.add_row(Text(reason, style="dim"), Text(shown, style="dim"))
    return table
