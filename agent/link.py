"""The one connection of a node: outgoing, with certificates both ways, made again for as long as the agent lives.

What is heard goes to an `Inbox`. What is sent while the controller is away is dropped, except what it must hear of
later (`keep=True`), of which the newest are kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections import deque
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from agent import identity
from agent.config import Config
from agent.identity import NotJoined
from agent.joining import NotLetIn, join, read_token
from agent.renewal import keep_renewed
from core.joining import CONTROLLER_NAME

log = logging.getLogger("agent.link")

Message = dict[str, Any]

#: Whatever its address: what its certificate says it is.
URI = f"wss://{CONTROLLER_NAME}/ws/agent/"
FIRST_RETRY_S, LONGEST_RETRY_S, LONGEST_REFUSED_S = 0.2, 5.0, 30.0
OPEN_S, PING_S, PONG_S, CLOSE_S, ANSWER_S = 5.0, 5.0, 10.0, 1.0, 10.0
#: Bytes; a whole spec of some hundred thousand items.
LONGEST_MESSAGE = 256 * 1024 * 1024
KEPT_MESSAGES = 200
#: Close code of an end that stops (RFC 6455, 7.4.1).
GOING_AWAY = 1001
#: How a controller refuses a node while the connection is made.
REFUSED_STATUS = frozenset({401, 403})
#: Close codes from here on are the controller's own: it let the node in and does not want to go on with it.
FIRST_OWN_CODE = 4000


class Away(ConnectionError):
    """The controller cannot be asked now. Its text is a sentence that says since when and why."""


class Inbox(Protocol):
    """Who is told what the link hears. Called in the event loop; must not block."""

    def hello(self) -> Message:
        """The first message of a connection."""

    def welcomed(self, message: Message) -> None:
        """The controller let this node in."""

    def received(self, message: Message) -> None:
        """Any later message but answers, in the order sent."""


class Backoff:
    """Doubling delays with jitter, so that the nodes of a data centre do not come back all at once."""

    def __init__(self) -> None:
        self._next = FIRST_RETRY_S

    def reset(self) -> None:
        self._next = FIRST_RETRY_S

    def delay(self, longest: float) -> float:
        """Seconds to wait before the next try."""
        delay = min(self._next, longest)
        self._next = min(self._next * 2, LONGEST_REFUSED_S)
        return delay * random.uniform(0.7, 1.0)  # noqa: S311 - jitter is no secret


class Link:
    """The connection and its state. `since`: when `connected` last changed, seconds since the epoch."""

    def __init__(self, config: Config, inbox: Inbox) -> None:
        self._config = config
        self._inbox = inbox
        self._backoff = Backoff()
        self._outgoing: asyncio.Queue[tuple[Message, bool]] = asyncio.Queue()
        self._kept: deque[Message] = deque(maxlen=KEPT_MESSAGES)
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._asked = 0
        self.connected = False
        self.since = time.time()
        self.problem = "not connected yet"

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            longest = await self._connect_once()
            await asyncio.sleep(self._backoff.delay(longest))

    def send(self, message: Message, *, keep: bool = False) -> None:
        """Send when connected. `keep`: if not, or if the connection ends before it is sent, send it at the next."""
        if self.connected:
            self._outgoing.put_nowait((message, keep))
        elif keep:
            self._kept.append(message)

    async def ask(self, message: Message, timeout_s: float = ANSWER_S) -> Message:
        """Send a request and wait for its `result`. Raises Away."""
        if not self.connected:
            raise Away(self.absence())
        self._asked += 1
        number = str(self._asked)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self.send({**message, "id": number})
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            raise Away(f"The controller did not answer within {timeout_s:g} s; try again.") from None
        finally:
            self._answers.pop(number, None)

    def absence(self) -> str:
        """Since when the controller is away, and why, as a sentence."""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.since))
        return f"The controller is away since {since}: {self.problem}."

    async def _connect_once(self) -> float:
        """One connection from its beginning to its end. Returns the longest delay before the next try."""
        longest = LONGEST_RETRY_S
        try:
            await self._join_if_told()
            async with self._open() as socket:
                await self._talk(socket)
            problem = "it closed the connection"
        except InvalidStatus as error:
            problem = f"it answered HTTP {error.response.status_code}"
            if error.response.status_code in REFUSED_STATUS:
                problem, longest = "it lets no node in there without a certificate", LONGEST_REFUSED_S
        except ConnectionClosed as error:
            problem = f"the connection ended ({error})"
            if error.rcvd and error.rcvd.code >= FIRST_OWN_CODE:
                problem, longest = f"it ended the connection: {error.rcvd.reason}", LONGEST_REFUSED_S
        except (NotJoined, NotLetIn) as error:
            problem, longest = str(error), LONGEST_REFUSED_S
        except (LookupError, TypeError) as error:
            problem = f"it sent a message that makes no sense here ({error!r})"
        except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
            problem = str(error) or type(error).__name__
        finally:
            self._disconnected()
        self._note_problem(problem.rstrip("."))
        return longest

    async def _join_if_told(self) -> None:
        """Where a join token waits in its file it is used, whatever this node has; then it is gone. One that opens
        nothing is no reason not to try with what the node has."""
        config, file = self._config, self._config.join_token_file
        if file is None or not file.exists():
            return
        try:
            token = read_token(file)
            joined = await asyncio.to_thread(join, config.controller, token, config.node, config.vtep, config.state)
        except NotLetIn as error:
            if identity.read(config.state) is None:
                raise
            log.warning("The join token in %s was of no use: %s", file, error)
        else:
            file.unlink()
            log.info("This machine is node %s now.", joined.node)

    def _open(self) -> connect:
        options: dict[str, Any] = {
            "ssl": identity.client_context(self._config.state),
            # Frames stay on the machine or in the data centre; deflating a whole spec costs more than it saves.
            "compression": None,
            "open_timeout": OPEN_S,
            "ping_interval": PING_S,
            "ping_timeout": PONG_S,
            "close_timeout": CLOSE_S,
            "max_size": LONGEST_MESSAGE,
        }
        url = urlsplit(self._config.controller)
        if url.scheme == "unix":
            return unix_connect(url.path, URI, **options)
        return connect(URI, host=url.hostname, port=url.port or 443, proxy=None, **options)

    async def _talk(self, socket: ClientConnection) -> None:
        joined = identity.read(self._config.state)
        name = joined.node if joined else self._config.node
        await socket.send(json.dumps({**self._inbox.hello(), "node": name}))
        async with asyncio.timeout(OPEN_S):
            welcome = _parse(await socket.recv())
        if welcome["type"] != "welcome":
            raise ValueError(f"its first message was {welcome['type']!r} where a welcome belongs")
        self._welcomed(welcome)
        sender = asyncio.create_task(self._pass_on(socket))
        renewing = asyncio.create_task(keep_renewed(self, self._config.state, name, float(welcome["renew_s"])))
        try:
            async for text in socket:
                self._heard(_parse(text))
        except asyncio.CancelledError:
            await socket.close(GOING_AWAY)
            raise
        finally:
            sender.cancel()
            renewing.cancel()

    def _welcomed(self, welcome: Message) -> None:
        self.connected, self.since, self.problem = True, time.time(), ""
        self._backoff.reset()
        log.info("Connected to %s.", self._config.controller)
        while self._kept:
            self.send(self._kept.popleft(), keep=True)
        self._inbox.welcomed(welcome)

    def _heard(self, message: Message) -> None:
        if message["type"] != "result":
            self._inbox.received(message)
            return
        answer = self._answers.get(str(message.get("id")))
        if answer and not answer.done():
            answer.set_result(message)

    async def _pass_on(self, socket: ClientConnection) -> None:
        while True:
            message, keep = await self._outgoing.get()
            try:
                await socket.send(json.dumps(message))
            except ConnectionClosed:
                if keep:
                    self._kept.append(message)
                return

    def _disconnected(self) -> None:
        if self.connected:
            self.connected, self.since = False, time.time()
        while not self._outgoing.empty():
            message, keep = self._outgoing.get_nowait()
            if keep:
                self._kept.append(message)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Away("The controller went away before it answered; try again."))

    def _note_problem(self, problem: str) -> None:
        # Once per reason: a controller that is away for a night is one line, not ten thousand.
        if problem != self.problem:
            self.problem = problem
            log.warning("%s What was told last stays enforced.", self.absence())


def _parse(text: str | bytes) -> Message:
    message = json.loads(text)
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ValueError("it sent a message without a type")
    return message
