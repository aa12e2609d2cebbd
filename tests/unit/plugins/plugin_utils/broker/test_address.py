# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""By which names and at which address the fleet finds its broker."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker.address import tls_names


def test_the_names_of_a_broker() -> None:
    """All by which some host may reach it, each once."""
    hostvars: dict[str, dict[str, Any]] = {
        "hub": {"broker_bind": ["127.0.0.1", "-10.0.0.5", "0.0.0.0"], "ansible_host": "10.0.0.5"},
        "bare": {"broker_address": "db.example"},
    }
    assert tls_names(hostvars, "hub") == ["localhost", "127.0.0.1", "10.0.0.5", "hub"]
    assert tls_names(hostvars, "bare") == ["localhost", "127.0.0.1", "db.example", "bare"]


def test_the_certificate_of_a_node_has_the_names_of_all() -> None:
    """kombu expects the name of the first node of the next one too."""
    hostvars: dict[str, dict[str, Any]] = {"a": {}, "b": {}, "c": {}}
    assert set(tls_names(hostvars, "b", ["a", "b", "c"])) == {"localhost", "127.0.0.1", "a", "b", "c"}
    assert set(tls_names(hostvars, "b")) == {"localhost", "127.0.0.1", "b"}
