# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of the agent's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.agent.harness import Redis, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A broker that runs; whatever the test starts on the stage ends with it."""
    redis = Redis(tmp_path)
    redis.start()
    stage = Stage(tmp_path, redis)
    yield stage
    for service in stage.services:
        service.kill()
    if redis.process is not None and redis.process.poll() is None:
        redis.stop()
