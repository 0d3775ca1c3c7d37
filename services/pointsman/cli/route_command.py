"""`pointsman route "prompt"`: which model would answer, and why; with `--generate` also the answer."""

import argparse
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pointsman.cli.gateway_http import GatewayRefused, GatewayUnreachable, call_gateway, gateway_url
from pointsman.gateway.settings import GatewaySettings
from pointsman.settings import load_one

SHOWN_CANDIDATES = 5


def route(arguments: argparse.Namespace) -> int:
    """Ask the running gateway and show what it says; the exit status."""
    settings = load_one(GatewaySettings)
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    body: dict[str, Any] = {"prompt": prompt, "mode": "generate" if arguments.generate else "recommend"}
    if arguments.policy is not None:
        body["policy"] = policy_of(arguments.policy)
    key = settings.admin_key.get_secret_value() if settings.admin_key else None
    try:
        answer = call_gateway(gateway_url(settings.var_dir, port=settings.port), "/route", body=body, key=key)
    except (GatewayRefused, GatewayUnreachable) as error:
        print(f"pointsman: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        show(answer, Console())
    return 0


def policy_of(text: str) -> str | float:
    """A number where it reads as one, else a name."""
    try:
        return float(text)
    except ValueError:
        return text


def show(answer: dict[str, Any], console: Console) -> None:
    """The decision as a person reads it."""
    console.print(Text(classification_line(answer["classification"])))
    console.print(Text(answer["why"]["summary"], style="bold"))
    console.print(ranking_table(answer["ranking"][:SHOWN_CANDIDATES]))
    for flip in answer["why"]["flips"]:
        console.print(Text(f"would change it: {flip}", style="dim"))
    if answer["degraded"]:
        console.print(Text(f"degraded: {', '.join(answer['degraded'])}", style="yellow"))
    if "response" in answer:
        console.print(Text(f"\n{answer['response']}\n"))
        cost = f"cost {usd_text(answer['cost_usd'])}"
        console.print(Text(f"{answer['selected_model']}, {cost} USD, {answer['latency_ms']:.0f} ms", style="dim"))


def classification_line(classification: dict[str, Any]) -> str:
    """What kind of prompt it is, and how sure that is."""
    if classification["category"] is None:
        return "not classified"
    kind = f"{classification['category']}, {classification['difficulty']}"
    return f"{kind} ({classification['domain_confidence']:.0%} sure, {classification['ms']:.1f} ms)"


def usd_text(cost_usd: float | None) -> str:
    """An amount as people write it, to the nano-dollar."""
    return "unknown" if cost_usd is None else f"{cost_usd:.9f}".rstrip("0").rstrip(".")


def ranking_table(ranking: list[dict[str, Any]]) -> Table:
    """The first candidates with the numbers that placed them."""
    table = Table("model", "provider", "success", "cost USD", "latency ms", box=None)
    for candidate in ranking:
        model = candidate["model"]
        figures = (f"{candidate['success_probability']:.2f}", usd_text(candidate["expected_cost_usd"]))
        table.add_row(Text(model["id"]), Text(model["provider"]), *figures, f"{candidate['expected_latency_ms']:.0f}")
    return table
