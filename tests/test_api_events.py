"""Events: in one order, resumable, cut to who asks; as list, as stream, as websocket; and waiting for a change."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.db import connections
from django.utils import timezone

from contivui.asgi import make
from networks.actions import create_network, create_node, delete_network
from tenants import events
from tenants.actions import create_tenant, delete_tenant, update_tenant
from tenants.change import SYSTEM
from tenants.models import Event, Membership, Token
from tenants.testing import Cast, client_of, make_cast, people
from tests.leaks.wires import in_thread
from tests.meeting import meeting
from worker.intake import drift
from worker.models import NodeStatus
from worker.publish import publish_tenant

__all__ = ["people"]

PATIENCE_S = 15


def whats(answer: Any) -> list[tuple[str, str]]:
    return [(event["what"], event["object_name"]) for event in answer.json()["events"]]


def test_changes_are_told_in_their_order_to_those_who_may_know_of_them(people: Cast) -> None:
    clients = {user.username: client_of(user) for user in (people.alice, people.charlie, people.root)}
    since = clients["alice"].get("/api/v2/events/").json()["last"]
    net = create_network(actor=SYSTEM, tenant=people.blue, name="a", subnet4="20.1.1.0/24")
    create_network(actor=SYSTEM, tenant=people.green, name="b", subnet4="20.1.1.0/24")
    delete_network(actor=SYSTEM, row=net)
    blue, green = [("network.create", "a"), ("network.delete", "a")], [("network.create", "b")]
    seen = {name: whats(client.get(f"/api/v2/events/?since={since}")) for name, client in clients.items()}
    assert seen == {"alice": blue, "charlie": green, "root": [blue[0], green[0], blue[1]]}
    root = clients["root"]
    assert whats(root.get(f"/api/v2/events/?since={since}&tenant=green")) == green
    assert whats(root.get(f"/api/v2/events/?since={since}&object=network.{net.pk}&kind=change")) == blue
    assert whats(root.get(f"/api/v2/events/?since={since}&object=policy")) == []
    first = root.get(f"/api/v2/events/?since={since}").json()["events"][0]
    assert whats(root.get(f"/api/v2/events/?since={first['id']}")) == [green[0], blue[1]]


def test_a_parameter_that_is_none_is_refused_instead_of_answering_everything(people: Cast) -> None:
    for path in ("/api/v2/events/", "/api/v2/events/stream/"):
        refused = client_of(people.alice).get(path, {"since": "0", "tennant": "blue"})
        assert refused.status_code == 400
        assert [error["parameter"] for error in refused.json()["errors"]] == ["tennant"]


def test_how_far_a_change_is_live_is_an_event_too(people: Cast) -> None:
    since = events.newest()
    net = create_network(actor=SYSTEM, tenant=people.blue, name="a", subnet4="20.1.1.0/24")
    publish_tenant(people.blue.pk)
    found = client_of(people.bob).get(f"/api/v2/events/?since={since}&kind=status").json()["events"]
    assert [(each["what"], each["generation"]) for each in found] == [("live", net.generation)]


def test_who_was_away_too_long_is_told_so(people: Cast) -> None:
    create_network(actor=SYSTEM, tenant=people.blue, name="a", subnet4="20.1.1.0/24")
    last = events.newest()
    Event.objects.filter(number__lt=last).delete()
    alice = client_of(people.alice)
    assert alice.get("/api/v2/events/?since=0").json()["missed"] is True
    assert alice.get(f"/api/v2/events/?since={last - 1}").json()["missed"] is False
    for wrong in ("since=x", "since=-1", "kind=x", "object=network.x", f"since={10**30}"):
        assert alice.get(f"/api/v2/events/?{wrong}").status_code == 400, wrong


def note_many(count: int, at: datetime | None = None) -> None:
    rows = Event.objects.bulk_create(Event(kind="status", what=f"w{n}", object_name="") for n in range(count))
    if at:
        Event.objects.filter(pk__gte=rows[0].pk).update(at=at)


def test_who_begins_now_is_told_nothing_of_before_however_much_there_was(people: Cast) -> None:
    """Nobody had listened, so none of it had a number yet."""
    note_many(events.MOST * 2 + 3)
    root = client_of(people.root)
    begun = root.get("/api/v2/events/").json()
    assert begun["events"] == []
    note_many(1)
    found = root.get(f"/api/v2/events/?since={begun['last']}").json()
    assert [each["what"] for each in found["events"]] == ["w0"]
    assert not Event.objects.filter(number=None).exists()


def test_what_nobody_listened_to_is_dropped_in_time_too(people: Cast) -> None:
    events.newest()
    Event.objects.all().delete()
    note_many(events.MOST + 3, at=timezone.now() - events.KEPT - timedelta(days=1))
    last = events.newest()
    note_many(events.MOST + 3, at=timezone.now() - events.KEPT - timedelta(days=1))
    note_many(2)
    events.forget()
    assert Event.objects.filter(kind="status").count() == 2
    read = client_of(people.root).get(f"/api/v2/events/?since={last}").json()
    assert (len(read["events"]), read["missed"]) == (2, True)


def test_what_a_tenant_did_is_told_in_order_though_it_is_gone(people: Cast) -> None:
    since = events.newest()
    gone = create_tenant(actor=SYSTEM, name="gone")
    net = create_network(actor=SYSTEM, tenant=gone, name="a", subnet4="20.1.1.0/24")
    publish_tenant(gone.pk)
    delete_network(actor=SYSTEM, row=net)
    delete_tenant(actor=SYSTEM, row=gone)
    told = client_of(people.root).get(f"/api/v2/events/?since={since}").json()["events"]
    whole = ["network.create", "live", "network.delete", "tenant.delete"]
    assert [each["what"] for each in told if each["what"] in whole] == whole
    assert {each["tenant"] for each in told} == {"gone"}
    assert whats(client_of(people.alice).get(f"/api/v2/events/?since={since}")) == []


def test_what_a_node_healed_is_told_as_a_status_and_not_as_a_change_too(people: Cast) -> None:
    node, _ = create_node(actor=SYSTEM, name="n1", vtep="192.0.2.1")
    since = events.newest()
    NodeStatus.objects.get_or_create(node=node)
    now = timezone.now().timestamp()
    drift(node, {"tenant": people.blue.pk, "difference": ["chain forward"], "found_at": now, "healed_at": now})
    told = client_of(people.root).get(f"/api/v2/events/?since={since}").json()["events"]
    assert [(each["kind"], each["what"]) for each in told] == [("status", "drift")]


@pytest.mark.django_db(transaction=True)
def test_numbers_are_given_while_a_tenant_goes() -> None:
    """Neither waits for the other for ever, and nothing is told twice."""
    people = make_cast()
    gone = create_tenant(actor=SYSTEM, name="gone")
    since = events.newest()
    update_tenant(actor=SYSTEM, row=gone, description="last words")
    meeting(lambda: delete_tenant(actor=SYSTEM, row=gone), events.newest)
    found = events.read(people.root, events.Asked(since)).events
    assert [event.what for event in found] == ["tenant.update", "tenant.delete"]


@pytest.mark.django_db(transaction=True)
def test_an_event_whose_transaction_ends_late_is_not_missed() -> None:
    """Ids are given at the beginning of a transaction and numbers after its end: a reader who came between the two
    still gets it."""
    people = make_cast()
    from django.db import connection, transaction

    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so transactions end in the order in which they write")
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            create_network(actor=SYSTEM, tenant=people.blue, name="slow", subnet4="20.1.1.0/24", tag=5, encap="vlan")
            begun.set()
            go_on.wait(PATIENCE_S)
        connections.close_all()

    since = events.newest()
    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(PATIENCE_S)
    update_tenant(actor=SYSTEM, row=people.green, description="quick")
    quick = events.read(people.root, events.Asked(since))
    assert [event.object_name for event in quick.events] == ["green"]
    go_on.set()
    thread.join()
    late = events.read(people.root, events.Asked(quick.last))
    assert [event.object_name for event in late.events] == ["slow"]


# --- through ASGI


def request(path: str, token: str, **headers: str) -> dict[str, Any]:
    path, _, query = path.partition("?")
    said = {"host": "localhost", "authorization": f"Token {token}", **headers}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


@asynccontextmanager
async def open_stream(path: str, token: str, **headers: str) -> AsyncIterator[ApplicationCommunicator]:
    talk = ApplicationCommunicator(make(), request(path, token, **headers))
    await talk.send_input({"type": "http.request", "body": b"", "more_body": False})
    try:
        yield talk
    finally:
        await talk.send_input({"type": "http.disconnect"})
        await talk.wait(PATIENCE_S)


async def told(talk: ApplicationCommunicator, what: str) -> str:
    """What the stream says until it says this."""
    text = ""
    while what not in text:
        message = await talk.receive_output(PATIENCE_S)
        text += message.get("body", b"").decode()
    return text


def token_of(user: Any) -> str:
    return str(Token.objects.create(user, None)[1])


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_stream_tells_what_happens_and_goes_on_where_it_was_left() -> None:
    people = await in_thread(make_cast)
    token = await in_thread(token_of, people.alice)
    make = {"actor": SYSTEM, "tenant": people.blue}
    async with open_stream("/api/v2/events/stream/", token) as talk:
        start = await talk.receive_output(PATIENCE_S)
        assert (start["status"], dict(start["headers"])[b"content-type"]) == (200, b"text/event-stream")
        await told(talk, "event: seen")
        await in_thread(create_network, **make, name="first", subnet4="20.1.1.0/24")
        text = await told(talk, "first")
        event = json.loads(text.partition("event: change\ndata: ")[2].partition("\n")[0])
        assert (event["what"], event["object_name"], event["tenant"]) == ("network.create", "first", "blue")
    await in_thread(create_network, **make, name="second", subnet4="20.1.2.0/24")
    await in_thread(create_network, actor=SYSTEM, tenant=people.green, name="theirs", subnet4="20.1.2.0/24")
    async with open_stream("/api/v2/events/stream/", token, **{"Last-Event-ID": str(event["id"])}) as talk:
        text = await told(talk, "event: seen")
        assert "second" in text
        assert "first" not in text
        assert "theirs" not in text


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_stream_ends_with_the_token_and_never_begins_without() -> None:
    people = await in_thread(make_cast)
    token = await in_thread(token_of, people.alice)
    async with open_stream("/api/v2/events/stream/", "cvui_nothing") as talk:
        assert (await talk.receive_output(PATIENCE_S))["status"] == 401
    async with open_stream("/api/v2/events/stream/", token) as talk:
        await told(talk, "event: seen")
        await in_thread(Token.objects.all().delete)
        await in_thread(create_network, actor=SYSTEM, tenant=people.blue, name="x", subnet4="20.1.1.0/24")
        said = await talk.receive_output(PATIENCE_S)
        while said.get("more_body"):
            assert b'"x"' not in said["body"]
            said = await talk.receive_output(PATIENCE_S)
        assert said["body"] == b""


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_reader_waits_for_a_change_to_be_live_and_no_longer() -> None:
    people = await in_thread(make_cast)
    token = await in_thread(token_of, people.bob)
    net = await in_thread(create_network, actor=SYSTEM, tenant=people.blue, name="x", subnet4="20.1.1.0/24")
    where = f"/api/v2/networks/{net.pk}/realization/"
    async with open_stream(f"{where}?wait=20s", token) as talk:
        assert await talk.receive_nothing(0.4)
        await in_thread(publish_tenant, people.blue.pk)
        assert (await talk.receive_output(PATIENCE_S))["status"] == 200
        assert json.loads((await talk.receive_output(PATIENCE_S))["body"])["stage"] == "nowhere"
    await in_thread(create_network, actor=SYSTEM, tenant=people.blue, name="y", subnet4="20.1.2.0/24")
    where = f"/api/v2/tenants/{people.blue.pk}/realization/"
    async with open_stream(f"{where}?wait=300ms", token) as talk:
        assert "saved" in await told(talk, "stage")
    async with open_stream(f"{where}?wait=soon", token) as talk:
        assert (await talk.receive_output(PATIENCE_S))["status"] == 400


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_websocket_tells_the_same_and_closes_when_the_token_ends() -> None:
    people = await in_thread(make_cast)
    token = await in_thread(token_of, people.charlie)
    bearer = [(b"authorization", f"Token {token}".encode())]
    socket = WebsocketCommunicator(make(), "/ws/events/?since=0&kind=change", headers=bearer)
    assert (await socket.connect(PATIENCE_S))[0]
    first = await socket.receive_json_from(PATIENCE_S)
    assert (first["what"], first["tenant"]) == ("tenant.create", "green")
    assert (await socket.receive_json_from(PATIENCE_S))["kind"] == "seen"
    await in_thread(create_network, actor=SYSTEM, tenant=people.green, name="x", subnet4="20.1.1.0/24")
    assert (await socket.receive_json_from(PATIENCE_S))["object_name"] == "x"
    await in_thread(Token.objects.all().delete)
    await in_thread(create_network, actor=SYSTEM, tenant=people.green, name="y", subnet4="20.1.2.0/24")
    heard = await socket.receive_output(PATIENCE_S)
    while heard["type"] != "websocket.close":
        assert '"y"' not in heard.get("text", "")
        heard = await socket.receive_output(PATIENCE_S)
    assert heard["code"] == 4401


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/ws/events/", []),
        ("/ws/events/", [(b"authorization", b"Token cvui_x")]),
        ("/ws/events/?since=x", []),
    ],
)
async def test_a_websocket_opens_for_nobody_else(path: str, headers: list[tuple[bytes, bytes]]) -> None:
    socket = WebsocketCommunicator(make(), path, headers=headers)
    assert not (await socket.connect(PATIENCE_S))[0]


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("query", "headers", "status", "said"),
    [
        (b"", [], 401, "Token"),
        (b"since=0", [(b"authorization", b"Token cvui_x")], 401, "Token"),
        (b"since=x", [], 400, "Give the id of an event."),
        (b"kind=bogus", [], 400, "Ask for change or status."),
        (b"sinse=0", [], 400, "There is no such parameter."),
    ],
)
async def test_who_may_not_open_a_websocket_is_told_why_as_anywhere_else(
    query: bytes, headers: list[tuple[bytes, bytes]], status: int, said: str
) -> None:
    scope = WebsocketCommunicator(make(), "/ws/events/", headers=headers).scope
    scope |= {"query_string": query, "extensions": {"websocket.http.response": {}}}
    talk = ApplicationCommunicator(make(), scope)
    await talk.send_input({"type": "websocket.connect"})
    start, body = [await talk.receive_output(PATIENCE_S) for _ in range(2)]
    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    assert json.loads(body["body"])["status"] == status
    assert said in body["body"].decode()


def test_an_object_that_no_event_can_be_of_is_refused(people: Cast) -> None:
    alice = client_of(people.alice)
    for wrong in ("bogus", ".5", "network.", "network.x", "."):
        assert alice.get("/api/v2/events/", {"since": 0, "object": wrong}).status_code == 400, wrong
    for right in ("network", "network.5", "endpointgroup", "node"):
        assert alice.get("/api/v2/events/", {"since": 0, "object": right}).status_code == 200, right


def test_who_has_read_beyond_the_newest_is_told_that_an_older_database_was_put_back(people: Cast) -> None:
    head = events.newest()
    found = client_of(people.alice).get(f"/api/v2/events/?since={head + 7}").json()
    assert found == {"events": [], "last": head, "missed": True}


@pytest.mark.django_db(transaction=True)
def test_a_tenants_token_hears_of_nothing_else() -> None:
    people = make_cast()
    made = client_of(people.root).post("/api/v2/tokens/", {"tenant": "blue"}, format="json").json()["token"]
    program = client_of(None)
    program.credentials(HTTP_AUTHORIZATION=f"Token {made}")
    heard = program.get("/api/v2/events/?since=0").json()["events"]
    assert {each["tenant"] for each in heard} == {"blue"}
    Membership.objects.filter(user=people.alice).delete()
    assert client_of(people.alice).get("/api/v2/events/?since=0").json()["events"] == []
