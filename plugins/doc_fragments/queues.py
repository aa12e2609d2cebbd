# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Options of the filters that plan the queues of a host."""

from __future__ import annotations


class ModuleDocFragment:
    """The name by which Ansible finds it."""

    DOCUMENTATION = r"""
options:
  _input:
    description: The queues and what each needs, C(celery_worker_queues).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  facts:
    description:
      - The host's facts, C(ansible_facts).
      - Cores and memory come from C(celeryops), as M(celeryops.systemd.host_facts) finds them, else from
        C(processor_nproc) and C(memtotal_mb).
    type: dict
    required: true
"""
