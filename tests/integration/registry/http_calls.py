"""Calls to the registry's REST facade."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True)
class HttpAnswer:
    """Status and body of an answer."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of a refusal."""
        return self.status, self.json["error"]["code"]


@dataclass(frozen=True)
class HttpCalls:
    """Calls to one address."""

    address: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> HttpAnswer:
        async with self.session.get(f"http://{self.address}{path}", headers=headers) as answer:
            return HttpAnswer(answer.status, await answer.text())

    async def post(self, path: str, body: object, content_type: str = "application/json", **headers: str) -> HttpAnswer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": content_type, **headers}
        async with self.session.post(f"http://{self.address}{path}", data=io.BytesIO(data), headers=sent) as answer:
            return HttpAnswer(answer.status, await answer.text())

    async def update(self, *models: object, query: str = "", **headers: str) -> HttpAnswer:
        return await self.post(f"/update{query}", {"models": list(models)}, **headers)


@asynccontextmanager
async def http_calls_to(address: str) -> AsyncIterator[HttpCalls]:
    """Calls to the facade at that address."""
    async with aiohttp.ClientSession() as session:
        yield HttpCalls(address, session)
