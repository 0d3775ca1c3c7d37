import re

import pytest

from pointsman.dashboard.edge.headers import SecurityHeaders
from pointsman.dashboard.edge.sign_in_page import sign_in_page
from pointsman.kit.http_middleware import Message, Receive, Scope, Send


async def answer(content_type: bytes, *parts: bytes) -> tuple[dict[str, str], bytes, int]:
    """Headers and body of an answer, and how many messages it came in."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type), (b"content-length", b"3")]})
        for index, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": index + 1 < len(parts)})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    await SecurityHeaders(app)({"type": "http"}, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return headers, b"".join(message["body"] for message in sent[1:]), len(sent)


async def test_inline_parts_of_a_page_get_its_nonce_and_no_other_may_run() -> None:
    page = b'<style>a</style><script type="module">b</script><div style="display: none"></div><p>&lt;script&gt;</p>'
    headers, body, _ = await answer(b"text/html; charset=utf-8", page[:30], page[30:])
    policy = headers["content-security-policy"]
    nonce = re.search(r"script-src 'self' 'nonce-([\w-]{22})';", policy)
    assert nonce is not None
    expected = (
        f'<style nonce="{nonce[1]}">a</style><script nonce="{nonce[1]}" type="module">b</script><div hidden></div><p>&lt;script&gt;</p>'
    )
    assert body == expected.encode()
    assert headers["content-length"] == str(len(body))
    assert "unsafe" not in policy
    assert "http" not in policy.replace("https:", "http:")
    assert "frame-ancestors 'none'" in policy


async def test_each_page_has_a_nonce_of_its_own() -> None:
    first, _, _ = await answer(b"text/html", b"<script>")
    second, _, _ = await answer(b"text/html", b"<script>")
    assert first["content-security-policy"] != second["content-security-policy"]


@pytest.mark.parametrize("content_type", [b"application/json", b"text/javascript"])
async def test_what_is_no_page_passes_as_it_comes(content_type: bytes) -> None:
    headers, body, messages = await answer(content_type, b"<script>", b"x")
    assert (body, messages) == (b"<script>x", 3)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "script-src 'self';" in headers["content-security-policy"]


def test_sign_in_page_escapes_what_it_tells() -> None:
    assert "<script>" not in sign_in_page("<script>")
    assert 'role="alert"' not in sign_in_page()
