# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which brokers an operator is told of."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_safety import doubtful_redis


@pytest.mark.parametrize(
    ("version", "told"), [("6.0.16", True), ("6.2.0", False), ("7.0.15", False), ("", False)]
)
def test_a_version_too_old_for_kombu(version: str, told: bool) -> None:
    """The bindings of queues that expire need ZADD GT."""
    answer = doubtful_redis(version, {})
    assert any(f"version = {version}: kombu 5.7 needs" in line for line in answer) is told
