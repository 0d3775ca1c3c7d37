"""A classifier of its own process: `python -m … VAR_DIR`. Prints its addresses, and what it tells of its start; ends with its input."""

import asyncio
import json
import sys
from pathlib import Path

from pointsman.classifier.adapters.cache_secret import cache_secret
from pointsman.classifier.server import serve
from tests.integration.classifier.test_service import settings_for


async def main(var_dir: Path) -> None:
    settings = settings_for(var_dir)
    steps: list[str] = []
    async with serve(settings, on_progress=lambda _share, step: steps.append(step)) as addresses:
        secret = cache_secret(settings.folder, None).hex()
        print(json.dumps({**addresses, "steps": steps, "secret": secret}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
