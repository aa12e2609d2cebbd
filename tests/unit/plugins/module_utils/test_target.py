# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which targets are refused by looking at the code alone."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError, check_target


@pytest.mark.parametrize(
    ("target", "files"),
    [
        ("shop", ["shop.py"]),
        ("shop", ["shop/__init__.py"]),
        ("shop:app", ["src/shop/__init__.py"]),
        ("shop.celery:app", ["shop/celery.py"]),
        ("shop.celery", ["shop/celery/__init__.py"]),
        ("shop.application", ["shop.py"]),
        ("shop", ["shop"]),
        ("shop:celery", ["shop/__init__.py", "shop/celery.py"]),
    ],
)
def test_a_target_that_is_there_passes(target: str, files: list[str]) -> None:
    check_target(target, dict.fromkeys(files, lambda: b"app = 1"), "/src")


@pytest.mark.parametrize(
    ("target", "files"),
    [
        ("shop.celery:app", ["celery.py", "__init__.py"]),
        ("shop.celery:app", ["shop/shop/celery.py"]),
        ("shop.celery:app", ["shop.py"]),
        ("shop", ["shopping/__init__.py"]),
    ],
)
def test_a_target_that_is_not_there_is_refused_with_what_is(target: str, files: list[str]) -> None:
    with pytest.raises(ArtifactError, match=f"celery_app_target = {target}: /src has neither"):
        check_target(target, dict.fromkeys(files, lambda: b"app = 1"), "/src")


@pytest.mark.parametrize(
    "text",
    [
        "app = Celery()",
        "app: Celery = Celery()",
        "if True:\n    app = 1\nelse:\n    app = 2",
        "from .other import app",
        "from .other import application as app",
        "from .other import *",
        "def __getattr__(name): ...",
        "globals()['app'] = 1",
        "with x as app: pass",
        "def app(): ...",
        "syntax of a later Python (",
    ],
)
def test_a_name_that_the_module_may_have_passes(text: str) -> None:
    check_target("shop:app", {"shop.py": text.encode}, "/src")


@pytest.mark.parametrize(
    "files",
    [["settings.py"], ["settings/__init__.py", "src/plugins.py"], [], ["panel/logo.svg"]],
    ids=["a file", "packages", "nothing", "data"],
)
def test_a_target_that_pip_may_install_passes(files: list[str]) -> None:
    """What is installed beside the tree cannot be seen here: the host's import tells."""
    check_target("panel.tasks.celery_app:app", dict.fromkeys(files, bytes), "/src", installs=True)


@pytest.mark.parametrize(
    "files",
    [
        ["celery.py", "__init__.py"],
        ["panel/__init__.py", "panel/celery.py"],
        ["panel/panel/tasks.py"],
        ["src/panel/celery.py"],
    ],
    ids=["the package itself", "another module of it", "the directory above", "in src"],
)
def test_a_target_whose_package_the_tree_holds_is_refused_whatever_pip_installs(files: list[str]) -> None:
    with pytest.raises(ArtifactError, match="/src has neither"):
        check_target("panel.tasks:app", dict.fromkeys(files, bytes), "/src", installs=True)


def test_a_name_that_the_module_cannot_have_is_refused_with_the_apps_it_has() -> None:
    text = b"from celery import Celery\nshop = Celery()\n"
    with pytest.raises(ArtifactError, match=r"shop.celery has no app; set it to shop.celery:shop$"):
        check_target("shop.celery:app", {"shop/celery.py": lambda: text}, "/src")
