"""Orders: a chord over two queues, and the task that beat sends all day."""

from __future__ import annotations

from celery import chord

from shop import images, mail
from shop.celery import shop


@shop.task
def place(order: int, pictures: int = 3) -> str:
    """Start the chord of one order and return the id of its last step."""
    return str(fulfilment(order, pictures).apply_async().id)


@shop.task
def ship(done: list[str], order: int) -> str:
    """The chord's last step: runs once, when all steps before it are done."""
    return f"order {order} shipped after {len(done)} steps"


@shop.task
def heartbeat() -> None:
    """Show that beat beats."""


@shop.task(acks_late=False)
def announce() -> None:
    """Tell the shop's window that something was sold: better never than twice."""


def fulfilment(order: int, pictures: int) -> chord:
    """The chord of one order: `pictures` thumbnails and two messages, then `ship`."""
    steps = [images.thumbnail.s(order * pictures + index) for index in range(pictures)]
    steps += [mail.send.s(f"buyer-{order}@example.org"), mail.webhook.s(order)]
    return chord(steps, ship.s(order))
