"""Work that nobody waits for, such as a call of the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial, wraps
from types import coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from textual.dom import DOMNode
from textual.worker import Worker

if TYPE_CHECKING:
    from wtpd.tui.crash import Mishaps

Node = TypeVar("Node", bound=DOMNode)


class Host(Protocol):
    """An app whose screens work in the background."""

    mishaps: Mishaps


Work = Callable[[], Coroutine[Any, Any, Any]]


def background(node: DOMNode, work: Work, group: str, *, exclusive: bool = True) -> Worker[None]:
    """Run `work` in the background for as long as `node` exists; `exclusive` replaces the work under way in its group.

    A screen can be left while an answer is on its way: the work is cancelled at the first `await` that returns after
    `node` has gone, so no screen needs a check of its own before it draws. An unexpected error doesn't end the app: it
    is logged and reported in the message line.
    """

    async def guarded() -> None:
        with cast("Host", node.app).mishaps.reported():
            await _while_present(node, work())

    worker: Worker[None] = node.run_worker(guarded, group=group, exclusive=exclusive, exit_on_error=False)
    return worker


def in_background(group: str) -> Callable[[Callable[[Node], Coroutine[Any, Any, None]]], Callable[[Node], None]]:
    """Turn a method of a screen or widget into one that does its work in the `background`, exclusively in `group`."""

    def decorate(method: Callable[[Node], Coroutine[Any, Any, None]]) -> Callable[[Node], None]:
        @wraps(method)
        def start(node: Node) -> None:
            background(node, partial(method, node), group)

        return start

    return decorate


def is_present(node: DOMNode) -> bool:
    """Whether `node` can still be drawn: neither it nor the app is being closed."""
    app = node.app
    if app._exit or app._closing or not app.is_running:
        return False
    return node is app or (node.is_attached and not node._pruning and not node._closing)


@coroutine
def _while_present(node: DOMNode, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, None]:
    """Await `work`; throws `CancelledError` into it, once, when it would go on after `node` has gone."""
    resume = partial(work.send, None)
    gone = False
    while True:
        try:
            awaited = resume()
        except StopIteration:
            return
        try:
            resume = partial(work.send, (yield awaited))
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # a cancellation from outside
            resume = partial(work.throw, error)
        if not gone and not is_present(node):
            gone = True
            if isinstance(awaited, asyncio.Future) and awaited.done() and not awaited.cancelled():
                awaited.exception()  # asyncio would complain that nobody looked at it
            resume = partial(work.throw, asyncio.CancelledError(f"{node} was left"))
