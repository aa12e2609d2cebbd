# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What of a release decides what is installed, and what does not."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import hashed, installed
from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import Artifact, Member

TREE = {
    "requirements.txt": "celery==5.7.0\n-c pins/all.txt\n",
    "pins/all.txt": "vine==5\n",
    "shop/celery.py": "1",
}


def member(name: str, text: str) -> Member:
    return Member(name, text.encode)


def identity(
    tree: dict[str, str], *own: str, beside: tuple[str, ...] = ("tzdata",), wheels: tuple[str, ...] = ()
) -> str:
    found = Artifact(
        tuple(member(f"app/{name}", text) for name, text in tree.items()), own, "app/requirements.txt"
    )
    return installed.identity(
        hashed.with_packages(found, beside), [member(f"wheels/{each}", each) for each in wheels]
    )


def test_code_and_settings_are_not_installed() -> None:
    assert identity(TREE)
    assert identity({**TREE, "shop/settings.py": "TIME_ZONE = 'UTC'\n", "shop/celery.py": "2"}) == identity(
        TREE
    )


@pytest.mark.parametrize(
    "other",
    [
        identity({**TREE, "requirements.txt": "celery==5.6.3\n-c pins/all.txt\n"}),
        identity({**TREE, "pins/all.txt": "vine==6\n"}),
        identity(TREE, beside=("tzdata", "gevent")),
        identity(TREE, wheels=("vine.whl",)),
        identity(TREE, "./app"),
    ],
    ids=["requirements", "constraints that they include", "packages", "wheelhouse", "the app itself"],
)
def test_what_pip_reads_is(other: str) -> None:
    assert other not in ("", identity(TREE))


def test_an_app_that_is_installed_is_keyed_by_its_whole_code() -> None:
    assert identity({**TREE, "shop/celery.py": "2"}, "./app") != identity(TREE, "./app")
    wheel = Artifact((member("package/shop.whl", "1"),), ("./package/shop.whl",))
    newer = Artifact((member("package/shop.whl", "2"),), ("./package/shop.whl",))
    assert installed.identity(wheel, []) != installed.identity(newer, [])


@pytest.mark.parametrize(
    "line",
    [
        "-e .", "--editable=./lib", "-e lib", "./lib", "../lib", "/srv/lib", "lib/own.whl", "own @ file:///srv/own",
        "-f ./wheels", "--find-links=wheels", "-c /etc/pip/pins.txt", "-r missing.txt", "file:lib",
    ],
)  # fmt: skip
def test_what_is_installed_from_the_release_itself_is_its_own(line: str) -> None:
    assert identity({**TREE, "requirements.txt": f"celery\n{line}  # ours\n"}) == ""


@pytest.mark.parametrize(
    "line",
    [
        "shop[a,b]==1", "shop @ https://pypi.example/shop.whl", "-e git+https://git.example/shop.git@v1#egg=shop",
        "--find-links https://pypi.example/", "-c https://pypi.example/pins.txt", "--index-url https://p.example/",
        "--find-links=https://pypi.example/",
        "-r other.txt", "vine==5 \\\n    --hash=sha256:0123/+=", "# ./lib", 'shop; python_version < "3.12"',
    ],
)  # fmt: skip
def test_what_comes_from_elsewhere_is_shared(line: str) -> None:
    assert identity({**TREE, "requirements.txt": f"{line}\n", "other.txt": "vine\n"}) != ""
