"""What failures of the HTTP client mean."""

import aiohttp
import pytest

from pointsman.executor.adapters.http_provider import fault_of
from pointsman.executor.adapters.outbound_guard import AddressRefused
from pointsman.executor.core.faults import FailureReason

FAULTS = {
    "connecting took too long": (aiohttp.ConnectionTimeoutError(), FailureReason.PROVIDER_TIMEOUT),
    "reading took too long": (aiohttp.SocketTimeoutError(), FailureReason.PROVIDER_TIMEOUT),
    "hung up": (aiohttp.ServerDisconnectedError(), FailureReason.PROVIDER_ERROR),
    "broken off": (aiohttp.ClientPayloadError(), FailureReason.PROVIDER_ERROR),
    "reset": (ConnectionResetError(), FailureReason.PROVIDER_ERROR),
    "no URL": (aiohttp.InvalidURL("x"), FailureReason.PROVIDER_ERROR),
    "refused address": (AddressRefused("x"), FailureReason.PROVIDER_ERROR),
    "newline in a header": (ValueError("x"), FailureReason.PROVIDER_ERROR),
    "certificate file missing": (FileNotFoundError("/etc/x"), FailureReason.PROVIDER_ERROR),
}


@pytest.mark.parametrize(("error", "reason"), FAULTS.values(), ids=FAULTS.keys())
def test_each_failure_has_a_reason_and_words_without_an_address(error: Exception, reason: FailureReason) -> None:
    fault = fault_of(error)
    assert fault.reason is reason
    assert "/" not in fault.message
