# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lookup celeryops.systemd.broker."""

from __future__ import annotations

DOCUMENTATION = r"""
name: broker
short_description: Tell how this host reaches the fleet's broker
author: celeryops contributors (@celeryops)
description:
  - Where the broker is M(celeryops.systemd.preflight) has told, which has to be played before. The login
    comes from the variables of the broker, those of a play among them.
  - A host with a C(broker_url) of its own gets that one.
options:
  _terms:
    description:
      - Whom it logs in, V(worker), which workers, beat and senders are, or V(monitor), which Flower is.
      - Without a password of its own a monitor logs in as a worker.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show where the broker is
  ansible.builtin.debug:
    msg: "{{ lookup('celeryops.systemd.broker', 'worker')['url'] }}"
"""

RETURN = r"""
_raw:
  description: For each term, how the host reaches the broker.
  type: list
  elements: dict
  contains:
    url:
      description: The URL of the broker.
      type: str
      returned: success
      sample: redis://celery:PASSWORD@broker1.example.org:6379/0
    results:
      description: The URL of a result backend in the broker; none where it can hold no results.
      type: str
      returned: success
      sample: redis://celery:PASSWORD@broker1.example.org:6379/1
    sentinel:
      description:
        - The transport options with which Celery finds the primary behind Sentinels, with a login; empty
          where there are none.
      type: dict
      returned: success
"""

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.settings import usable_result_backend
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import url as urls

RESULTS = 1  # the database of a Redis, whose first has the queues


class LookupModule(LookupBase):
    """Reads what preflight told, and the login from the variables around the task."""

    def run(
        self, terms: list[str], variables: Mapping[str, Any] | None = None, **_kwargs: object
    ) -> list[dict[str, Any]]:
        """Return the URLs and the options."""
        known = variables or {}
        host = str(known["inventory_hostname"])
        fleet = known.get("ansible_facts", {}).get("celeryops_fleet", {}).get("hosts", {})
        place = json.loads(fleet.get(host, "{}")).get("broker", {}).get("place")
        if not place:
            raise AnsibleLookupError(
                f"{host}: where the broker is nobody has told; play celeryops.systemd.preflight before"
            )
        elsewhere: dict[str, str] = place["elsewhere"]
        templar: Any = self._templar
        secrets = {name: templar.template(known[name]) for name in urls.SECRETS if name in known}
        # Whoever logs in as a worker asks no other host for the monitor's.
        asked = urls.PASSWORDS if "monitor" in terms else urls.PASSWORDS[:1]
        secrets |= {name: known["hostvars"][elsewhere[name]].get(name) for name in asked if name in elsewhere}
        return [self._reached(place, secrets, login) for login in terms]

    @staticmethod
    def _reached(place: urls.Place, secrets: Mapping[str, Any], login: str) -> dict[str, Any]:
        try:
            url, sentinel = urls.reached(place, secrets, login)
        except ValueError as error:
            raise AnsibleLookupError(str(error)) from None
        results = usable_result_backend(urls.with_database(url, RESULTS))
        return {"url": url, "results": results, "sentinel": sentinel}
