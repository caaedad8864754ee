"""What a browser calls itself, in the words people use for it."""

from __future__ import annotations

import re

#: In this order: most browsers also claim to be one of those below them.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Version", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """ "Firefox 128, Linux"; what nobody knows by a name, as it calls itself."""
    for token, name in BROWSERS:
        if found := re.search(rf"{token}/(\d+)", agent):
            system = next((words for part, words in SYSTEMS if part in agent), "")
            return f"{name} {found[1]}" + (f", {system}" if system else "")
    return agent[:60]
