"""The lab's command line: see `tests/lab/lab --help`."""

from __future__ import annotations

import argparse
import os
import sys

import lab
from lab import control, engine, image, model

ENVIRONMENT = (
    "LAB_PODMAN: how to call podman (default podman); 'sudo podman' where a rootless one cannot limit hosts. "
    "LAB_RELEASE: release of hosts that name none."
)
FAULTS = ("stop", "start", "kill", "pause", "unpause", "disconnect", "connect")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(prog="lab", description=lab.__doc__, epilog=ENVIRONMENT)
    verbs = top.add_subparsers(dest="verb", required=True)

    verb = verbs.add_parser("image", help="build the hosts' images ahead of time")
    verb.add_argument("release", nargs="*", choices=[*model.RELEASES, []], help="default: all")

    verb = verbs.add_parser("up", help="bring up the hosts of an inventory, just as it asks")
    verb.add_argument("-i", "--inventory", action="append", required=True, metavar="PATH")
    verb.add_argument("-n", "--name", default="lab", help="name of the lab (default: lab)")
    verb.add_argument("-l", "--limit", help="only these hosts, as Ansible reads it")

    verb = verbs.add_parser("down", help="remove a lab and all its files")
    verb.add_argument("-n", "--name", default="lab")
    verb.add_argument("--all", action="store_true", help="every lab of this checkout")

    verbs.add_parser("list", help="the hosts of this checkout's labs")

    verb = verbs.add_parser("shell", help="a root shell on a host, or one command there")
    verb.add_argument("-n", "--name")
    verb.add_argument("host")
    verb.add_argument("words", nargs=argparse.REMAINDER, metavar="command")

    verb = verbs.add_parser("fault", help="break a host from outside, or fix it")
    verb.add_argument("-n", "--name")
    verb.add_argument("action", choices=FAULTS)
    verb.add_argument("host", nargs="+")
    return top


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    match options.verb:
        case "image":
            for release in options.release or model.RELEASES:
                print(image.ensure(release, control.CACHE))
        case "up":
            control.up(control.lab(options.name), control.read_inventory(options.inventory, options.limit))
        case "down":
            for name in control.names() if options.all else [options.name]:
                control.down(control.lab(name))
        case "list":
            for row in control.table():
                print("{:<16} {:<20} {:<10} {:<10} {}".format(*row))
        case "shell":
            container = control.find(options.host, options.name)
            podman = engine.command()
            terminal = ["-it"] if sys.stdin.isatty() else ["-i"]
            words = [*podman, "exec", *terminal, container, *(options.words or ["bash", "-l"])]
            sys.stdout.flush()
            os.execvp(words[0], words)
        case "fault":
            for host in options.host:
                control.fault(options.action, host, options.name)


def main() -> int:
    """Entry point: 0, or 1 with one message on stderr."""
    try:
        run(parser().parse_args())
    except model.LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
