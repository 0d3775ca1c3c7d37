"""What a user of the containers sees. `make test-compose` runs it, where there is a Docker engine."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.compose.containers import DASHBOARD, GATEWAY, REGISTRY, Containers, docker
from tests.e2e.manual import Urls, ask, try_manual

pytestmark = pytest.mark.compose

NUMBERS = itertools.count()
CALLERS = 4


def recommend() -> tuple[int, Any]:
    """A decision about a prompt that was never asked before; the status is 0 where no answer came."""
    try:
        status, answer, _ = ask(f"{GATEWAY}/route", {"prompt": f"Prove lemma {next(NUMBERS)} about primes", "mode": "recommend"})
    except OSError as error:
        return 0, error
    return status, answer


def test_every_call_of_the_manual_works(containers: Containers) -> None:
    try_manual(Urls(GATEWAY, containers.classifier_urls()[0], REGISTRY, DASHBOARD))


def test_three_classifiers_share_the_load(containers: Containers) -> None:
    before = containers.classified_counts()
    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(lambda _: recommend(), range(300)))
    assert {status for status, _ in answers} == {200}
    shares = [after - count for after, count in zip(containers.classified_counts(), before, strict=True)]
    print(f"\nshares of 300: {shares}")
    assert len(shares) == 3
    assert min(shares) >= 60


def test_no_request_is_lost_with_a_classifier(containers: Containers) -> None:
    stop = threading.Event()

    def keep_asking(_: int) -> list[tuple[int, Any]]:
        answers = []
        while not stop.is_set():
            answers.append(recommend())
            time.sleep(0.05)
        return answers

    with ThreadPoolExecutor(CALLERS) as callers:
        asking = callers.map(keep_asking, range(CALLERS))
        time.sleep(2)
        docker("kill", "--signal", "KILL", containers.ids("classifier")[0])
        time.sleep(6)
        stop.set()
        answers = [answer for answers in asking for answer in answers]
    failed = [answer for status, answer in answers if status != 200]
    degraded = sum(bool(answer["degraded"]) for status, answer in answers if status == 200)
    print(f"\n{len(answers)} requests, {len(failed)} failed, {degraded} by rules")
    assert failed == []


def test_classifications_are_shared_through_redis(containers: Containers) -> None:
    prompt = {"prompt": f"Translate this poem about lemma {next(NUMBERS)}"}
    urls = containers.classifier_urls()
    assert ask(f"{urls[0]}/classify", prompt)[1]["cache"] == "miss"
    time.sleep(0.5)  # it is written beside the answer
    assert {ask(f"{url}/classify", prompt)[1]["cache"] for url in urls} == {"hit"}
