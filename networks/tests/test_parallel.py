"""Several processes write to one database file at once: nobody fails, and nothing is given twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRITERS, TURNS = 4, 15
PREPARE = f"""
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from networks.actions import create_network
from tenants.actions import create_tenant
from tenants.change import SYSTEM
from tenants.signals import tenant_changed, nodes_changed
tenant_changed.receivers = nodes_changed.receivers = []
for number in range({WRITERS}):
    create_tenant(actor=SYSTEM, name=f"tenant-{{number}}")
create_network(actor=SYSTEM, tenant=create_tenant(actor=SYSTEM, name="shared"), name="shared", subnet4="20.0.0.0/16")
"""


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """The environment of an installation of its own, with a shared network and a tenant for each writer."""
    world = {**os.environ, "CONTIVUI_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "contivui.settings"}
    world.pop("DATABASE_URL", None)
    subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=world, check=True, timeout=60)
    return world


def test_parallel_writers_never_fail_and_never_get_the_same_thing(world: dict[str, str]) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "networks.tests.writers", str(number), str(TURNS)],
            cwd=ROOT,
            env=world,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    answers = [writer.communicate(timeout=120) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS, [error for _, error in answers]
    lines = [line for said, _ in answers for line in said.splitlines()]
    endpoints = [line for line in lines if line.startswith("made endpoint")]
    tags = [line for line in lines if line.startswith("made tag")]
    assert len(endpoints) == len(set(endpoints)) == WRITERS * TURNS
    assert len(tags) == len(set(tags)) == WRITERS * TURNS
    # Each of the names all of them wanted was given once, and refused at its field to the others.
    assert sorted(line for line in lines if line.startswith("made name")) == sorted(
        f"made name {turn}" for turn in range(TURNS)
    )
    refused = [line for line in lines if line.startswith("refused name")]
    assert len(refused) == (WRITERS - 1) * TURNS
    assert all("'name'" in line for line in refused)


CROWD, ROUNDS = 50, 4


def test_fifty_at_once_get_each_number_once_and_leave_no_gap(tmp_path: Path) -> None:
    world = {**os.environ, "CONTIVUI_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "contivui.settings"}
    world.pop("DATABASE_URL", None)
    crowd = [sys.executable, "-m", "networks.tests.crowd", str(CROWD), str(ROUNDS)]
    ran = subprocess.run(crowd, cwd=ROOT, env=world, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    said, each = json.loads(ran.stdout), CROWD * ROUNDS
    assert said["seen"] == {
        "endpoint 201": 2 * each,
        "endpoint 204": each,
        "vlan 201": 2 * each,
        "vlan 204": each,
        "name 201": ROUNDS,
        "name 400": each - ROUNDS,
    }
    # Never more than `each` were in use, so the lowest free one was never beyond these; the gateway is 20.0.0.7.
    lowest = [ip_address("20.0.0.0") + n for n in range(1, each + 2) if n != 7]
    assert said["addresses"] == sorted(map(str, lowest))
    assert said["macs"] == each
    assert said["vlans"] == list(range(1, each + 1))
    assert said["names"] == [f"same-{turn}" for turn in range(ROUNDS)]
    assert said["differences"] == said["faults"] == []
