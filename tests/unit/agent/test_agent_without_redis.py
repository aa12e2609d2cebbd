# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet on RabbitMQ may not have redis-py: kombu's module for Redis does not import there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from reference.roles import ROOT

#: None in sys.modules is how Python says that a module is not to be had.
WITHOUT = "import sys; sys.modules['redis'] = None; "


@pytest.mark.parametrize(
    "program",
    [
        "from celeryops_agent.internals import changed; assert changed() == '', changed()",
        "import celeryops_agent.fleet",
        "from celeryops_agent import dead_letters, deliveries; "
        "dead_letters.guard_transport('py-amqp'); deliveries.count_returns('py-amqp')",
    ],
)
def test_the_agent_does_without(program: str) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}/roles/celery_app/files:{ROOT}/tests/integration/agent/apps",
        "CELERYOPS_APP": "parcels:application",
        "CELERY_BROKER_URL": "amqp://127.0.0.1:1/",
    }
    command = [sys.executable, "-c", WITHOUT + program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
