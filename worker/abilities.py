"""What a node says of an ability its kernel lacks, for people: in their language, but for the kernel's own words.

Nodes say it in English (agent/kernel/probe.py), and programs get it so. What an agent of another version says in other
words stays as it is said.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

PHRASES = (
    _("The program %(tool)s is missing: install the package %(package)s."),
    _("The program %(tool)s did not end within %(seconds)s s."),
    _("No network namespace can be made: %(why)s. Run it as root."),
    _("it is larger than a socket's buffer may be; run the agent as root, or raise net.core.wmem_max"),
    _("this kernel cannot make such a device; load its module (8021q, vxlan, ifb) or use another"),
    _("this kernel cannot shape traffic; load the modules sch_tbf and sch_ingress"),
    _("no reason was given"),
    _("nft refused it."),
    _("Load the module bridge."),
    _("Load the module br_netfilter: without it, policy does not see what passes within a network."),
    _("Load the module vxlan."),
    _("Load the module 8021q, or use VXLAN networks only."),
    _("Load the module veth."),
    _("Load the module ifb: what endpoints send is not limited."),
    _("Load the module sch_tbf: bandwidth is not limited."),
    _("Load the modules sch_ingress, cls_u32 and act_mirred: what endpoints send is not limited."),
    _("Load the module nf_tables."),
    _("Rules need concatenated intervals with counters: Linux 5.10 and nft 0.9.8 or later."),
    _("Load the modules nf_conntrack and nft_ct."),
    _("Load the module nft_meta_bridge: endpoints can use addresses that are not theirs."),
    _("Load the module nf_conntrack."),
    _("Load the module nfnetlink_log: denied connections are counted, not shown."),
)


def _pattern(phrase: str) -> re.Pattern[str]:
    """What finds the phrase, whatever is in its places."""
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(phrase)))


PATTERNS = tuple((phrase, _pattern(phrase)) for phrase in PHRASES)


def in_words(said: str) -> str:
    """The sentence with each phrase it is known to be made of in the reader's language."""
    for phrase, pattern in PATTERNS:
        if found := pattern.search(said):
            said = said.replace(found[0], gettext(phrase) % found.groupdict())
    return said
