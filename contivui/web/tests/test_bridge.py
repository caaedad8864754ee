"""What a server hears from the bridge, for each way a request comes and an answer goes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, StreamingHttpResponse

from contivui.web.bridge import Bridge, Message

SCOPE = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/a b", "query_string": b"x=1", "headers": []}


def served(app: Any, *messages: Message, **told: Any) -> list[Message]:
    """What an application answers a request that comes in these messages."""
    sent: list[Message] = []

    async def run() -> None:
        waiting = list(messages)

        async def receive() -> Message:
            return waiting.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        await Bridge(app, 1)({**SCOPE, **told}, receive, send)

    asyncio.run(run())
    return sent


def body(text: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": text, "more_body": more}


def answering(made: Callable[[dict[str, Any]], Any]) -> Any:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        answer = made(environ)
        start("201 Created", [("X-Name", "value"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return answer  # type: ignore[no-any-return]

    return app


def test_a_request_is_there_whole_and_its_answer_is_sent_whole() -> None:
    def echoed(environ: dict[str, Any]) -> HttpResponse:
        said = [environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]]
        return HttpResponse([*said, "|", environ["wsgi.input"].read(), "|", threading.current_thread().name[:5]])

    head, end = served(answering(echoed), body(b"one ", more=True), body(b"two"))
    assert head["status"] == 201
    given = [(b"x-name", b"value"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert head["headers"] == [*given, (b"content-length", b"25")]
    assert end == {"type": "http.response.body", "body": b"POST/a bx=1|one two|views"}


def test_how_long_an_answer_is_is_said_once_and_of_what_has_a_body() -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        text = environ["wsgi.input"].read()
        start("200 OK", [("Content-Length", "4")] if text == b"told" else [])
        return [text]

    for text, said in ((b"told", [(b"content-length", b"4")]), (b"not", [(b"content-length", b"3")]), (b"", [])):
        head, end = served(app, body(text))
        assert (head["headers"], end["body"]) == (said, text)


def test_a_body_that_does_not_say_how_long_it_is_is_read_whole() -> None:
    def echoed(environ: dict[str, Any]) -> HttpResponse:
        return HttpResponse(WSGIRequest(environ).body)

    _, end = served(answering(echoed), body(b"in ", more=True), body(b"pieces"))
    assert end["body"] == b"in pieces"


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "text/plain; charset=base64", "text/plain; charset=undefined", 'a/b;CHARSET="hex"'),
        *("application/json; a=1; charset=utf-16", "text/plain; charset*=utf-8''rot13", "text/plain; a*=nosuch''%41"),
        *("", ";", "multipart/form-data; charset=zlib; boundary=x", "charset=latin-1"),
    ],
)
def test_an_address_is_utf8_whatever_the_content_type_says(kind: str) -> None:
    def echoed(environ: dict[str, Any]) -> HttpResponse:
        return HttpResponse(WSGIRequest(environ).GET["name"])

    told = {"query_string": b"name=%C3%BC", "headers": [(b"content-type", kind.encode())]}
    assert served(answering(echoed), body(b""), **told)[1]["body"].decode() == "ü"


@pytest.mark.parametrize("boundary", ["x", '"a; b"'])
def test_a_form_is_utf8_and_its_files_are_read_as_they_are(boundary: str) -> None:
    def echoed(environ: dict[str, Any]) -> HttpResponse:
        request = WSGIRequest(environ)
        file: Any = request.FILES["file"]
        return HttpResponse([request.POST["name"], "|", file.name, "|", file.charset, "|", file.read()])

    kind = f"multipart/form-data; charset=utf-16; boundary={boundary}".encode()
    head = 'Content-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: text/plain; charset=latin-1'
    parts = ('Content-Disposition: form-data; name="name"\r\n\r\nü', f"{head}\r\n\r\nü")
    between = boundary.strip('"')
    text = "".join(f"--{between}\r\n{part}\r\n" for part in parts) + f"--{between}--\r\n"
    _, end = served(answering(echoed), body(text.encode()), headers=[(b"content-type", kind)])
    assert end["body"].decode() == "ü|f|latin-1|ü"


def test_an_answer_in_pieces_is_sent_as_it_is_made() -> None:
    closed = []

    def pieces() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    def made(_environ: dict[str, Any]) -> StreamingHttpResponse:
        answer = StreamingHttpResponse(pieces())
        answer._resource_closers.append(lambda: closed.append(True))  # type: ignore[attr-defined]
        return answer

    head, *rest = served(answering(made), body(b""))
    assert head["status"] == 201
    assert [(message["body"], message.get("more_body", False)) for message in rest] == [
        (b"one", True),
        (b"two", True),
        (b"", False),
    ]
    assert closed == [True]


def test_who_leaves_before_the_request_is_there_is_not_answered() -> None:
    def never(_environ: dict[str, Any]) -> HttpResponse:
        raise AssertionError("asked")

    assert served(answering(never), body(b"half", more=True), {"type": "http.disconnect"}) == []


def test_what_an_application_raises_reaches_the_server() -> None:
    def broken(_environ: dict[str, Any]) -> HttpResponse:
        raise LookupError("broken")

    with pytest.raises(LookupError):
        served(answering(broken), body(b""))
