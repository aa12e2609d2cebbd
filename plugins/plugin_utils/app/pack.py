# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The app and all that pip needs for it as a tarball on the controller, named after its content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import artifact, hashed, installed, target

SOURCE_OPTIONS = {
    "type": {"type": "str", "choices": ["directory", "archive", "git", "requirement"], "required": True},
    "path": {"type": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "repo": {"type": "str"},
    "version": {"type": "str", "default": "HEAD"},
    "subdirectory": {"type": "str"},
    "requirements": {"type": "str"},
    "name": {"type": "str"},
}
SOURCE_NEEDS = [
    ("type", "directory", ["path"]),
    ("type", "archive", ["path"]),
    ("type", "git", ["repo"]),
    ("type", "requirement", ["name"]),
]
ARGUMENTS: dict[str, Any] = {
    "source": {"type": "dict", "required": True, "options": SOURCE_OPTIONS, "required_if": SOURCE_NEEDS},
    "target": {"type": "str", "required": True},
    "packages": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "str", "default": "python3"},
    "wheelhouse": {"type": "str"},
    "release": {"type": "str"},
    "releases": {"type": "path", "default": "/opt/celery/releases"},
    "cache": {"type": "path", "default": "~/.cache/celeryops"},
}


def pack(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Pack the app and return what the action app_artifact says.

    :param wanted: its arguments, with defaults.
    :raises ArtifactError: it cannot be packed as asked.
    """
    source = {key: value for key, value in wanted["source"].items() if value is not None}
    cache = Path(wanted["cache"])
    found = hashed.with_packages(artifact.read_source(source, wanted["target"], cache), wanted["packages"])
    wheels = artifact.wheelhouse_members(wanted["wheelhouse"]) if wanted["wheelhouse"] else []
    members = [*found.members, *wheels]
    identity = artifact.fingerprint(members, found.packages, found.requirements, wanted["python"])
    release = wanted["release"] or identity
    if not artifact.RELEASE.fullmatch(release):
        fix = "use at most 64 letters, digits, dots, dashes and underscores"
        raise target.ArtifactError(f"celery_app_release = {release}: cannot name a directory; {fix}")
    path = cache / "bundles" / f"{identity}.tar.gz"
    artifact.ask_for(members, path)
    directory = f"{wanted['releases']}/{release}"
    words = hashed.arguments(found, directory)
    wheelhouse = ["--no-index", "--find-links", f"{directory}/wheels"] if wheels else []
    return {
        "release": release,
        "directory": directory,
        "source": artifact.described(source),
        "path": str(path),
        "installed": installed.identity(found, wheels),
        "pip_packages": words.packages,
        "pip_beside": words.beside,
        "pip_arguments": [*words.options, *wheelhouse],
    }
