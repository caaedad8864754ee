"""Rules about what is not there: a peer that was deleted, a protocol or a port that is none. They match nothing."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from policies.models import Rule
from tenants.checks import FieldErrors

#: What can be missing, in words.
SENTENCES = {
    "group": _("the group %(name)s is gone: matches nothing"),
    "network": _("the network %(name)s is gone: matches nothing"),
    "protocol": _("protocol %(name)s does not exist: matches nothing"),
    "port": _("port %(name)s does not exist: matches nothing"),
}
#: The fields that say it where it is there. Set to something else, they say what the rule is about from then on.
SAID_BY = {
    "group": ("peer", "peer_group_id"),
    "network": ("peer", "peer_network_id"),
    "protocol": ("protocol",),
    "port": ("ports",),
}
LONGEST = 64


def sentences(row: Rule) -> list[str]:
    """Why the rule matches nothing; [] for one that misses nothing."""
    return [str(SENTENCES[what]) % {"name": name} for what, name in row.missing.items()]


def settle_missing(row: Rule, old: Rule | None) -> None:
    """Of what `old` misses keep what `row`, which is canonical, does not say otherwise. One that only repeats the
    fields misses the same: it must not become a rule about anything."""
    if old is not None and row.missing == old.missing:
        row.missing = {
            what: name
            for what, name in old.missing.items()
            if all(getattr(row, field) == getattr(old, field) for field in SAID_BY[what])
        }


def check_missing(row: Rule, errors: FieldErrors) -> None:
    """What is missing has a name, and nothing else stands where it would."""
    said = {
        "group": row.peer != "group" or row.peer_group_id,
        "network": row.peer != "network" or row.peer_network_id,
        "protocol": row.protocol != "any",
        "port": row.ports,
    }
    for what, name in row.missing.items():
        if what not in SAID_BY or not isinstance(name, str) or not 0 < len(name) <= LONGEST:
            says = f"What is missing is one of {', '.join(SAID_BY)}, with its name of at most {LONGEST} characters."
            errors.add("missing", says, "missing")
        elif said[what]:
            says = f"The rule cannot miss {what} {name}: it says otherwise ({', '.join(SAID_BY[what])})."
            errors.add("missing", says, "missing")


def check_kept(row: Rule, old: Rule | None, errors: FieldErrors) -> None:
    """Rules that match nothing are not made by hand: what is missing was missing before."""
    if not row.missing.items() <= (old.missing.items() if old else set()):
        errors.add("missing", "A rule is about what is there. Leave this out, or {} to name something else.", "missing")
