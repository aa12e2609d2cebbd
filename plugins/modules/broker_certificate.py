#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.broker_certificate."""

from __future__ import annotations

DOCUMENTATION = r"""
module: broker_certificate
short_description: The certificate of a broker, in its file and in a running Redis
description:
  - Writes the certificate that is given, once it is sure that clients will take it.
  - Or makes one with a small CA of the host's own, and a new one when it ends soon or a name is missing.
  - Tells a running Redis of a new one. No client is disconnected.
extends_documentation_fragment: celeryops.systemd.attributes.diff
options:
  directory:
    description: Where the certificate with its key (C(server.pem)) and the key of the CA (C(ca.key)) are.
    type: str
    required: true
  former:
    description:
      - The directory of an earlier version. What O(directory) lacks is taken from there, and a running Redis
        is not told, for it reads that directory until it restarts.
    type: str
    default: ''
  ca_file:
    description: Where the certificate of the CA is, for clients to trust.
    type: str
    required: true
  names:
    description: The names and addresses by which clients reach this broker.
    type: list
    elements: str
    required: true
  certificate:
    description: The certificate, and those between it and the CA, as PEM. Empty makes one.
    type: str
    default: ''
  key:
    description: The key of O(certificate), as PEM.
    type: str
    default: ''
  ca:
    description: The CA that clients trust, as PEM. Needed with O(certificate).
    type: str
    default: ''
  days:
    description: For how many days a certificate is made. It is renewed when a third of them is left.
    type: int
    default: 365
  group:
    description: The group that the server runs as; it may read the key.
    type: str
    default: redis
  url:
    description:
      - Where Redis listens on this host, without a login.
      - Empty for a server that reads a new certificate by itself, as RabbitMQ does.
    type: str
    default: ''
  secret:
    description: The file with the password of C(celeryops), see M(celeryops.systemd.redis_users).
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: A certificate of a CA of the host's own
  celeryops.systemd.broker_certificate:
    directory: /etc/celery-redis/celery-tls
    ca_file: /etc/ssl/celery-broker-ca.pem
    names: [localhost, 127.0.0.1, broker1.example.org]
    url: rediss://127.0.0.1:6379/0
    secret: /etc/celery-redis/celery-admin.secret
  no_log: true
"""

RETURN = r"""
changed_paths:
  description: The files that were written, or would be.
  returned: success
  type: list
  elements: str
ca:
  description: The certificate of the CA, for clients to trust; in check mode a word where it is to be made.
  returned: success
  type: str
why:
  description: Why a new certificate was made, or would be; empty when the one that is there is good.
  returned: success
  type: str
told:
  description: Whether the running Redis was told of a new certificate, or would be.
  returned: success
  type: bool
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import (
    files,
    listeners,
    paths,
    redis_users,
    tls,
)
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import BrokerError
from ansible_collections.celeryops.systemd.plugins.module_utils.resp import RedisError


class Wanted:
    """What the files are to hold."""

    def __init__(self, module: AnsibleModule) -> None:
        """Decide; CertificateError when what is given is no good."""
        self.asked = module.params
        self.directory = Path(self.asked["directory"])
        self.server, self.ca_key = self.directory / "server.pem", self.directory / "ca.key"
        self.before = self._kept(self.server)
        self.why = ""
        self.key = self._kept(self.ca_key)
        if self.asked["certificate"]:
            self.ca = self.asked["ca"]
            self.pem = f"{self.asked['key'].strip()}\n{self.asked['certificate'].strip()}\n"
            tls.check(self.pem, self.ca, self.asked["names"])
        else:
            self.ca, self.pem = self._own(module.check_mode)

    def _own(self, check_mode: bool) -> tuple[str, str]:
        ca, pem = self._kept(Path(self.asked["ca_file"])), self.before
        try:
            if not self.key:
                raise tls.CertificateError("there is no CA")
            tls.check(pem, ca, self.asked["names"], self.asked["days"] / 3)
        except tls.CertificateError as error:
            self.why = str(error)
            if check_mode:  # openssl may not be installed yet
                self.key = self.key or "a new key\n"
                return ca or "a new CA\n", "a new certificate\n"
            if not self.key or not ca:
                self.key, ca = tls.new_ca("celeryops broker CA")
            pem = tls.new_certificate(self.key, ca, self.asked["names"], self.asked["days"])
            tls.check(pem, ca, self.asked["names"])
        return ca, pem

    def _kept(self, path: Path) -> str:
        """Return what a file of root's holds, of this version or of an earlier one; empty without one."""
        former = self.asked["former"]
        earlier = _text(Path(former, path.name)) if former and path.parent == self.directory else ""
        return _text(path) or earlier

    @property
    def moves(self) -> bool:
        """Whether the certificate comes from where an earlier version had it."""
        return bool(self.before) and not self.server.exists()

    def changes(self) -> list[files.Change]:
        """Return what differs on the disk; no diff shows a key."""
        place, group = str(self.directory), self.asked["group"]
        wanted: list[dict[str, Any]] = [
            {"path": place, "state": "directory", "mode": "0750", "group": group},
            {"path": self.asked["ca_file"], "content": self.ca, "mode": "0644", "group": "root"},
            {"path": str(self.server), "content": self.pem, "mode": "0640", "group": group},
        ]
        if self.key:
            content = {"content": self.key, "mode": "0600", "group": "root"}
            wanted.append({"path": str(self.ca_key), **content})
        return files.changes([files.entry({"owner": "root", "diff": False, **raw}) for raw in wanted], [])


def _text(path: Path) -> str:
    """Return what a file of root's holds; empty where there is none."""
    try:
        return paths.read_of_root(str(path)).decode()
    except FileNotFoundError:
        return ""


def tell(module: AnsibleModule, wanted: Wanted) -> bool:
    """Let a running Redis read the certificate when it presents another one; return whether it did."""
    if not module.params["url"]:
        return False
    try:
        # What it presents may have ended, or be of another CA than the one that is trusted from now on: it is
        # known by the file that it was read from, and who presents another one is told no password.
        url = f"{module.params['url'].partition('?')[0]}?ssl_cert_reqs=none"
        with redis_users.running(url, module.params["group"]) as redis:
            presented = redis.certificate()
            if presented == tls.first_certificate(wanted.pem):
                return False
            if presented != tls.first_certificate(wanted.before):
                module.warn(
                    f"{module.params['url']}: who listens there presents a certificate that was never in"
                    f" {wanted.server}, and was not told of the new one; restart redis-server on this host"
                )
                return False
            if not module.check_mode:
                redis_users.log_in(redis, paths.read_of_root(module.params["secret"]).decode().strip())
                redis.call("CONFIG", "SET", "tls-cert-file", str(wanted.server))
            return True
    except BrokerError:
        return False  # it reads the file when it starts


def main() -> None:
    """Run the module."""
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "str", "required": True},
            "former": text,
            "ca_file": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "certificate": text,
            "key": {**text, "no_log": True},
            "ca": text,
            "days": {"type": "int", "default": 365},
            "group": {"type": "str", "default": "redis"},
            "url": text,
            "secret": {**text, "no_log": False},
        },
        required_together=[("certificate", "key")],
        supports_check_mode=True,
    )
    try:
        wanted = Wanted(module)
        moves, changes = wanted.moves, wanted.changes()
        if not module.check_mode:
            for change in changes:
                change.apply()
        told = not moves and tell(module, wanted)
    except tls.CertificateError as error:
        what, fix = "broker_tls = true", "see to openssl on this host, or give a certificate"
        if module.params["certificate"]:
            what = "broker_tls_certificate = (hidden)"
            fix = "give the certificate, its key and its CA that belong together and have these names"
        module.fail_json(msg=f"{what}: {error}; {fix}")
    except (files.FileError, OSError, RedisError, listeners.StrangerError) as error:
        module.fail_json(msg=f"{module.params['directory']}: {error}")
    result = {
        "changed": bool(changes or told),
        "changed_paths": [change.path for change in changes],
        "ca": wanted.ca,
        "why": wanted.why,
        "told": told,
    }
    if module._diff:
        result["diff"] = [diff for change in changes for diff in change.diff]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
