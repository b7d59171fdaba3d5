"""How messages are kept: each payload by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.store.messages import _packed, unpacked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=20,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(JSON, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_each_payload_can_be_read_without_the_others(values: list[Any], chance: Any) -> None:
    kept = [(value, _packed(value)) for value in values]
    chance.shuffle(kept)
    assert all(unpacked(payload) == value for value, payload in kept)


def test_a_payload_longer_than_the_window_comes_back_whole() -> None:
    value = {"notes": "".join(chr(33 + (number * 7919) % 90) for number in range(200_000))}
    assert unpacked(_packed(value)) == value


def test_threads_dont_meddle_with_each_other() -> None:
    values = [{"notes": f"{number} " * 200} for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda value: unpacked(_packed(value)), values)) == values
