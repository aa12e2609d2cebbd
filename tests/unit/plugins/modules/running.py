# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Modules run as Ansible runs them on a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from reference.roles import ROOT


def run_module(name: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run a module of the collection in a process of its own, with ``--diff``; return its result."""
    words = {
        "_ansible_version": "2.19.0",
        "_ansible_tracebacks_for": [],
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        **arguments,
    }
    done = subprocess.run(
        [sys.executable, ROOT / "plugins/modules" / f"{name}.py"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": words}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    # From ansible-core 2.22 on the module names the secrets, and it is Ansible that hides them.
    secrets = [json.dumps(secret)[1:-1] for secret in result.pop("_ansible_new_secrets", [])]
    text = json.dumps(result)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "$REDACTED$")
    masked: dict[str, Any] = json.loads(text)
    return masked
