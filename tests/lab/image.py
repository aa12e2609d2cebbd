"""The images of the lab's hosts: bootstrapped from Debian's packages, no image registry involved."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from lab.engine import command, podman, runtime, say
from lab.model import LabError

RECIPE = Path(__file__).parent / "image"
# A minimal server: what every installation has, plus what Ansible itself asks of a host. What the roles
# need beyond it they must install themselves.
PACKAGES = (
    "ca-certificates", "dbus", "iproute2", "iptables", "openssh-server", "procps", "python3", "python3-apt",
    "sudo", "systemd", "systemd-sysv",
)
AUTHORITIES = (Path("/usr/local/share/ca-certificates"), Path("/etc/pki/ca-trust/source/anchors"))
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def ensure(release: str, cache: Path) -> str:
    """Build the image of `release` unless podman has it; return its tag, which carries the recipe's hash."""
    sources = package_sources(release)
    base_key = _digest(release, *PACKAGES, *sources)
    authorities = sorted(path for folder in AUTHORITIES for path in folder.glob("*.crt"))
    recipe = [*sorted(RECIPE.iterdir()), *authorities]
    base = f"localhost/celeryops-lab-base:{release}-{base_key}"
    tag = f"localhost/celeryops-lab:{release}-{_digest(base_key, *(path.read_text() for path in recipe))}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"image-{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _exists(tag):
            return tag
        began = time.monotonic()
        if not _exists(base):
            say(f"image {release}: bootstrapping Debian (about 30 s, once)")
            _bootstrap(release, sources, base)
        _build(base, tag, authorities)
        say(f"image {release}: built in {time.monotonic() - began:.0f} s")
    return tag


def package_sources(release: str) -> list[str]:
    """apt source lines for `release` from the mirrors this machine's own apt uses.

    Empty where the machine's apt knows no Debian mirror (Ubuntu, Fedora): mmdebstrap then takes its default.
    """
    if not shutil.which("apt-get"):
        return []
    wanted = "$(ORIGIN)|$(CODENAME)|$(REPO_URI)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    ).stdout
    return sources_from(listed, release)


def sources_from(listed: str, release: str) -> list[str]:
    """The source lines for `release`, from `origin|codename|uri` lines of another Debian release."""
    uris: dict[str, str] = {}
    for line in listed.splitlines():
        origin, codename, uri = line.split("|")
        if origin == "Debian" and (suite := re.fullmatch(r"[a-z]+(-updates|-security)?", codename)):
            uris.setdefault(suite[1] or "", uri)
    if "" not in uris:
        return []
    return [f"deb {uri} {release}{suffix} main" for suffix, uri in sorted(uris.items())]


def _bootstrap(release: str, sources: list[str], tag: str) -> None:
    if not shutil.which("mmdebstrap"):
        raise LabError("mmdebstrap is not installed: run `make tools`")
    keyring = [f"--keyring={KEYRING}"] if KEYRING.exists() else []
    # As privileged as podman is: `sudo podman` means `sudo mmdebstrap`. The package lists stay, so that a
    # role's first `apt` finds them as on a host in use.
    words = [
        *command()[:-1], "mmdebstrap", "--quiet", "--variant=minbase", "--skip=cleanup/apt/lists", *keyring,
        f"--include={','.join(PACKAGES)}", release, "-", *sources,
    ]
    with tempfile.TemporaryFile() as errors:
        bootstrap = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors)
        imported = subprocess.run(
            [*command(), "import", "--quiet", "-", tag],
            stdin=bootstrap.stdout, capture_output=True, text=True, check=False,
        )
        if bootstrap.wait() or imported.returncode:
            podman("image", "rm", "--force", tag, check=False)
            errors.seek(0)
            reason = errors.read().decode().strip() or imported.stderr.strip()
            raise LabError(f"could not bootstrap Debian {release}:\n{reason}")


def _build(base: str, tag: str, authorities: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as context:
        shutil.copytree(RECIPE, context, dirs_exist_ok=True)
        folder = Path(context, "ca")
        folder.mkdir()
        for path in authorities:
            shutil.copy(path, folder)
        podman(*runtime(), "build", "--quiet", "--build-arg", f"BASE={base}", "--tag", tag, context)


def _exists(tag: str) -> bool:
    return bool(podman("images", "--quiet", tag).strip())


def _digest(*parts: str) -> str:
    return hashlib.sha256(os.linesep.join(parts).encode()).hexdigest()[:12]
