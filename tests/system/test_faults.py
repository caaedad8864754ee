"""What happens to packets, pages and changes while a part of a running installation is dead, and after it is back.

One installation for all: three nodes, the demonstration, real processes. Nothing here repairs anything by hand.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest
import redis

from bench.installation import Installation, installation
from lab import sandbox
from tests.system.watch import Flows, Person, agents, kill, live, process_of, rule_of, until

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not sandbox.inside(), reason="starts a lab, which needs the sandbox: make test"),
]


#: A node's state, as its page says it.
AWAY = re.compile(r">\s*away\s*<")


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with installation(nodes=3) as made:
        yield made


@pytest.fixture(autouse=True)
def well(running: Installation) -> Iterator[None]:
    """Each test begins and ends with everything up and every agent connected."""
    until(running.healthy, "healthz is well before the test")
    yield
    until(running.healthy, "healthz is well again")
    until(lambda: all(status["connected"] for status in agents(running)), "every agent is connected again")


def change(running: Installation, rule: int, ports: str) -> None:
    """Ports beside 5432, so that the allowed flows stay allowed."""
    running.api("PATCH", f"rules/{rule}/", {"ports": ports})


def test_without_its_controller_a_node_goes_on_says_so_and_comes_back(running: Installation) -> None:
    rule = rule_of(running)
    with Flows(running) as flows:
        web = process_of(running, "launcher.web")
        os.kill(web, signal.SIGSTOP)  # Hangs, and is then killed: the longest way to be away.
        time.sleep(1)
        os.kill(web, signal.SIGKILL)
        said = until(lambda: [s for s in agents(running) if not s["connected"]], "an agent notices")
        assert all(status["problem"].startswith("The controller is away since ") for status in said)
        until(running.healthy, "the controller is back")
        change(running, rule, "5432, 6001")
        until(lambda: live(running, rule), "a change after the return is live everywhere")
    assert (flows.lost, flows.passed) == ([], [])
    assert flows.asked > 20


def test_without_a_worker_changes_wait_and_are_live_when_it_is_back(running: Installation) -> None:
    rule = rule_of(running)
    with Flows(running) as flows:
        worker = process_of(running, "launcher.worker")
        os.kill(worker, signal.SIGSTOP)
        change(running, rule, "5432, 6002")
        said = running.health()
        assert said["healthy"] is False
        assert said["worker"].startswith("no answer")
        assert running.api("GET", f"rules/{rule}/realization/")["stage"] == "saved"
        assert "saved" in Person(running).page("/").lower()
        os.kill(worker, signal.SIGKILL)
        until(lambda: live(running, rule), "the change is live everywhere")
    assert (flows.lost, flows.passed) == ([], [])


def test_without_the_broker_changes_are_saved_and_become_live_when_it_is_back(running: Installation) -> None:
    rule = rule_of(running)
    with Flows(running) as flows:
        broker = process_of(running, "redis.sock")
        os.kill(broker, signal.SIGSTOP)
        os.kill(broker, signal.SIGKILL)
        change(running, rule, "5432, 6003")
        until(lambda: live(running, rule), "the change is live everywhere")
    assert (flows.lost, flows.passed) == ([], [])


def test_health_names_the_broker_while_it_hangs(running: Installation) -> None:
    broker = process_of(running, "redis.sock")
    os.kill(broker, signal.SIGSTOP)
    try:
        said = until(running.health, "healthz answers")
    finally:
        os.kill(broker, signal.SIGCONT)
    assert said["healthy"] is False
    assert said["database"] == "ok"
    assert said["broker"].startswith("no answer")
    assert said["channel layer"].startswith("no answer")


def test_nothing_is_lost_when_the_brokers_database_is_emptied_in_mid_change(running: Installation) -> None:
    rule = rule_of(running)
    with redis.Redis(unix_socket_path=str(running.data / "redis.sock")) as broker, Flows(running) as flows:
        for number in range(20):
            change(running, rule, f"5432, {7000 + number}")
            broker.flushall()
        until(lambda: live(running, rule), "the last of twenty changes is live everywhere")
    assert (flows.lost, flows.passed) == ([], [])


def test_a_dead_agent_is_shown_as_away_and_what_it_made_stays_in_force(running: Installation) -> None:
    rule, node = rule_of(running), running.lab("status")["nodes"][0]["name"]
    pk = running.api("GET", f"nodes/?name={node}")["results"][0]["id"]
    person = Person(running)
    with Flows(running) as flows:
        running.lab("stop_agent", node=node)
        until(lambda: AWAY.search(person.page(f"/nodes/{pk}/")), "the node's page says that it is away")
        change(running, rule, "5432, 6004")
        running.lab("start_agent", node=node)
        until(lambda: live(running, rule), "the change is live on the node, too")
        until(lambda: not AWAY.search(person.page(f"/nodes/{pk}/")), "the node's page says that it is back")
    assert (flows.lost, flows.passed) == ([], [])


def test_everything_killed_at_once_comes_back(running: Installation) -> None:
    rule = rule_of(running)
    with Flows(running) as flows:
        for words in ("redis.sock", "launcher.worker", "launcher.web"):
            kill(running, words)
        until(running.healthy, "everything is back")
        change(running, rule, "5432")
        until(lambda: live(running, rule), "a change is live everywhere")
    assert (flows.lost, flows.passed) == ([], [])
