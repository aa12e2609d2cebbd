# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The problems of all hosts in one round: each once, with the hosts that have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHOWN = 4


def lines(problems: Mapping[str, Sequence[str]]) -> list[str]:
    """Return each problem on a line of its own, after the hosts that tell it, in the order they came.

    :param problems: by host, each text with its host before it.
    """
    hosts: dict[str, list[str]] = {}
    for host, texts in problems.items():
        for text in texts:
            tellers = hosts.setdefault(text.removeprefix(f"{host}: "), [])
            if host not in tellers:
                tellers.append(host)
    everyone = len(problems)
    return [f"{_named(names, everyone)}: {text}" for text, names in hosts.items()]


def _named(names: Sequence[str], everyone: int) -> str:
    if len(names) <= SHOWN:
        return ", ".join(names)
    if len(names) == everyone:
        return f"all {everyone} hosts"
    return f"{', '.join(names[: SHOWN - 1])} and {len(names) - SHOWN + 1} others"
