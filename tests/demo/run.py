"""Make the lab's bare hosts a fleet, send real tasks through it and show what became of them.

`make demo` brings the hosts up and runs this. It can be run again at any time: what is as it should be is
left alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.flower import tunnel, visit

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".cache" / "venv" / "bin"
NAME = "demo"
INVENTORY = "inventories/lab"
CONNECTION = f".cache/lab/{NAME}/inventory.json"
SSH_CONFIG = ROOT / ".cache" / "lab" / NAME / "ssh_config"
PASSWORD = ROOT / ".cache" / "lab" / "secrets" / "flower"

LOOK_AROUND = f"""
Look around:
  make shell HOST=worker1         then: systemctl status 'celery*', journalctl -u 'celery-worker@*' -f
  make demo                       again, quicker: nothing changes where nothing has to
  .cache/venv/bin/ansible-playbook -i {INVENTORY} -i {CONNECTION} celeryops.systemd.status
Flower: ssh -F {SSH_CONFIG.relative_to(ROOT)} -N -L 5555:127.0.0.1:5555 ops1
  and open http://127.0.0.1:5555 as demo; the password is in {PASSWORD.relative_to(ROOT)}
Take it down:
  make demo-down"""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took."""
    print(f"\n== {title}", flush=True)
    began = time.monotonic()
    yield
    print(f"== {time.monotonic() - began:.0f} s", flush=True)


def run(*words: str) -> None:
    """Run a command of the checkout in full view; a failure ends the demo with its status."""
    status = subprocess.run(words, cwd=ROOT, env=environment(), check=False).returncode
    if status:
        print(f"demo: `{' '.join(words)}` ended with status {status}", file=sys.stderr)
        sys.exit(status)


def play(playbook: str) -> None:
    """Play a playbook of the collection on the lab."""
    run(str(TOOLS / "ansible-playbook"), "-i", INVENTORY, "-i", CONNECTION, f"celeryops.systemd.{playbook}")


def environment() -> dict[str, str]:
    """The environment of every command: the checkout's own tools, and Ansible's files within it."""
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "ANSIBLE_HOME": str(ROOT / ".cache/ansible"), "PYTHONPATH": "tests"}


def show_flower() -> bool:
    """Ask Flower without and with credentials; tell whether it answered 401 and 200."""
    with tunnel(SSH_CONFIG, "ops1", 5555) as address:
        without = visit(f"{address}/api/workers")
        answer = visit(f"{address}/api/workers", "demo", PASSWORD.read_text().strip())
    print(f"Flower on ops1: {without} without credentials, {answer} with them")
    return (without, answer) == (401, 200)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="demo", description="Build a fleet and run real tasks on it.")
    parser.add_argument("--count", type=int, default=600, help="tasks to send (default 600)")
    parser.add_argument("--chords", type=int, default=20, help="chords to send besides (default 20)")
    options = parser.parse_args(arguments)

    began = time.monotonic()
    with step("site.yml: the fleet as the inventory asks for it"):
        play("site")
    with step("Real tasks through every queue, and chords over several"):
        run(
            sys.executable, "-m", "load", "--lab", NAME, "--sender", "ops1", "--workers", "worker1,worker2",
            "--count", str(options.count), "--chords", str(options.chords),
        )  # fmt: skip
    with step("status.yml: what runs where"):
        play("status")
    with step("Flower"):
        well = show_flower()
    print(LOOK_AROUND)
    print(f"\nThe demo took {time.monotonic() - began:.0f} s.")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
