"""How the driver reaches the hosts: ssh alone, so that no route from here to the broker is needed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONFIG = "/etc/conf.d/celery"
APP = "/opt/celery/current/app"
LEDGERS = "/var/lib/celery/ledger"


class RemoteError(Exception):
    """A host did not do what it was asked; the message names it and carries its words."""


@dataclass(frozen=True)
class Hosts:
    """Hosts that ssh reaches by the names in its configuration file `ssh_config`."""

    ssh_config: Path

    def words(self, host: str, command: Sequence[str]) -> list[str]:
        """The words of a local command that runs `command` on `host` as root."""
        return ["ssh", "-F", str(self.ssh_config), host, "--", shlex.join(command)]

    def run(self, host: str, command: Sequence[str], stdin: str = "", accept: Sequence[int] = (0,)) -> str:
        """Run `command` on `host` and return what it printed.

        :raises RemoteError: It exited with a status that is not in `accept`.
        """
        words = self.words(host, command)
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode not in accept:
            problem = done.stderr.strip() or f"exit status {done.returncode}"
            raise RemoteError(f"{host}: {command[0]}: {problem}")
        return done.stdout

    def ledger(self, host: str, run: str) -> str:
        """The lines that tasks of `run` have left on `host`; none when no task ever ran there."""
        # The quote keeps grep from matching an id that merely contains the run's.
        return self.run(host, ["grep", "-rhs", f'"id": "{run}-', LEDGERS], accept=(0, 1, 2))


def in_release(arguments: Sequence[str]) -> list[str]:
    """A command that feeds its input to the deployed release's Python, as the user celery.

    systemd reads the environment files itself: no secret is in an argument, and none needs a shell.
    """
    properties = [
        f"EnvironmentFile={CONFIG}/broker.env",
        f"EnvironmentFile={CONFIG}/app.env",
        f"Environment=PYTHONPATH=/opt/celery/agent:{APP}",
        f"WorkingDirectory={APP}",
    ]
    return [
        "systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--uid=celery", "--gid=celery",
        *(word for value in properties for word in ("--property", value)),
        f"{APP}/../venv/bin/python", "-", *arguments,
    ]  # fmt: skip
