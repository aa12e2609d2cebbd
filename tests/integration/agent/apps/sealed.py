# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that signs its messages and takes no others, as docs/how-to/signed-messages.md has it."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

# Of this end, key.pem and certificate.pem; in trusted/, the certificates of all who may send.
seal = os.environ["SEAL"]

application = Celery("sealed")
application.conf.update(
    task_serializer="auth",
    result_serializer="auth",
    accept_content=["auth"],
    security_key=f"{seal}/key.pem",
    security_certificate=f"{seal}/certificate.pem",
    security_cert_store=f"{seal}/trusted/*.pem",
    result_backend=os.environ["CELERY_BROKER_URL"],
)
application.setup_security()


@application.task
def add(one: int, two: int) -> int:
    """Leave a mark, and return the sum."""
    with (Path(os.environ["MARKS"]) / "done").open("a", encoding="utf-8") as out:
        out.write(f"{one}+{two}\n")
    return one + two


@application.task
def hand_on(queue: str) -> None:
    """Send a task from within a task."""
    add.apply_async((7, 7), queue=queue)
