"""What a service's HTTP port says, as a scraper or an orchestrator reads it."""

import asyncio
import urllib.error
import urllib.request


async def get(address: str, path: str, **headers: str) -> tuple[int, str]:
    """Status and body."""

    def ask() -> tuple[int, str]:
        request = urllib.request.Request(f"http://{address}{path}", headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(ask)


def samples_of(body: str) -> dict[str, float]:
    """Values by series, as they are written."""
    lines = (line.rpartition(" ") for line in body.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, _, value in lines}


async def scrape(address: str) -> dict[str, float]:
    """The service's metrics."""
    status, body = await get(address, "/metrics")
    assert status == 200, body
    return samples_of(body)
