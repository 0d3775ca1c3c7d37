"""The mock provider as a process of its own, for tests.

with start_provider(prices={"ok": {"input_picousd": 150_000, "output_picousd": 600_000}}) as provider:
    ... provider.base_url ... provider.bill()["total_nanousd"] ...
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[3]
CONTROL_TIMEOUT_S = 10
STOP_TIMEOUT_S = 10

Prices = Mapping[str, Mapping[str, int]]
Json = dict[str, Any]  # Any: what a test reads of it is asserted there


class ProviderProcess:
    """A running mock. Leaving its context stops it; it ends by itself with the process that started it."""

    def __init__(self, popen: subprocess.Popen[bytes], base_url: str) -> None:
        self.popen = popen
        self.base_url = base_url

    @property
    def port(self) -> int:
        """Where it listens; start_provider(port=…) takes it up again after stop()."""
        return int(self.base_url.rpartition(":")[2].partition("/")[0])

    def bill(self) -> Json:
        """{"entries": [{model, prompt_tokens, cached_tokens, completion_tokens, cost_nanousd, usage_delivered}], "total_nanousd": …}."""
        return self._control("bill")

    def stats(self) -> Json:
        """The counters of tests.fakes.provider.state.Stats."""
        return self._control("stats")

    def reset(self) -> None:
        """Forget the bill and the counters; prices and aliases stay."""
        self._control("reset", {})

    def set_prices(self, prices: Prices) -> None:
        """Prices by model in pico-dollars per token, added to those before."""
        self._control("prices", prices)

    def set_models(self, behaviours: Mapping[str, str]) -> None:
        """Let models behave as other names say, such as {"gpt-4o": "err500"}; callable at any time."""
        self._control("models", behaviours)

    def stop(self) -> None:
        """End it, cutting off what is under way; nothing where it has ended."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close_pipes()

    def kill(self) -> None:
        """End it without any chance to say goodbye."""
        self.popen.kill()
        self.popen.wait()
        self._close_pipes()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def _control(self, name: str, document: object = None) -> Json:
        data = None if document is None else json.dumps(document).encode()
        url = self.base_url.removesuffix("/v1") + f"/_control/{name}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        # No proxy: the machine's settings must not come between a test and its own process.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=CONTROL_TIMEOUT_S) as response:
            answer: Json = json.loads(response.read())
        return answer

    def _close_pipes(self) -> None:
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()


OLLAMA_MODELS = {"phi3:latest": "ok"}


def start_ollama(*, port: int = 0, models: Mapping[str, str] = OLLAMA_MODELS) -> ProviderProcess:
    """Start a mock that behaves as Ollama does: no key, models by name and tag. `models`: those that were pulled → names of behaviours."""
    return start_provider(port=port, models=models, arguments=["--ollama"])


def start_provider(
    *, port: int = 0, prices: Prices | None = None, models: Mapping[str, str] | None = None, arguments: Sequence[str] = ()
) -> ProviderProcess:
    """Start the mock and wait until it listens. `models`: names of models → names of behaviours. arguments: more of `__main__`."""
    command = [sys.executable, "-m", "tests.fakes.provider", "--port", str(port)]
    command += ["--prices", json.dumps({model: dict(price) for model, price in (prices or {}).items()})]
    command += ["--models", json.dumps(dict(models or {})), *arguments]
    popen = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert popen.stdout is not None
    line = popen.stdout.readline()
    if not line:
        popen.kill()
        popen.wait()
        raise RuntimeError("the mock provider did not start; its error stands above")
    return ProviderProcess(popen, json.loads(line)["base_url"])
