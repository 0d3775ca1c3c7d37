import pytest

from pointsman.cli.worker_processes import joined, list_target


@pytest.mark.parametrize(
    ("addresses", "target"),
    [
        (["127.0.0.1:1", "127.0.0.1:2"], "ipv4:127.0.0.1:1,127.0.0.1:2"),
        (["[::1]:1", "[::1]:2"], "ipv6:[::1]:1,[::1]:2"),
    ],
    ids=["IPv4", "IPv6"],
)
def test_one_target_names_all_workers(addresses: list[str], target: str) -> None:
    assert list_target(addresses) == target


def test_each_worker_keeps_the_address_of_its_facade() -> None:
    found = [{"classifier_rest": f"127.0.0.1:{number}", "classifier_grpc": f"127.0.0.1:{number + 10}"} for number in (1, 2)]
    assert joined("classifier", found) == {
        "classifier_rest": "127.0.0.1:1",
        "classifier_rest_2": "127.0.0.1:2",
        "classifier_grpc": "ipv4:127.0.0.1:11,127.0.0.1:12",
    }
