import pytest
from pydantic import SecretStr
from starlette.requests import Request

from pointsman.kit.errors import InvalidArgument, Unauthenticated
from pointsman.registry.rest.update_access import UpdateAccess

TOKEN = SecretStr("service-token")
KEY = SecretStr("pm-admin-0123456789")


def request(*authorization: str, host: str = "127.0.0.1:8001") -> Request:
    headers = [(b"host", host.encode()), *((b"authorization", value.encode()) for value in authorization)]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("host", "token", "key", "given", "expected"),
    [
        pytest.param("127.0.0.1", None, None, None, (True, True), id="loopback-without-secrets"),
        pytest.param("127.0.0.1", None, KEY, None, (True, False), id="loopback-with-a-key-set"),
        pytest.param("127.0.0.1", None, KEY, KEY, (True, True), id="loopback-with-the-key-shown"),
        pytest.param("127.0.0.1", TOKEN, None, None, (False, False), id="loopback-with-a-token-set"),
        pytest.param("0.0.0.0", TOKEN, KEY, None, (False, False), id="elsewhere-without"),
        pytest.param("0.0.0.0", TOKEN, KEY, TOKEN, (True, True), id="elsewhere-with-the-token"),
        pytest.param("0.0.0.0", TOKEN, KEY, KEY, (True, True), id="elsewhere-with-the-key"),
        pytest.param("0.0.0.0", TOKEN, KEY, SecretStr("pm-admin-0123456788"), (False, False), id="elsewhere-with-another-key"),
        pytest.param("0.0.0.0", None, None, None, (True, True), id="anonymous-by-the-operator's-word"),
        pytest.param("0.0.0.0", None, KEY, None, (True, False), id="anonymous-with-a-key-set"),
    ],
)
async def test_who_may_read_and_who_may_update(
    host: str, token: SecretStr | None, key: SecretStr | None, given: SecretStr | None, expected: tuple[bool, bool]
) -> None:
    access = UpdateAccess(host, token, key)
    asking = request() if given is None else request(f"Bearer {given.get_secret_value()}")
    for allowed, authenticate in zip(expected, (access.authenticate, access.authenticate_update), strict=True):
        if allowed:
            await authenticate(asking)
        else:
            with pytest.raises(Unauthenticated):
                await authenticate(asking)


async def test_two_credentials_are_none() -> None:
    access = UpdateAccess("0.0.0.0", TOKEN, KEY)
    with pytest.raises(Unauthenticated):
        await access.authenticate_update(request("Bearer service-token", "Bearer pm-admin-0123456789"))


async def test_a_page_in_a_browser_that_rebinds_its_name_changes_nothing() -> None:
    access = UpdateAccess("127.0.0.1", None, None)
    with pytest.raises(InvalidArgument):
        await access.authenticate_update(request(host="evil.example"))


async def test_the_record_gets_the_id_of_the_key_that_was_shown_and_no_more() -> None:
    access = UpdateAccess("0.0.0.0", TOKEN, KEY)
    assert await access.authenticate_update(request(f"Bearer {KEY.get_secret_value()}")) == "admin"
    assert await access.authenticate_update(request(f"Bearer {TOKEN.get_secret_value()}")) == ""
