# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock of beat, and the ticks it lets through, on a real Redis."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from celery import Celery
from celeryops_agent.lease import Claim, Lease, broker_lease
from eventually import wait_until

from integration.agent.harness import Stage

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
TICK = timedelta(seconds=5)


def lease(stage: Stage, seconds: float = 60.0, target: str = "shop", prefix: str = "") -> Lease:
    """One beat's view of the lock."""
    app = Celery("shop", broker=stage.redis.url, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": prefix} if prefix else {}
    found = broker_lease(app, seconds, target)
    assert found is not None
    return found


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_one_has_it_until_it_lets_go(stage: Stage, prefix: str) -> None:
    first, second = lease(stage, prefix=prefix), lease(stage, prefix=prefix)
    assert first.hold() == ""
    assert second.hold() != ""
    assert first.hold() == ""
    second.release()  # it is not its own
    assert second.hold() != ""
    first.release()
    assert second.hold() == ""
    assert stage.redis.ask("KEYS", "*") == f"{prefix}celeryops:beat:shop:lock"


def test_it_ends_by_itself(stage: Stage) -> None:
    first, second = lease(stage, seconds=0.2), lease(stage)
    first.hold()
    wait_until("it is free", lambda: second.hold() == "")
    assert first.claim("tick", NOON) is Claim.LOST
    assert first.claim("tick", None) is Claim.LOST


def test_two_apps_in_one_redis_do_not_wait_for_each_other(stage: Stage) -> None:
    assert lease(stage).hold() == ""
    assert lease(stage, target="blog").hold() == ""


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_each_tick_is_claimed_once(stage: Stage, prefix: str) -> None:
    """Also by the one that leads later: it may have loaded the schedule before the tick was sent."""
    first, second = lease(stage, prefix=prefix), lease(stage, prefix=prefix)
    first.hold()
    assert first.claim("tick", NOON) is Claim.OURS
    first.release()
    second.hold()
    assert second.claim("tick", NOON) is Claim.TAKEN
    assert second.claim("tick", NOON - TICK) is Claim.TAKEN
    assert second.claim("another", NOON - TICK) is Claim.OURS
    assert second.claim("tick", NOON + TICK) is Claim.OURS
    assert second.claim("tick", NOON + TICK + timedelta(microseconds=1)) is Claim.OURS


def test_times_are_compared_and_not_their_zones(stage: Stage) -> None:
    first = lease(stage)
    first.hold()
    assert first.claim("tick", NOON) is Claim.OURS
    assert first.claim("tick", NOON.astimezone(timezone(timedelta(hours=-9)))) is Claim.TAKEN


def test_it_comes_back_after_an_outage(stage: Stage) -> None:
    first = lease(stage)
    first.hold()
    stage.redis.stop()
    with pytest.raises(first.errors):
        first.hold()
    with pytest.raises(first.errors):
        first.release()
    stage.redis.start()
    assert first.hold() == ""


def test_no_lock_without_redis() -> None:
    app = Celery("shop", broker="amqp://127.0.0.1:1", set_as_current=False)
    assert broker_lease(app, 60.0, "shop") is None
