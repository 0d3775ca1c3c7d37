from tests.e2e.manual import Urls, try_manual
from tests.e2e.stack import Stack


def test_every_call_of_the_manual_works(stack: Stack) -> None:
    addresses = stack.addresses
    names = ("gateway", "classifier_rest", "registry_rest", "dashboard")
    try_manual(Urls(*(f"http://{addresses[name]}" for name in names)))
