# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a tree of code holds what `celery -A` is to take, told without running any of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

_TOP_MODULE = re.compile(r"\w+/__init__\.py|\w+\.py")


class ArtifactError(Exception):
    """The source cannot be deployed; the text names the variable, its value, and the fix."""


def check_target(
    target: str, files: Mapping[str, Callable[[], bytes]], place: str, installs: bool = False
) -> None:
    """Refuse a tree that does not hold the module of the target, or a module without its name.

    These are the commonest mistakes, and need no host to be seen; what the import says is for the host.

    :param files: how to read each file of the tree, by its path.
    :param installs: whether pip installs what the tree asks for, which may have the module.
    """
    module, _colon, name = target.partition(":")
    # The last word of a target without a colon may be a name in the module, as `celery -A` reads it.
    words = module.split(".")
    candidates = [words] if name or len(words) == 1 else [words, words[:-1]]
    for path in (root + "/".join(parts) for root in ("", "src/") for parts in candidates):
        source = next((item for item in (f"{path}.py", f"{path}/__init__.py") if item in files), "")
        first = name.partition(".")[0]
        if source and name and not {f"{path}/{first}.py", f"{path}/{first}/__init__.py"} & set(files):
            return _check_name(target, module, first, files[source]())
        if source or path in files or any(item.startswith(f"{path}/") for item in files):
            return None
    if installs and not _holds_package(words[0], files):
        return None
    wanted = module.replace(".", "/")
    found = {item.split("/")[0] for item in files if _TOP_MODULE.fullmatch(item)}
    holds = ", ".join(sorted(item.removesuffix(".py") for item in found)) or "no module at all"
    raise ArtifactError(
        f"celery_app_target = {target}: {place} has neither {wanted}.py nor {wanted}/; it holds {holds}: "
        "name one of its modules, let celery_app_source point to the directory above the package, or add the "
        "package that has it to the requirements.txt there"
    )


def _holds_package(name: str, files: Iterable[str]) -> bool:
    """Return whether the tree has Python code of a package, in whatever modules; the tree may be it."""
    roots = (f"{name}.py", f"{name}/", f"src/{name}.py", f"src/{name}/")
    return any(item == "__init__.py" or (item.endswith(".py") and item.startswith(roots)) for item in files)


def _check_name(target: str, module: str, name: str, source: bytes) -> None:
    """Refuse a name that the module cannot have."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return  # It may be fine for the hosts' Python: theirs to tell.
    if name in _names(nodes) or not _is_plain(nodes):
        return
    apps = [f"{module}:{item}" for item in _apps(nodes)]
    fix = f"set it to {' or '.join(apps)}" if apps else "name the Celery app of the module"
    raise ArtifactError(f"celery_app_target = {target}: {module} has no {name}; {fix}")


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that a module binds, wherever in it."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(item.asname or item.name).partition(".")[0] for item in node.names}
    return names


def _is_plain(nodes: Sequence[ast.AST]) -> bool:
    """Tell whether a module gets no names but those that its text binds."""
    dynamic = {"*", "__getattr__"} & _names(nodes)
    return not dynamic and all(getattr(node, "id", "") != "globals" for node in nodes)


def _apps(nodes: Iterable[ast.AST]) -> list[str]:
    """Return the names to which a module binds what looks like a Celery app."""
    return [
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and "Celery(" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
