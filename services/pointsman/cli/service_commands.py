"""`pointsman up`, and a command for each service: load the settings, serve until stopped.

When all is ready the addresses are printed: by `up` as a screen for people, else as one line of JSON.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from pointsman.classifier.settings import ClassifierSettings
from pointsman.cli.gateway_http import ADDRESSES_FILE
from pointsman.cli.worker_processes import serve_workers
from pointsman.kit.lifecycle import run_until_stopped
from pointsman.kit.logging import configure_logging, get_logger
from pointsman.settings import ALL_SETTINGS, inactive_settings, load_all, load_one

Addresses = Mapping[str, str]
# Each `serve` takes its own settings type; `load_one` gives it just that.
Serve = Callable[[Any], AbstractAsyncContextManager[Addresses]]


def serve_one(name: str) -> int:
    """Run one service alone; the exit status."""
    settings = load_one(ALL_SETTINGS[name])
    configure_logging(settings.log_level)
    warn_of_inactive_settings(name)
    if isinstance(settings, ClassifierSettings) and settings.worker_count > 1:
        workers = serve_workers(name, settings.worker_ports, drain_s=settings.drain_s, log=get_logger(name))
        return run_until_stopped(workers, on_ready=print_addresses)
    return run_until_stopped(server_of(name)(settings), on_ready=print_addresses)


def server_of(name: str) -> Serve:
    """How the service is served. Imported by name, because an image holds the libraries of one service only."""
    serve: Serve = import_module(f"pointsman.{name}.server").serve
    return serve


def serve_all(arguments: argparse.Namespace) -> int:
    """Run everything in this process; the exit status."""
    settings = load_all()
    # A person who starts it by hand wants the screen, not a line for each request.
    is_quiet = not arguments.json and "log_level" not in settings.gateway.model_fields_set
    configure_logging("warning" if is_quiet else settings.gateway.log_level)
    warn_of_inactive_settings("up")
    if settings.classifier.worker_count > 1:
        problem = "POINTSMAN_CLASSIFIER_WORKERS: has no effect: `up` runs everything in one process"
        get_logger("up").warning("settings_inactive", settings=[problem])
    # Here, because an image of one service has neither the others' libraries nor the screen's, and because
    # gRPC reads its log level from the environment when it is imported.
    from pointsman import up
    from pointsman.cli.ready_screen import print_progress, print_ready_screen

    key = settings.gateway.admin_key.get_secret_value() if settings.gateway.admin_key else None

    async def show_screen(addresses: Addresses) -> None:
        # In a thread: the screen asks the gateway, which runs on this loop.
        await asyncio.to_thread(print_ready_screen, addresses, key=key)

    serving = up.serve(settings, on_progress=None if arguments.json else print_progress)
    on_ready = print_addresses if arguments.json else show_screen
    return run_until_stopped(with_addresses_file(serving, settings.gateway.var_dir), on_ready=on_ready)


def warn_of_inactive_settings(command: str) -> None:
    """One line where something is set that has no effect: a silent one would deceive."""
    if problems := inactive_settings():
        get_logger(command).warning("settings_inactive", settings=problems)


async def print_addresses(addresses: Addresses) -> None:
    """One line, for programs that start a service and wait for it."""
    print(json.dumps(dict(addresses)), flush=True)


@asynccontextmanager
async def with_addresses_file(serving: AbstractAsyncContextManager[Addresses], var_dir: Path) -> AsyncIterator[Addresses]:
    """The same, with the addresses written to `addresses.json` for as long as they hold."""
    async with serving as addresses:
        path = var_dir / ADDRESSES_FILE
        await asyncio.to_thread(write_whole, path, json.dumps(dict(addresses), indent=1) + "\n")
        try:
            yield addresses
        finally:
            path.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write the file so that no reader sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
