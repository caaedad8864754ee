"""Every way into the product is declared: what walking the code finds is what declared.py has."""

from __future__ import annotations

from netmaster.kinds import KINDS as DIALECT_KINDS
from tests.leaks import declared, walk


def test_every_way_in_is_declared_and_nothing_else() -> None:
    operations = list(walk.operations())
    assert {one.kind for one in operations} >= set(declared.KINDS)
    others = {str(one) for one in operations if not (one.standard and one.kind in declared.KINDS)}
    assert others == set(declared.OPERATIONS)
    names = set(walk.pages())
    of_kinds = {f"{kind}.{page}" for kind in declared.SCREENS for page in walk.PAGES_OF_KINDS}
    assert names - of_kinds == set(declared.PAGES)
    assert {name.partition(".")[0] for name in names & of_kinds} == set(declared.SCREENS)
    assert walk.dialect() == list(declared.DIALECT)
    assert set(DIALECT_KINDS) == set(declared.COLLECTIONS)
    assert walk.of_agents() == list(declared.OF_AGENTS)
    assert walk.sockets().keys() == declared.SOCKETS.keys()
    assert {path: walk.messages(one) for path, one in walk.sockets().items()} == {
        path: set(types) for path, types in declared.MESSAGES.items()
    }
    assert walk.topics() == set(declared.TOPICS)
    assert walk.streams() == set(declared.STREAMS)
    assert walk.inside_messages() == set(declared.INSIDE_MESSAGES)
    assert walk.tasks() == set(declared.TASKS)
    assert walk.commands() == set(declared.COMMANDS)
