# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.rollout_message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout.verdict import Stop, Verdict, message

DOCUMENTATION = r"""
name: rollout_message
short_description: What a rollout that stopped ends with
description:
  - Says what stopped where, with the journal; what was not touched; where the fleet is now; and what to do.
  - The journals are read from C(__rollout_journal) of each host.
positional: hosts, verdict
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts of the play, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  verdict:
    description: What is wrong, from P(celeryops.systemd.rollout_verdict#filter).
    type: dict
    required: true
  back:
    description: What is wrong after the way back to the former release.
    type: dict
    default: {}
  what:
    description: The rollout, in words.
    type: str
    required: true
  course:
    description: The rollout, from P(celeryops.systemd.rollout_course#filter).
    type: dict
    required: true
  number:
    description: The batch in which it stopped, from 1.
    type: int
    required: true
  began:
    description: When it began, in UTC.
    type: str
    required: true
  release:
    description: What was rolled out; empty when the same was restarted.
    type: str
    default: ""
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Say what happened
  ansible.builtin.fail:
    msg: >-
      {{ hostvars
         | celeryops.systemd.rollout_message(ansible_play_hosts_all, verdict, what='The restart',
                                             course=course, number=2, began='2026-11-21T11:30:00Z') }}
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""


def rollout_message(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    verdict: Mapping[str, Any],
    *,
    what: str,
    course: Mapping[str, Any],
    number: int,
    began: str,
    release: str = "",
    back: Mapping[str, Any] | None = None,
) -> str:
    """Return the message."""
    stop = Stop(what, course["batches"], int(number), began, release, course["former"])
    looked = {host: hostvars[host].get("__rollout_journal") or {} for host in hosts}
    journals = {host: result["stdout"] for host, result in looked.items() if result.get("stdout")}
    return message(stop, Verdict(**verdict), journals, Verdict(**(back or {})))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"rollout_message": rollout_message}
