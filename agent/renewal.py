"""A node's next certificate: asked for when the controller said so, used from the next connection on."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from agent import identity
from agent.joining import NotLetIn, new_request

if TYPE_CHECKING:
    from agent.link import Link

log = logging.getLogger("agent.renewal")

#: Seconds until it is tried again when it failed. A third of a certificate's time is left then.
RETRY_S = 60.0


async def keep_renewed(link: Link, state: Path, name: str, due_s: float) -> None:
    """Renew after so many seconds, and again and again, for as long as the connection stands."""
    while True:
        await asyncio.sleep(due_s)
        try:
            due_s = await renew(link, state, name)
            log.info("The next certificate is here; the one after it is asked for in %.0f s.", due_s)
        except (NotLetIn, OSError) as error:
            log.warning("The certificate could not be renewed, and is tried again in %g s: %s", RETRY_S, error)
            due_s = RETRY_S


async def renew(link: Link, state: Path, name: str) -> float:
    """Get and keep the next certificate. Answers in how many seconds the one after it is due. Raises NotLetIn, or
    OSError when it cannot be kept; agent.link.Away when the controller went away."""
    key, request = await asyncio.to_thread(new_request, name)
    answer = await link.ask({"type": "renew", "request": request})
    if not answer.get("ok"):
        raise NotLetIn(str(answer.get("error", "no reason was given")))
    await asyncio.to_thread(identity.write, state, key, answer)
    return float(answer["renew_s"])
