import pytest

from pointsman.kit.errors import AddressInUse, ErrorKind, NotFound, ServiceError, class_of, internal_error


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_has_a_class_of_its_own(kind: ErrorKind) -> None:
    assert class_of(kind).kind is kind
    assert issubclass(class_of(kind), ServiceError)


def test_an_error_holds_what_it_was_given() -> None:
    error = NotFound("model_not_found", "no such model", param="model", provider="p", retry_after_s=1.5, metadata={"a": "b"})
    assert (error.reason, error.message, error.param, error.provider, error.retry_after_s) == (
        "model_not_found",
        "no such model",
        "model",
        "p",
        1.5,
    )
    assert dict(error.metadata) == {"a": "b"}
    assert str(error) == "model_not_found: no such model"


def test_an_address_in_use_names_it() -> None:
    assert "127.0.0.1:80" in AddressInUse("127.0.0.1:80").message


@pytest.mark.parametrize(("request_id", "message"), [("req_1", "internal error, request req_1"), (None, "internal error")])
def test_an_internal_error_says_where_to_look_and_no_more(request_id: str | None, message: str) -> None:
    assert internal_error(request_id).message == message
