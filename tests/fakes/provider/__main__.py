"""Run the mock provider: `python -m tests.fakes.provider --port 0`.

Prints {"base_url": …, "port": …} in one line when it is ready, and ends on SIGTERM, or when standard input closes.
"""

import argparse
import asyncio
import json
import signal
import sys

from aiohttp import web

from tests.fakes.provider.application import make_application
from tests.fakes.provider.bill import Bill, prices_from_json
from tests.fakes.provider.state import ProviderState

HOST = "127.0.0.1"


async def serve(port: int, state: ProviderState) -> None:
    """Serve until told to stop; what is under way is cut off."""
    # Without handler_cancellation a caller who leaves would go unnoticed until the next write.
    runner = web.AppRunner(make_application(state), handler_cancellation=True, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        bound_port = runner.addresses[0][1]
        print(json.dumps({"base_url": f"http://{HOST}:{bound_port}/v1", "port": bound_port}), flush=True)
        await told_to_stop()
    finally:
        await runner.cleanup()


async def told_to_stop() -> None:
    """Wait for a signal, or for the end of standard input, which comes at the latest with the parent's."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopped.set)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    ended = asyncio.ensure_future(reader.read())
    ended.add_done_callback(lambda _: stopped.set())
    try:
        await stopped.wait()
    finally:
        ended.cancel()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--prices", default="{}", help='JSON, such as {"ok": {"input_picousd": 150000, "output_picousd": 600000}}')
    parser.add_argument("--models", default="{}", help='JSON, other names for behaviours, such as {"gpt-4o": "ok-20"}')
    parser.add_argument("--ollama", action="store_true", help="behave as Ollama does, --models being those that were pulled")
    arguments = parser.parse_args()
    state = ProviderState(bill=Bill(prices_from_json(json.loads(arguments.prices))), is_ollama=arguments.ollama)
    state.set_aliases(json.loads(arguments.models))
    asyncio.run(serve(arguments.port, state))


if __name__ == "__main__":
    main()
