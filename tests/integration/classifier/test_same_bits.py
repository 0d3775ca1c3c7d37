"""The same text and the same artefact give the same bits: in whatever company, and in whichever process."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pointsman.api.classifier.v1 import classifier_pb2 as pb
from pointsman.api.classifier.v1.classifier_pb2_grpc import ClassifierServiceStub
from pointsman.classifier.server import SERVICE_NAME
from pointsman.kit.grpc_client import ServiceChannel
from tests.integration.classifier.test_service import Client, connect, settings_for

SENTENCE = "Compare the two offers, say which one is cheaper over three years, and why the other might still be worth it. "
STARTS = (
    "hello",
    "Write a Python function to sort a list",
    "¿Cuál es la capital de Francia?",
    "Solve the equation 3x^2 - 12x + 9 = 0 and show each step",
    "请写一首关于大海的诗",
    "def f(x):\n    return [y for y in x if y % 2]\n\nWhat does this do?",
)
# From a word to more than the encoder reads, and more than the window of characters.
REPEATS = (0, 1, 3, 10, 60)
PROMPTS = [f"{start} {SENTENCE * repeats}".strip() for repeats in REPEATS for start in STARTS]


def bits(found: pb.Classification) -> bytes:
    """All that was judged, without the times that it took."""
    judged = pb.Classification()
    judged.CopyFrom(found)
    judged.ClearField("timings")
    return judged.SerializeToString(deterministic=True)


async def alone(client: Client, texts: Sequence[str]) -> dict[str, bytes]:
    return {text: bits(await client.classify(text)) for text in texts}


async def in_a_batch(client: Client, texts: Sequence[str]) -> dict[str, bytes]:
    return dict(zip(texts, map(bits, await client.classify_all(*texts)), strict=True))


async def at_once(client: Client, texts: Sequence[str]) -> dict[str, bytes]:
    return dict(zip(texts, map(bits, await asyncio.gather(*map(client.classify, texts))), strict=True))


@asynccontextmanager
async def another_process(var_dir: Path) -> AsyncIterator[Client]:
    """A classifier that shares nothing with ours but its folder."""
    command = (sys.executable, "-m", "tests.integration.classifier.start_replica", str(var_dir))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = b""
        while not line.startswith(b'{"classifier'):
            line = await process.stdout.readline()
            assert line, "the other process did not start"
        async with ServiceChannel(json.loads(line)["classifier_grpc"], service=SERVICE_NAME) as channel:
            yield Client(channel, ClassifierServiceStub(channel.channel))
    finally:
        await process.communicate(b"")


async def test_text_is_judged_alike_to_the_bit_in_any_company_and_any_process(var_dir: Path) -> None:
    async with AsyncExitStack() as stack:
        ours = await connect(stack, settings_for(var_dir, cache_ttl_s=0))
        other = await stack.enter_async_context(another_process(var_dir))
        expected = await alone(ours, PROMPTS)
        assert len(set(expected.values())) > len(STARTS)
        assert await in_a_batch(ours, PROMPTS) == expected
        assert await in_a_batch(ours, PROMPTS[::-1]) == expected
        assert await at_once(ours, PROMPTS) == expected
        # The other one has a cache, so each text is sent to it once.
        assert await alone(other, PROMPTS[::2]) | await in_a_batch(other, PROMPTS[1::2]) == expected
