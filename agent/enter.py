"""`contivui-agent join URL TOKEN`: what a person types on a machine that is to become a node."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from agent.config import SETTINGS, load
from agent.joining import NotLetIn, join
from core.joining import JoinText, parse

#: What may be said when joining; the rest is the agent's own.
SAID = ("vtep", "node", "state")


def join_by_hand(arguments: Sequence[str]) -> str:
    """Join, and answer the sentence that says so. Raises ConfigError, NotLetIn, or OSError."""
    told = _parser().parse_args(arguments)
    flags = [f"--{name}={value}" for name in SAID if (value := getattr(told, name)) is not None]
    config = load([f"--controller={told.url}", *flags])
    joined = join(config.controller, _token(told.token), config.node, config.vtep, config.state)
    return f"This machine is node {joined.node} now. Start its agent: contivui-agent --state {config.state}"


def _token(text: str) -> JoinText:
    try:
        return parse(sys.stdin.readline() if text == "-" else text)
    except ValueError as error:
        raise NotLetIn(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="contivui-agent join", description="Makes this machine a node of the controller that gave the join token."
    )
    made.add_argument("url", metavar="URL", help="where the controller listens for agents: https://host:port")
    made.add_argument("token", metavar="TOKEN", help="the join token, or - to read it from standard input")
    for setting in SETTINGS:
        if setting.name in SAID:
            made.add_argument(setting.flag, metavar="…", help=setting.help)
    return made
