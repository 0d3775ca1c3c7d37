"""The gateway's REST API as the dashboard uses it: a client like any other."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr

from pointsman.dashboard.core.reading import text_at
from pointsman.kit.errors import ServiceError, Unauthenticated, Unavailable, UpstreamFailed

TIMEOUT_S = 3.0  # the gateway itself waits 2 s for figures that its ledger holds up
MAX_ANSWER_BYTES = 4 << 20  # one decision takes 256 KiB at most, a report of 500 models as much
MAX_CONNECTIONS = 8  # more reports than these are never asked for at a time
DECISIONS_SHOWN = 25
JSON_ERRORS = (ValueError, RecursionError)


class GatewayClient:
    """Asks for reports. Every method returns JSON as it came, because another version of the gateway may be on the other side.

    Raises Unavailable "gateway_away" where nothing answers in time, Unauthenticated "key_refused" where the key is not
    taken, UpstreamFailed "report_refused" for any other refusal, with the gateway's own words.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """session: with the credential that the gateway is shown, if any."""
        self._session = session
        self._url = url.rstrip("/")

    async def read_health(self) -> object:
        """Services and models."""
        return await self._get("/v1/health")

    async def read_providers(self) -> object:
        """Providers, with what would make them callable."""
        return await self._get("/v1/providers")

    async def read_models(self) -> object:
        """How models have been doing."""
        return await self._get("/metrics/models")

    async def read_metrics(self, time_range: str) -> object:
        """Sums over a stretch of time such as "1h"."""
        return await self._get(f"/v1/metrics?time_range={quote(time_range)}")

    async def read_decisions(self) -> object:
        """The last decisions in short."""
        return await self._get(f"/v1/decisions?limit={DECISIONS_SHOWN}")

    async def read_decision(self, decision_id: str) -> object:
        """One decision, with its ranking."""
        return await self._get(f"/v1/decisions/{quote(decision_id, safe='')}")

    async def _get(self, path: str) -> object:
        try:
            async with self._session.get(f"{self._url}{path}", allow_redirects=False) as answer:
                body = await read_bounded(answer)
                is_answered = answer.ok
        except TimeoutError as error:
            raise Unavailable("gateway_away", f"the gateway at {self._url} does not answer within {TIMEOUT_S:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable("gateway_away", f"no gateway answers at {self._url}") from error
        parsed = parse(body)
        if is_answered and parsed is not None:
            return parsed
        raise refusal(parsed, self._url)


@asynccontextmanager
async def open_client(url: str, key: SecretStr | None) -> AsyncIterator[GatewayClient]:
    """A client until the context is left. key: what the gateway is shown."""
    headers = {"accept": "application/json"} | ({} if key is None else {"authorization": f"Bearer {key.get_secret_value()}"})
    async with aiohttp.ClientSession(
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # the gateway is ours: no proxy stands between
    ) as session:
        yield GatewayClient(session, url)


async def read_bounded(answer: aiohttp.ClientResponse) -> bytes:
    """The body. Raises UpstreamFailed where it is longer than any report."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise UpstreamFailed("report_refused", f"the gateway's report is longer than {MAX_ANSWER_BYTES >> 20} MiB")
    return bytes(body)


def parse(body: bytes) -> object:
    """The JSON; None where it is none."""
    try:
        parsed: object = json.loads(body)
    except JSON_ERRORS:
        return None
    return parsed


def refusal(parsed: object, url: str) -> ServiceError:
    """What an answer that is no report means."""
    code, message = text_at(parsed, "error", "code"), text_at(parsed, "error", "message")
    match code:
        case None:
            return UpstreamFailed("report_refused", f"what answers at {url} is no gateway")
        case "invalid_api_key" | "insufficient_scope":
            return Unauthenticated("key_refused", "the gateway does not take the dashboard's key; POINTSMAN_DASHBOARD_KEY sets it")
        case "route_not_found":
            return UpstreamFailed("report_refused", "this gateway has no such report; it is older than the dashboard")
        case _:
            return UpstreamFailed("report_refused", f"{message} ({code})")
