# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""By which names and at which address the fleet finds its broker."""

from __future__ import annotations

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker.address import tls_names
from asking import values


def test_the_names_of_a_broker() -> None:
    """All by which some host may reach it, each once."""
    read = {
        "hub": values(broker_bind=["127.0.0.1", "-10.0.0.5", "0.0.0.0"], ansible_host="10.0.0.5"),
        "bare": values(broker_address="db.example"),
    }
    assert tls_names(read, "hub") == ["localhost", "127.0.0.1", "10.0.0.5", "hub"]
    assert tls_names(read, "bare") == ["localhost", "127.0.0.1", "db.example", "bare"]


def test_the_certificate_of_a_node_has_the_names_of_all() -> None:
    """kombu expects the name of the first node of the next one too."""
    read = dict.fromkeys("abc", values())
    assert set(tls_names(read, "b", ["a", "b", "c"])) == {"localhost", "127.0.0.1", "a", "b", "c"}
    assert set(tls_names(read, "b")) == {"localhost", "127.0.0.1", "b"}
