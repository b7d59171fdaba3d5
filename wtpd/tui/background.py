"""Work that nobody waits for, such as a call of the API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker


def background(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, exclusive: bool = True
) -> Worker[None]:
    """Do `work` for as long as `node` is there; with `exclusive` it replaces what is under way in its group. The
    coroutine is made when it begins, so that one that never does leaves no warning behind. An error ends the app."""
    worker: Worker[None] = node.run_worker(work, group=group, exclusive=exclusive, exit_on_error=True)
    return worker
