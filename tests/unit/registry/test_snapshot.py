from pointsman.registry.core.snapshot import KindState, next_kind_state


def test_versions_count_from_one_and_only_where_the_content_differs() -> None:
    first = next_kind_state(None, digest="a", now_s=10.0)
    assert first == KindState(number=1, create_time_s=10.0, digest="a")
    assert next_kind_state(first, digest="a", now_s=20.0) is first
    assert next_kind_state(first, digest="b", now_s=20.0) == KindState(number=2, create_time_s=20.0, digest="b")
