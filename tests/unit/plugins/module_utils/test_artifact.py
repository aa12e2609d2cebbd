# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an app becomes on its way to a host."""

from __future__ import annotations

import os
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import artifact
from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError

TARGET = "shop.celery:app"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a directory that holds a small app, and what has no business on a host."""
    root = tmp_path / "shop-source"
    for name, text in {
        "shop/__init__.py": "",
        "shop/celery.py": "app = None\n",
        "shop/__pycache__/celery.cpython-311.pyc": "junk",
        ".git/config": "junk",
        ".env": "SECRET=1\n",
        "docs/notes.txt": "notes",
        "requirements.txt": "requests\n",
        "run.sh": "#!/bin/sh\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "run.sh").chmod(0o755)
    (root / "current").symlink_to("shop")
    return root


def read(source: dict[str, Any], cache: Path, target: str = TARGET) -> artifact.Artifact:
    """Read a source."""
    return artifact.read_source(source, target, cache)


def names(found: artifact.Artifact) -> list[str]:
    """Return the names in the bundle."""
    return [member.name for member in found.members]


def test_a_directory_goes_without_caches_repositories_and_secrets(shop: Path, tmp_path: Path) -> None:
    found = read({"type": "directory", "path": str(shop), "exclude": ["docs"]}, tmp_path)
    assert names(found) == [
        "app/current",
        "app/requirements.txt",
        "app/run.sh",
        "app/shop/__init__.py",
        "app/shop/celery.py",
    ]
    assert found.requirements == "app/requirements.txt"
    assert found.packages == ()


def test_the_bundle_is_the_same_bytes_whenever_it_is_made(shop: Path, tmp_path: Path) -> None:
    source = {"type": "directory", "path": str(shop)}
    artifact.write_bundle(read(source, tmp_path).members, tmp_path / "1/a.tar.gz")
    for path in shop.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    artifact.write_bundle(read(source, tmp_path).members, tmp_path / "2/a.tar.gz")
    assert (tmp_path / "1/a.tar.gz").read_bytes() == (tmp_path / "2/a.tar.gz").read_bytes()


def test_what_is_unpacked_is_what_was_packed(shop: Path, tmp_path: Path) -> None:
    found = read({"type": "directory", "path": str(shop)}, tmp_path)
    artifact.write_bundle(found.members, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as bundle:
        bundle.extractall(tmp_path / "out", filter="data")
    out = tmp_path / "out/app"
    assert (out / "shop/celery.py").read_text() == "app = None\n"
    assert os.access(out / "run.sh", os.X_OK)
    assert not os.access(out / "shop/celery.py", os.X_OK)
    assert (out / "current").readlink() == Path("shop")


def test_only_what_matters_changes_the_name_of_the_release(shop: Path, tmp_path: Path) -> None:
    source = {"type": "directory", "path": str(shop)}

    def name(*words: object) -> str:
        return artifact.fingerprint(read(source, tmp_path).members, *words)

    first = name(["celery"], "python3")
    (shop / ".git/config").write_text("other junk")
    assert name(["celery"], "python3") == first
    assert name(["celery", "gevent"], "python3") != first
    assert name(["celery"], "python3.12") != first
    (shop / "shop/celery.py").write_text("app = 1\n")
    assert name(["celery"], "python3") != first


def test_what_a_run_has_just_asked_for_stays(tmp_path: Path) -> None:
    """It is about to unpack it, while another run packs one app after the other."""
    asked = tmp_path / "asked.tar.gz"
    artifact.write_bundle([], asked)
    os.utime(asked, (0, 0))
    artifact.ask_for([], asked)
    for number in range(artifact.KEPT_BUNDLES + 3):
        artifact.write_bundle([], tmp_path / f"{number}.tar.gz")
    assert asked.exists()


def test_several_runs_write_one_bundle(tmp_path: Path) -> None:
    path = tmp_path / "one.tar.gz"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _run: artifact.write_bundle([], path), range(200)))
    assert [item.name for item in tmp_path.iterdir()] == ["one.tar.gz"]


def test_old_bundles_are_forgotten(tmp_path: Path) -> None:
    for number in range(artifact.KEPT_BUNDLES + 3):
        path = tmp_path / f"{number}.tar.gz"
        artifact.write_bundle([], path)
        os.utime(path, (number, number))
    artifact.write_bundle([], tmp_path / "new.tar.gz")
    assert len(list(tmp_path.glob("*.tar.gz"))) == artifact.KEPT_BUNDLES
    assert not (tmp_path / "0.tar.gz").exists()


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("[build-system]\nrequires = ['setuptools']\n[project]\nname = 'shop'\n", ["./app"]),
        ("[project]\nname = 'shop'\ndependencies = ['requests>=2', 'pillow']\n", ["requests>=2", "pillow"]),
        ("[tool.ruff]\nline-length = 110\n", []),
    ],
)
def test_what_pip_installs_for_a_pyproject(text: str, packages: list[str]) -> None:
    assert artifact.project_packages(text) == packages


def test_an_archive_is_installed_by_pip(tmp_path: Path) -> None:
    (tmp_path / "shop-1.0-py3-none-any.whl").write_bytes(b"wheel")
    found = read({"type": "archive", "path": str(tmp_path / "shop-1.0-py3-none-any.whl")}, tmp_path)
    assert names(found) == ["package/shop-1.0-py3-none-any.whl"]
    assert found.packages == ("./package/shop-1.0-py3-none-any.whl",)


def test_a_requirement_is_only_a_name_for_pip(tmp_path: Path) -> None:
    found = read({"type": "requirement", "name": "shop==1.4.2"}, tmp_path)
    assert (found.members, found.packages) == ((), ("shop==1.4.2",))


def test_wheels_come_from_a_directory_or_a_tarball(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "celery-5.7.0-py3-none-any.whl").write_bytes(b"celery")
    (wheels / "README").write_text("no wheel")
    with tarfile.open(tmp_path / "wheels.tar", "w") as tar:
        tar.add(wheels, "some/where")
    expected = [("wheels/celery-5.7.0-py3-none-any.whl", b"celery")]
    for path in (wheels, tmp_path / "wheels.tar"):
        found = artifact.wheelhouse_members(str(path))
        assert [(member.name, member.read()) for member in found] == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"type": "directory", "path": "/nowhere"}, r"celery_app_source.path = /nowhere: not a directory"),
        ({"type": "directory", "path": "../shop"}, r"\.\./shop: not an absolute path; .*inventory_dir"),
        ({"type": "archive", "path": "/nowhere/x.whl"}, r"not an sdist or a wheel"),
        ({"type": "git", "repo": "/nowhere/x.git"}, r"celery_app_source.repo = /nowhere/x.git: git cannot"),
    ],
)
def test_a_source_that_is_not_there_is_refused(source: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=message):
        read(source, tmp_path)


def test_a_requirements_file_that_is_named_has_to_be_there(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"holds no prod\.txt"):
        read({"type": "directory", "path": str(shop), "requirements": "prod.txt"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "panel==6.1\n"),
        ("pyproject.toml", "[project]\nname = 'ours'\ndependencies = ['panel==6.1']\n"),
    ],
)
def test_the_app_of_the_target_comes_with_a_requirement(tmp_path: Path, name: str, text: str) -> None:
    """The directory holds only what is the operator's, such as the app's settings."""
    source = {"type": "directory", "path": str(tmp_path / "ours")}
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/panel_config.py").write_text("FEATURES = []\n")
    with pytest.raises(ArtifactError, match=r"holds panel_config: .* or add the package .*requirements\.txt"):
        read(source, tmp_path, "panel.tasks.celery_app:app")
    (tmp_path / "ours" / name).write_text(text)
    assert "app/panel_config.py" in names(read(source, tmp_path, "panel.tasks.celery_app:app"))


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_a_wheelhouse_without_wheels_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="celery_app_wheelhouse"):
        artifact.wheelhouse_members(str(tmp_path / kind))


def commit(repo: Path, message: str) -> str:
    """Commit all in a repository, and return the commit."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", "--all"], [*identity, "commit", "--quiet", "--message", message]):
        subprocess.run(["git", "-C", str(repo), *words], check=True)
    head = ["git", "-C", str(repo), "rev-parse", "HEAD"]
    return subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()


def test_git_gives_the_asked_commit_and_follows_a_branch(tmp_path: Path) -> None:
    repo, cache = tmp_path / "repo", tmp_path / "cache"
    package = repo / "back end/shop"
    package.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(repo)], check=True)
    (package / "celery.py").write_text("app = 1\n")
    first = commit(repo, "first")
    source = {"type": "git", "repo": str(repo), "subdirectory": "back end"}
    [member] = read({**source, "version": "main"}, cache).members
    assert (member.name, member.read()) == ("app/shop/celery.py", b"app = 1\n")

    (package / "celery.py").write_text("app = 2\n")
    commit(repo, "second")
    assert read({**source, "version": "main"}, cache).members[0].read() == b"app = 2\n"
    assert read({**source, "version": first}, cache).members[0].read() == b"app = 1\n"
    with pytest.raises(ArtifactError, match="cannot read version v9"):
        read({**source, "version": "v9"}, cache)


def test_a_token_in_a_url_is_known_and_not_shown(tmp_path: Path) -> None:
    source = {"type": "git", "repo": "https://user:hunter2@127.0.0.1:1/shop.git"}
    assert artifact.logins(source) == {"user:hunter2"}
    assert artifact.logins({"type": "git", "repo": "ssh://git@example.org/shop.git"}) == set()
    with pytest.raises(ArtifactError) as caught:
        read(source, tmp_path)
    assert "hunter2" not in str(caught.value)
