"""The arrows between rooms, as a table. A new arrow is a changed line here, seen by whoever reviews it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Room → rooms it may import.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "contivui": set(),
    "tenants": {"core", "contivui"},
    "accounts": {"core", "contivui", "tenants"},
    "networks": {"core", "contivui", "tenants"},
    "policies": {"core", "contivui", "tenants", "networks"},
    "routing": {"core", "contivui", "tenants", "networks", "policies"},
    "transfer": {"core", "contivui", "tenants", "networks", "policies", "routing"},
    "netmaster": {"core", "contivui", "tenants", "accounts", "networks", "policies", "routing", "transfer"},
    "worker": {"core", "contivui", "tenants", "accounts", "networks", "policies"},
    "agent": {"core"},
    "lab": {"agent", "core"},
    "launcher": {"core", "contivui", "tenants", "networks", "policies", "worker", "agent", "lab"},
    "bench": {"core", "contivui", "tenants", "networks", "policies", "worker", "agent", "lab", "launcher"},
}

#: Files that tie the house together and so name rooms their own room may not.
EXCEPTIONS: dict[str, set[str]] = {
    "contivui/asgi.py": {"worker"},
    "contivui/urls.py": {"tenants", "accounts", "networks", "policies", "routing", "netmaster", "worker"},
}


def sources(room: str) -> Iterator[Path]:
    for path in sorted((ROOT / room).rglob("*.py")):
        if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
            yield path


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Top-level names of the modules a file imports anywhere, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_it_imports_only_the_rooms_of_its_row(room: str) -> None:
    wrong = []
    for path in sources(room):
        name = path.relative_to(ROOT).as_posix()
        allowed = MAY_IMPORT[room] | EXCEPTIONS.get(name, set()) | {room}
        wrong += [
            f"{name}:{line} imports {module}"
            for module, line in imports(path)
            if module in MAY_IMPORT and module not in allowed
        ]
    assert wrong == []


def test_every_room_is_in_the_table() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms - {"tests"} == set(MAY_IMPORT)


def test_the_core_imports_only_the_standard_library() -> None:
    foreign = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources("core")
        for module, line in imports(path)
        if module != "core" and module not in sys.stdlib_module_names
    ]
    assert foreign == []


def test_the_agent_imports_only_the_core_the_standard_library_and_what_its_requirements_name() -> None:
    allowed = {"agent", "core", "websockets", "cryptography"} | sys.stdlib_module_names
    foreign = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources("agent")
        for module, line in imports(path)
        if module not in allowed
    ]
    assert foreign == []


def test_nothing_of_the_core_reads_a_clock_or_chance() -> None:
    """Clock and randomness are arguments: what the core decides can be decided again."""
    readers = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources("core")
        for module, line in imports(path)
        if module in {"time", "random", "secrets", "socket", "subprocess", "os"}
    ]
    assert readers == []


def test_verbs_are_the_only_writers_of_tenant_objects_in_views() -> None:
    """Pages and API call verbs: no .save(), .create() or .delete() on rows outside actions.py and the worker."""
    writers = []
    # How a client words things, how groups are numbered for it, what was noted, told or guessed: no tenant's object.
    writers_at_heart = {"actions.py", "change.py", "models.py", "labels.py", "spaces.py", "tags.py"}
    writers_at_heart |= {"wording.py", "group_numbers.py", "versions.py", "events.py", "patience.py"}
    for room in ("contivui", "tenants", "accounts", "networks", "policies", "routing", "netmaster"):
        for path in sources(room):
            if path.name in writers_at_heart or path.parent.name in {"actions", "models"}:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in {"bulk_create", "bulk_update", "get_or_create", "update_or_create"}
                ):
                    writers.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.func.attr}")
    assert writers == []


def test_passwords_are_judged_in_one_place() -> None:
    """Whatever asks for a password does so through the door that counts wrong ones."""
    judges = []
    for room in sorted(MAY_IMPORT):
        for path in sources(room):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = node.func if isinstance(node, ast.Call) else None
                name = getattr(called, "id", getattr(called, "attr", ""))
                if name == "authenticate" and "password" in {word.arg for word in node.keywords}:  # type: ignore[attr-defined]
                    judges.append(path.relative_to(ROOT).as_posix())
    assert judges == ["accounts/door.py"]
