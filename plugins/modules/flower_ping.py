#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.flower_ping."""

from __future__ import annotations

DOCUMENTATION = r"""
module: flower_ping
short_description: Ask Flower without a login, and be content with a refusal only
description:
  - One question answers both whether Flower serves and whether its API knows somebody who has not logged in.
  - Changes nothing.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  url:
    description: Where Flower answers on its own host, with its prefix.
    type: str
    required: true
  wait:
    description: Seconds to ask again while nobody listens there.
    type: float
    default: 0
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Prove that Flower serves, and only those who may
  celeryops.systemd.flower_ping:
    url: http://127.0.0.1:5555
    wait: 60
"""

RETURN = r"""
status:
  description: The HTTP status that Flower answered with.
  returned: success
  type: int
  sample: 401
"""

import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

TIMEOUT = 10  # seconds of one question
PAUSE = 0.2
# With an OAuth provider Flower sends to it.
REFUSALS = (401, 302)


def status(url: str, wait: float) -> int:
    """Return the status of Flower's API; OSError or HTTPException where nobody gives one in time."""
    parts = urlsplit(url)
    end = time.monotonic() + wait
    while True:
        connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/api/workers")
            return connection.getresponse().status
        except ConnectionError:
            if time.monotonic() >= end:
                raise
        finally:
            connection.close()
        time.sleep(PAUSE)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "wait": {"type": "float", "default": 0},
        },
        supports_check_mode=True,
    )
    url = module.params["url"]
    try:
        answered = status(url, module.params["wait"])
    except (OSError, HTTPException) as error:
        fix = "see journalctl --unit=celery-flower on the host"
        module.fail_json(msg=f"{url}: Flower does not answer ({error}); {fix}")
    if answered not in REFUSALS:
        what = f"status {answered} without a login, where 401 or 302 was expected"
        fix = "set flower_users or flower_oauth, or see journalctl --unit=celery-flower on the host"
        module.fail_json(msg=f"{url}: {what}; {fix}")
    module.exit_json(changed=False, status=answered)


if __name__ == "__main__":
    main()
