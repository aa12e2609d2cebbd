# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The restart of one queue leaves all other units alone."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.filter.rollout import rollout_course, rollout_target
from unit.plugins.plugin_utils.rollout.hosts import beat, host, seen, worker

QUEUES: dict[str, Any] = {"mail": {}, "mail-bulk": {}, "images": {}}
FLEET = seen(
    {
        "w1": host(worker("mail"), worker("mail-bulk"), worker("images"), beat()),
        "w2": host(worker("mail"), worker("images")),
    }
)


def test_only_units_of_the_queue_restart() -> None:
    found = rollout_target(FLEET, queue="mail", queues=QUEUES)
    units = ["celery-worker@mail-prefork.service"]
    assert found == {"units": {"w1": units, "w2": units}, "problems": []}
    course = rollout_course(FLEET, only=found["units"])
    assert [batch["units"] for batch in course["batches"]] == [{"w1": units}, {"w2": units}]


def test_an_unknown_queue_is_refused_with_the_nearest() -> None:
    assert rollout_target(FLEET, queue="mial", queues=QUEUES) == {
        "units": {},
        "problems": ["w1: queue = mial: no queue of celery_worker_queues; did you mean mail?"],
    }


def test_a_limit_without_a_worker_of_the_queue_is_refused() -> None:
    assert rollout_target({"w2": FLEET["w2"]}, queue="mail-bulk", queues=QUEUES)["problems"] == [
        "w2: queue = mail-bulk: none of the hosts has a worker of it; name hosts of celery_queue_mail_bulk "
        "in --limit, or leave it out"
    ]
