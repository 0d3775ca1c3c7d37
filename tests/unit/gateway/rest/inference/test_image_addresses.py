"""Addresses of images: those on the web pass, and nothing that would make a provider look at itself."""

import pytest

from pointsman.gateway.rest.inference.image_addresses import may_be_passed_on


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://example.com:8080/a.png?b=c#d",
        "https://bücher.example/a.png",
        "http://10.0.0.7/a.png",  # an image server of the operator's own, for his own models
        "https://[2001:db8::1]/a.png",
        "https://8.8.8.8/a.png",
        "https://localhost.example.com/a.png",
        "https://face.example/a.png",  # letters that could be hexadecimal
        "data:image/png;base64,AAAA",
        "DATA:image/SVG+XML;base64,AAAA",
    ],
)
def test_images_on_the_web_and_in_the_address_itself_pass(url: str) -> None:
    assert may_be_passed_on(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//example.com/a.png",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://example.com",
        "ftp://example.com/a.png",
        "javascript:alert(1)",
        "data:text/html;base64,AAAA",
        "data:image/png,AAAA",
        "http://",
        "http:///a.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1%25eth0]/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://METADATA.google.internal./",
        "http://127.0.0.1:8080/admin",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://0/",
        "http://[::1]/",
        "http://[::]/",
        "http://localhost./",
        "http://x.localhost/",
        "http://user:secret@example.com/a.png",
        "http://example.com\n/a.png",
        "http://[broken/",
        "https://example.com/" + "a" * 8_192,
    ],
)
def test_what_would_make_a_provider_look_at_itself_does_not(url: str) -> None:
    assert not may_be_passed_on(url)
