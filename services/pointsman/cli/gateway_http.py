"""How commands talk to a running gateway: over its REST API, like any other client."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

ADDRESSES_FILE = "addresses.json"
REQUEST_TIMEOUT_S = 610  # longer than the gateway's own longest request by default, so that its answer is heard
# No proxy: what is called is on this machine or named by its operator.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class GatewayUnreachable(Exception):
    """Nothing answers at the gateway's address."""


class GatewayRefused(Exception):
    """What answered is an error of the gateway's, with its own message, or no gateway's answer."""


def gateway_url(var_dir: Path, *, port: int) -> str:
    """Where the gateway listens: what `up` wrote into its folder, else the port of the settings."""
    return f"http://{read_addresses(var_dir).get('gateway', f'127.0.0.1:{port}')}"


def read_addresses(var_dir: Path) -> dict[str, str]:
    """Where the services of a running `up` listen, by name; empty where none runs on that folder."""
    written = var_dir / ADDRESSES_FILE
    addresses: dict[str, str] = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    return addresses


def call_gateway(url: str, path: str, *, body: object = None, key: str | None = None) -> dict[str, Any]:
    """The JSON that the gateway answers: to a POST where there is a body, else to a GET.

    Raises GatewayUnreachable where nothing listens or answers in time, GatewayRefused with the answer's message.
    """
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data=data, headers=headers)  # noqa: S310  # our own http address
    try:
        with OPENER.open(request, timeout=REQUEST_TIMEOUT_S) as answer:
            parsed: dict[str, Any] = json.load(answer)
            return parsed
    except urllib.error.HTTPError as error:
        with error:
            raise GatewayRefused(refusal(error.read(), error.code)) from error
    except (HTTPException, ValueError) as error:
        raise GatewayRefused(f"what answers at {url} is no gateway") from error
    except OSError as error:
        raise GatewayUnreachable(f"no gateway answers at {url}; start one with `pointsman up`") from error


def refusal(body: bytes, status: int) -> str:
    """The message of an error answer, with its code."""
    try:
        error = json.loads(body)["error"]
        return f"{error['message']} ({error['code']})"
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered with status {status}"
