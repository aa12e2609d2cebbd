# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the broker may use of its host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.broker import broker_limits
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import limits
from hypothesis import given
from hypothesis import strategies as st

FACTS: dict[str, Any] = {"celeryops": {"memory_mb": 2048}}
SINGLE = {"celery_broker": ["hub"], "celery_queue_mail": ["hub"], "celery_beat": ["hub"]}
FLEET = {"celery_broker": ["hub"], "celery_queue_mail": ["w1", "w2"], "celery_flower": ["w1"]}


def test_limits_alone_and_beside_workers() -> None:
    """The unit's limit follows from the host, Redis's from the unit's."""
    alone = broker_limits(FACTS, FLEET, "hub")
    assert alone == {
        "maxmemory_mb": 752,
        "memory_max_mb": 1536,
        "why": "1536 of 2048 MB, for the host is its own",
        "clients": 10000,
        "disk_mb": 2256,
    }
    beside = broker_limits({"memtotal_mb": 2048}, SINGLE, "hub")
    assert (beside["maxmemory_mb"], beside["memory_max_mb"]) == (112, 256)
    named = broker_limits(FACTS, SINGLE, "hub", memory_max_mb=1000, maxmemory_mb=400)
    assert (named["maxmemory_mb"], named["memory_max_mb"]) == (400, 1000)
    with pytest.raises(ValueError, match="hub: broker_maxmemory_mb = 500: it needs 1032 MB"):
        broker_limits(FACTS, SINGLE, "hub", memory_max_mb=1000, maxmemory_mb=500)


@given(memory=st.integers(512, 2**21), shared=st.booleans())
def test_the_unit_holds_data_and_its_copy(memory: int, shared: bool) -> None:
    """On any host the derived numbers fit each other, and what the plan of the workers leaves."""
    found = limits.memory_limits(memory, shared)
    assert found.maxmemory_mb >= limits.LEAST_MAXMEMORY_MB
    assert 2 * found.maxmemory_mb + limits.REDIS_OWN_MB <= found.memory_max_mb < memory
    assert limits.LEAST_CLIENTS <= found.clients <= limits.MOST_CLIENTS
    if found.clients > limits.LEAST_CLIENTS:
        assert found.clients * limits.CLIENT_KB * limits.CLIENTS_SHARE <= found.maxmemory_mb * 1024
