"""The forms of networks, groups and endpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm
from networks.models import Encap, EndpointGroup, Network, Node
from tenants.forms import NameField

FIXED = _("This cannot change any more: endpoints stand on it.")


def typed(label: Any, example: str, hint: Any, *, required: bool = False) -> forms.CharField:
    """A short technical text with an example in it."""
    attrs = {"placeholder": example, "autocomplete": "off", "spellcheck": "false", "class": "mono"}
    return forms.CharField(label=label, required=required, max_length=64, help_text=hint, widget=forms.TextInput(attrs))


class NetworkForm(VerbForm):
    name = NameField()
    subnet4 = typed(_("IPv4 subnet"), "20.1.1.0/24", _("Networks of one tenant may not overlap; those of two may."))
    gateway4 = typed(
        _("IPv4 gateway"), "20.1.1.254", _("An address inside the subnet, the same on every node. Empty: no gateway.")
    )
    subnet6 = typed(_("IPv6 subnet"), "fd00:1::/64", _("A network has IPv4, IPv6 or both."))
    gateway6 = typed(_("IPv6 gateway"), "fd00:1::1", _("An address inside the subnet. Empty: no gateway."))
    encap = forms.ChoiceField(
        label=_("Encapsulation"),
        choices=Encap,
        help_text=_("VXLAN crosses any routed underlay; VLAN needs its switches."),
    )
    tag = forms.IntegerField(
        label=_("Tag"),
        required=False,
        min_value=0,
        max_value=16777215,
        help_text=_("VXLAN network identifier or VLAN id. Empty: the lowest free one."),
    )

    def prepare(self) -> None:
        if self.row is not None and self.row.endpoints.exists():
            kept = ["encap", "tag", *(f for f in ("subnet4", "subnet6") if getattr(self.row, f))]
            fix(self, *kept)


class GroupForm(VerbForm):
    name = NameField()
    network = forms.ModelChoiceField(
        label=_("Network"), queryset=Network.objects.none(), empty_label=None, help_text=_("Where its endpoints live.")
    )

    def prepare(self) -> None:
        offer(self, "network", Network.objects.filter(tenant=self.tenant))
        if self.row is not None and self.row.endpoints.exists():
            fix(self, "network")


if TYPE_CHECKING:
    Choices = forms.models.ModelChoiceIterator[EndpointGroup]
    OneGroup = forms.ModelChoiceField[EndpointGroup]
else:
    Choices = forms.models.ModelChoiceIterator
    OneGroup = forms.ModelChoiceField


class GroupsByNetwork(Choices):
    """Groups under the name of their network, as an endpoint can only be in a group of its own network."""

    def __iter__(self) -> Iterator[Any]:
        yield ("", self.field.empty_label)
        per_network = defaultdict(list)
        for group in self.queryset.select_related("network"):
            per_network[group.network.name].append(self.choice(group))
        yield from per_network.items()


class GroupField(OneGroup):
    iterator = GroupsByNetwork


class EndpointForm(VerbForm):
    name = NameField()
    network = forms.ModelChoiceField(
        label=_("Network"), queryset=Network.objects.none(), empty_label=None, help_text=_("It keeps it for life.")
    )
    group = GroupField(
        label=_("Group"),
        queryset=EndpointGroup.objects.none(),
        required=False,
        empty_label=_("none"),
        help_text=_("A group of that network; policies and bandwidth come with it."),
    )
    node = forms.ModelChoiceField(
        label=_("Node"),
        queryset=Node.objects.none(),
        required=False,
        empty_label=_("none yet"),
        help_text=_("Where it is plugged in. Agents set this themselves when a container starts."),
    )
    ip4 = typed(_("IPv4 address"), "20.1.1.7", _("Empty: the lowest free one of the network."))
    ip6 = typed(_("IPv6 address"), "fd00:1::7", _("Empty: the lowest free one of the network."))

    def prepare(self) -> None:
        offer(self, "network", Network.objects.filter(tenant=self.tenant))
        offer(self, "group", EndpointGroup.objects.filter(tenant=self.tenant))
        nodes = Node.objects.visible_to(self.request.user)
        offer(self, "node", nodes)
        if not nodes.exists():
            del self.fields["node"]  # Nodes are not hers to see: where it is stays as it is.
        if self.row is not None:
            fix(self, "network", "ip4", "ip6")

    def arguments(self) -> dict[str, Any]:
        """Empty addresses are none asked for; those that are given for life are not said again."""
        given = {name: value for name, value in self.cleaned_data.items() if not self.fields[name].disabled}
        return given | {name: given[name] or None for name in ("ip4", "ip6") if name in given}


def offer(form: VerbForm, name: str, rows: Any) -> None:
    """Let a field choose among these rows."""
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = rows


def fix(form: VerbForm, *names: str) -> None:
    """Show, but do not let change, and say why."""
    for name in names:
        form.fields[name].disabled = True
        form.fields[name].required = False
        form.fields[name].help_text = FIXED
