"""What `pointsman up` shows: how far the start is, and when all is ready: where to call, which models answer, and why the others do not."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pointsman.cli.gateway_http import GatewayRefused, GatewayUnreachable, call_gateway

LABELS = {"gateway": "REST and OpenAI API", "dashboard": "dashboard", "classifier_grpc": "classifier", "registry_grpc": "registry"}
LABELS |= {"executor_grpc": "executor", "ledger_grpc": "ledger"}
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
    """Where each service listens."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, address in sorted(addresses.items(), key=lambda entry: FIRST.get(entry[0], len(FIRST))):
        scheme = "grpc " if name.endswith("_grpc") else "http://"
        table.add_row(LABELS.get(name, name), f"{scheme}{address}")
    return table


def models_table(models: list[dict[str, Any]]) -> Table:
    """Which models can be called, and why the others can not."""
    table = Table("model", "provider", "", box=None, padding=(0, 2))
    for model in sorted(models, key=lambda entry: not entry["callable"]):
        state = Text("callable", style="green") if model["callable"] else Text(model["not_callable_reason"], style="dim")
        table.add_row(Text(model["name"]), Text(model["provider"]), state)
    return table
