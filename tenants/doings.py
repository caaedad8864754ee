"""What was done, in words: "endpoint.place" is "endpoint placed". Pages show it beside the object's name; programs get
the verb itself, which stays the same in every language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise

THINGS: Final[dict[str, Words]] = {
    "account": _("account"),
    "aci": _("ACI gateway"),
    "app": _("application profile"),
    "bgp": _("BGP peer"),
    "contract": _("contract group"),
    "directory": _("directory"),
    "drift": _("drift"),
    "endpoint": _("endpoint"),
    "fabric": _("fabric"),
    "factor": _("second factor"),
    "group": _("group"),
    "group_grant": _("role by group"),
    "invitation": _("invitation"),
    "member": _("member"),
    "network": _("network"),
    "node": _("node"),
    "policy": _("policy"),
    "profile": _("bandwidth profile"),
    "provider": _("sign-in provider"),
    "quota": _("quota"),
    "reservation": _("reservation"),
    "rule": _("rule"),
    "service": _("service"),
    "session": _("session"),
    "sign_in": _("how people sign in"),
    "tenant": _("tenant"),
    "token": _("token"),
    "user": _("user"),
}
DONE: Final[dict[str, Words]] = {
    "accept": _("accepted"),
    "create": _("created"),
    "delete": _("deleted"),
    "found": _("found"),
    "join": _("joined"),
    "lock": _("locked"),
    "place": _("placed"),
    "release": _("released"),
    "reset": _("reset"),
    "turned_away": _("turned away"),
    "update": _("changed"),
}
#: What is more than something done to a thing.
WHOLE: Final[dict[str, Words]] = {
    "account.password": _("password changed"),
    "drift.heal": _("drift healed"),
    "factor.codes": _("recovery codes made"),
    "node.renew": _("certificate of node renewed"),
    "node.revoke": _("node revoked"),
    "node.token": _("token for nodes made"),
    "node.token_end": _("token for nodes ended"),
    "policy.rules": _("rules of policy replaced"),
    "rule.lose": _("peer of rule gone"),
    "session.delete": _("session ended"),
    "session.delete_all": _("all sessions ended"),
    "user.role": _("role in the cluster changed"),
}


def in_words(verb: str) -> str:
    """The verb in the reader's language; as it is, where it is one of a room that says no words for it."""
    if verb in WHOLE:
        return str(WHOLE[verb])
    thing, _dot, action = verb.partition(".")
    if thing not in THINGS or action not in DONE:
        return verb
    return _("%(thing)s %(done)s") % {"thing": THINGS[thing], "done": DONE[action]}


def saying(word: str, verbs: Iterable[str]) -> list[str]:
    """Those of the verbs whose words have this in them."""
    return [verb for verb in verbs if word.casefold() in in_words(verb).casefold()]
