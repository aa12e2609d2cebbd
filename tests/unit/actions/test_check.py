"""The action that ends a play with its problems, and the filters that it loads for everybody."""

from __future__ import annotations

import subprocess
import sys

LOADS = """
import sys
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader()
action_loader.get("celeryops.systemd.check", class_only=True)
print(*sys.modules, sep="\\n")
"""


def test_loading_the_action_loads_what_the_filters_import() -> None:
    """As the process does from which every task's own is forked."""
    modules = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True).stdout
    utils = "ansible_collections.celeryops.systemd.plugins.plugin_utils"
    assert {f"{utils}.plan", f"{utils}.beat", f"{utils}.problems"} <= set(modules.split())


def test_a_problem_ends_the_play_and_no_problem_is_quiet() -> None:
    command = ["ansible", "localhost", "--connection=local", "-m", "celeryops.systemd.check", "-a"]
    fine = subprocess.run([*command, '{"problems": []}'], capture_output=True, text=True, check=False)
    wrong = subprocess.run(
        [*command, '{"problems": ["web1: a = 1: is not b; mend it", "web1: c = 2: is wrong; mend it too"]}'],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (fine.returncode, wrong.returncode) == (0, 2)
    assert "web1: a = 1: is not b; mend it" in wrong.stdout
    assert "web1: c = 2: is wrong; mend it too" in wrong.stdout
