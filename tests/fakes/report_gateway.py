"""A gateway that answers reports alone, as the REST API promises them, and can be made to fail; for clients of these."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

NOW = datetime.now(UTC)


def ago(**stretch: float) -> str:
    """A moment before this module was loaded."""
    return (NOW - timedelta(**stretch)).isoformat(timespec="milliseconds")


def percentiles(p50: float | None, p95: float | None = None, p99: float | None = None) -> dict[str, float | None]:
    return {"p50": p50, "p95": p95, "p99": p99}


def service(**facts: Any) -> dict[str, Any]:
    """One service that is well."""
    well = {
        "ok": True,
        "reason": None,
        "version": "0.1.0",
        "instance": "gateway_1",
        "started_at": ago(hours=3),
        "cpu_time_s": 12.5,
        "memory_bytes": 201 << 20,
        "open_connections": 7,
        "in_flight": 2,
        "round_trip_ms": 1.4,
        "degraded": [],
        "applied_configs": [{"kind": "catalog", "version": 7, "epoch": "e1", "from_disk": False}],
    }
    return {**well, **facts}


def health(**facts: Any) -> dict[str, Any]:
    """`GET /v1/health` of a product that is well."""
    services = {name: service() for name in ("gateway", "classifier", "registry", "executor", "ledger")}
    well = {
        "status": "ok",
        "degraded": [],
        "models": {"total": 3, "active": 3, "callable": 2, "not_callable": []},
        "services": services,
        "catalog_version": 7,
        "catalog_error": None,
        "last_sync": ago(minutes=9),
        "data_sources": ["catalog.yaml"],
        "inactive_sections": [],
        "subscribers": [],
        "classifier": None,
        "ledger": None,
    }
    return {**well, **facts}


def model(name: str, **facts: Any) -> dict[str, Any]:
    """One model of `GET /metrics/models`."""
    used = {
        "id": name,
        "provider": "openai",
        "requests": 120,
        "attempts": 124,
        "success_rate": 0.9917,
        "latency_ms": percentiles(812.0, 2210.0, 4100.0),
        "time_to_first_token_ms": percentiles(310.0, 700.0, 1200.0),
        "tokens": {"input": 48_210, "output": 23_004},
        "cost_usd": 0.0421,
        "caller_cost_usd": 0.0,
        "breaker": "closed",
        "queue_depth": 0,
        "in_flight": 1,
        "availability": 0.99,
        "available": True,
        "not_available_reason": None,
        "last_check": ago(seconds=4),
    }
    return {**used, **facts}


def totals(requests: int = 300, errors: int = 3) -> dict[str, Any]:
    return {
        "requests": requests,
        "errors": errors,
        "cost_usd": 0.000_311 * requests,
        "latency_ms": percentiles(640.0, 2050.0, 3900.0) if requests else percentiles(None),
        "time_to_first_token_ms": percentiles(280.0, 690.0, 1150.0) if requests else percentiles(None),
        "tokens": {"input": 400 * requests, "output": 200 * requests},
    }


def metrics(time_range: str, requests: int = 300, errors: int = 3) -> dict[str, Any]:
    """`GET /v1/metrics`, by the minute."""
    points = [{"time": ago(minutes=minute), **totals(1 + minute % 9, 0)} for minute in range(55)] if requests else []
    frame = {"time_range": time_range, "from": ago(hours=1), "to": ago(), "degraded": []}
    series = [{"key": None, "provider": None, "points": points}]
    return {**frame, "group_by": None, "bucket_s": 60, "series": series, "totals": totals(requests, errors)}


def decision(index: int, **facts: Any) -> dict[str, Any]:
    """One decision of `GET /v1/decisions`."""
    categories = ("coding", "math", "creative_writing", "question", "chat")
    made: dict[str, Any] = {
        "decision_id": f"dec_{index}",
        "request_id": f"req_{index}",
        "created_at": ago(seconds=7 * index),
        "project": "default",
        "key": None,
        "category": categories[index % len(categories)],
        "difficulty": ("easy", "medium", "hard")[index % 3],
        "confidence": 0.953,
        "policy": "balanced",
        "cause": "ranked",
        "model": "gpt-4.1-nano",
        "degraded": [],
        "catalog_version": 7,
    }
    return {**made, **facts}


def candidate(rank: int, name: str, **facts: Any) -> dict[str, Any]:
    """One model of a decision's ranking."""
    ranked = {
        "rank": rank,
        "model": {"id": name, "provider": "openai", "display_name": name, "location": "cloud"},
        "score": 0.0041 - rank * 0.001,
        "success_probability": 0.93 - rank * 0.05,
        "expected_cost_usd": 0.00012 * rank,
        "expected_latency_ms": 410.0 * rank,
        "terms": {"value": 0.0047, "cost": -0.0001, "latency": -0.0015},
        "reasons": [f"success {0.93 - rank * 0.05:.2f} for this prompt", "within the budget"],
    }
    return {**ranked, **facts}


def decision_detail(decision_id: str, **facts: Any) -> dict[str, Any]:
    """`GET /v1/decisions/{id}`."""
    detail = {
        "request_id": "req_1",
        "decision_id": decision_id,
        "classification": {
            "category": "coding",
            "difficulty": "easy",
            "ms": 2.4,
            "complexity_score": 0.15,
            "domain_confidence": 0.953,
            "classification_method": "hybrid",
            "matched_rules": ["coding.function"],
            "cache": "miss",
        },
        "ranking": [candidate(1, "gpt-4.1-nano"), candidate(2, "gpt-4.1"), candidate(3, "phi3")],
        "excluded": [{"model": "tiny", "reason": "context_window", "message": "prompt needs 210000 tokens, model takes 128000"}],
        "why": {"summary": "gpt-4.1-nano: best value for a coding prompt that is easy", "flips": ["gpt-4.1 would win below 0.62"]},
        "policy": "balanced",
        "estimated_tokens": {"input": 12, "output": 180},
        "degraded": [],
        "catalog_version": 7,
        "cause": "ranked",
    }
    return {**detail, **facts}


PROVIDERS = {
    "providers": [
        {
            "id": "openai",
            "location": "cloud",
            "callable": True,
            "not_callable_reason": None,
            "breaker": "closed",
            "in_flight": 1,
            "queue_depth": 0,
            "limits": None,
            "cooling_until": None,
            "last_error_code": None,
            "last_check": ago(seconds=4),
            "models": [],
        },
        {
            "id": "ollama",
            "location": "local",
            "callable": False,
            "not_callable_reason": "nothing answers; OLLAMA_BASE_URL says where it is",
        },
    ]
}


@dataclass
class ReportGateway:
    """What it answers by path (JSON, or bytes as they are), and what it was asked. key: what it wants to be shown."""

    answers: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    delay_s: float = 0.0
    is_away: bool = False  # then it hangs up
    asked: Counter[str] = field(default_factory=Counter)
    address: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def fill(self, *, requests: int = 300) -> "ReportGateway":
        """Answer as a product that has been used; requests: 0 for one that has not."""
        self.answers = {
            "/v1/health": health(),
            "/v1/providers": PROVIDERS,
            "/metrics/models": {"time_range": "24h", "models": [model("gpt-4.1-nano"), model("gpt-4.1", requests=7, breaker="open")]},
            "/v1/metrics?time_range=1h": metrics("1h", requests, 3 if requests else 0),
            "/v1/metrics?time_range=24h": metrics("24h", 4 * requests, 3 if requests else 0),
            "/v1/decisions?limit=25": {"decisions": [decision(index) for index in range(1, 13)] if requests else [], "next_cursor": None},
        }
        return self

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One answer."""
        path = request.path_qs
        self.asked[path] += 1
        await asyncio.sleep(self.delay_s)
        if self.is_away and request.transport is not None:
            request.transport.abort()
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"code": "invalid_api_key", "message": "no valid key"}}, status=401)
        if path in self.answers:
            given = self.answers[path]
            return web.Response(body=given) if isinstance(given, bytes) else web.json_response(given)
        prefix, _, decision_id = path.rpartition("/")
        if prefix == "/v1/decisions":
            return web.json_response(self.details.get(decision_id, decision_detail(decision_id)))
        return web.json_response({"error": {"code": "route_not_found", "message": "no such path"}}, status=404)


@contextmanager
def reports_in_thread(gateway: ReportGateway) -> Iterator[ReportGateway]:
    """Serve it on a loop of its own, for tests that block theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="report-gateway")
    thread.start()
    serving = serve_reports(gateway)
    try:
        asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result(timeout=10)
        yield gateway
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result(timeout=10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


@asynccontextmanager
async def serve_reports(gateway: ReportGateway, *, port: int = 0) -> AsyncIterator[ReportGateway]:
    """Serve it on a port of its own until the context is left."""
    app = web.Application()
    app.router.add_get("/{path:.*}", gateway.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        host, bound_port = runner.addresses[0][:2]
        gateway.address = f"{host}:{bound_port}"
        yield gateway
    finally:
        await runner.cleanup()
