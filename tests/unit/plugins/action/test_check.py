"""The action that ends a play with its problems."""

from __future__ import annotations

import subprocess


def test_a_problem_ends_the_play_and_no_problem_is_quiet() -> None:
    command = ["ansible", "localhost", "--connection=local", "-m", "celeryops.systemd.check", "-a"]
    fine = subprocess.run([*command, '{"problems": []}'], capture_output=True, text=True, check=False)
    wrong = subprocess.run(
        [*command, '{"problems": ["web1: a = 1: is not b; fix it", "web1: c = 2: is wrong; fix it too"]}'],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (fine.returncode, wrong.returncode) == (0, 2)
    assert "web1: a = 1: is not b; fix it" in wrong.stdout
    assert "web1: c = 2: is wrong; fix it too" in wrong.stdout
