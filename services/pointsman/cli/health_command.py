"""`pointsman health [service]`: whether a service takes work; what containers are probed with."""

import argparse
import json
import sys
import urllib.error
from http.client import HTTPException
from ipaddress import ip_address

from pointsman.classifier.settings import ClassifierSettings
from pointsman.cli.gateway_http import OPENER, read_addresses
from pointsman.kit.listening import join_address
from pointsman.kit.settings import ServiceSettings
from pointsman.settings import ALL_SETTINGS, load_one

TIMEOUT_S = 2.5  # a probe that takes longer is a failed one: containers are asked every few seconds
REST_SUFFIX = "_rest"


def health(arguments: argparse.Namespace) -> int:
    """Ask and print; 0 where every service asked takes work, else 1."""
    states = {name: state_of(address) for name, address in addresses_of(arguments.service).items()}
    if not states:
        print("pointsman: nothing runs on this folder; start it with `pointsman up`, or name a service", file=sys.stderr)
    if arguments.json:
        print(json.dumps(states))
    elif states:
        print("\n".join(f"{name}: {state}" for name, state in states.items()), file=sys.stdout if all_ready(states) else sys.stderr)
    return 0 if all_ready(states) else 1


def all_ready(states: dict[str, str]) -> bool:
    """True where there are any, and each takes work."""
    return bool(states) and all(state == "ready" for state in states.values())


def addresses_of(service: str | None) -> dict[str, str]:
    """HTTP address by service: of the one named, as its settings say; else of all that `up` runs on this folder."""
    if service is not None:
        settings = load_one(ALL_SETTINGS[service])
        host = reachable(settings.host)
        if isinstance(settings, ClassifierSettings) and settings.worker_count > 1:
            return {f"{service} {number}": join_address(host, port) for number, (_, port) in enumerate(settings.worker_ports, 1)}
        return {service: join_address(host, http_port(settings))}
    written = read_addresses(load_one(ALL_SETTINGS["gateway"]).var_dir)
    return {name.removesuffix(REST_SUFFIX): address for name, address in written.items() if not name.endswith("_grpc")}


def http_port(settings: ServiceSettings) -> int:
    """The port that answers /readyz: a service that speaks gRPC has another one for HTTP."""
    fields = settings.model_dump(include={"rest_port", "port"})
    port: int = fields.get("rest_port", fields["port"])
    return port


def reachable(host: str) -> str:
    """An address of this machine under which what listens on `host` answers: all addresses are none that one can call."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def state_of(address: str) -> str:
    """ "ready", or why not."""
    try:
        with OPENER.open(f"http://{address}/readyz", timeout=TIMEOUT_S):
            return "ready"
    except urllib.error.HTTPError as error:
        with error:
            return f"not ready ({error.code})"
    except (OSError, HTTPException):
        return f"nothing answers at {address}"
