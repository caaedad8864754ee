"""The forms of networks, reservations, groups, endpoints and the fabric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm
from networks.kept import FAMILIES
from networks.models import ArpMode, Encap, EndpointGroup, ForwardingMode, InfraType, Network, NetworkKind, Node
from tenants.forms import LabelsField, NameField

FIXED = _("This cannot change any more: endpoints stand on it.")
GIVEN = _("An endpoint keeps its network and its addresses. Make another one instead.")


TAGS = _("Networks take their tags from first to last; those in use must stay inside.")
LABEL = _("A second name of your own choice, for example the one it has elsewhere. Need not be unique.")


def typed(label: Any, example: str, hint: Any, *, required: bool = False, longest: int = 79) -> forms.CharField:
    """A short technical text with an example in it."""
    attrs = {"placeholder": example, "autocomplete": "off", "spellcheck": "false", "class": "mono"}
    return forms.CharField(
        label=label, required=required, max_length=longest, help_text=hint, widget=forms.TextInput(attrs)
    )


def tag_field(label: Any, largest: int, hint: Any = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=largest, help_text=hint)


class NetworkForm(VerbForm):
    name = NameField()
    subnet4 = typed(_("IPv4 subnet"), "20.1.1.0/24", _("Networks of one tenant may not overlap; those of two may."))
    gateway4 = typed(
        _("IPv4 gateway"),
        "20.1.1.254",
        _("An address inside the subnet, the same on every node. Empty: no way to other networks."),
    )
    range4 = typed(_("IPv4 range"), "20.1.1.10-20.1.1.50", _("The addresses it hands out. Empty: all of the subnet."))
    subnet6 = typed(_("IPv6 subnet"), "fd00:1::/64", _("A network has IPv4, IPv6 or both."))
    gateway6 = typed(
        _("IPv6 gateway"), "fd00:1::1", _("An address inside the subnet. Empty: no way to other networks.")
    )
    range6 = typed(_("IPv6 range"), "fd00:1::10-fd00:1::50", _("The addresses it hands out. Empty: all of the subnet."))
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
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=NetworkKind,
        help_text=_("What Contiv's clients read: data of containers, or infrastructure. Nodes treat both alike."),
    )
    label = typed(_("Second name"), "rack-1", LABEL, longest=128)
    labels = LabelsField()

    def prepare(self) -> None:
        if self.row is not None and self.row.endpoints.exists():
            families = [family for family in FAMILIES if getattr(self.row, f"subnet{family}")]
            fix(self, "encap", "tag", *(f"{field}{family}" for family in families for field in ("subnet", "range")))

    def arguments(self) -> dict[str, Any]:
        """A form that does not speak of the kind leaves it as it is."""
        return {name: value for name, value in self.cleaned_data.items() if name != "kind" or value}


class ReservationForm(VerbForm):
    network = forms.ModelChoiceField(
        label=_("Network"), queryset=Network.objects.none(), empty_label=None, help_text=_("Whose addresses they are.")
    )
    addresses = typed(
        _("Addresses"),
        "20.1.1.5-20.1.1.9",
        _("One address or a range, of either family. They are never handed out."),
        required=True,
    )
    note = forms.CharField(
        label=_("Note"), max_length=200, required=False, help_text=_("Why, and for whom: those who come later ask.")
    )
    labels = LabelsField()

    def prepare(self) -> None:
        offer(self, "network", Network.objects.filter(tenant=self.tenant))
        if self.row is not None:
            self.fields["network"].disabled = True


class FabricForm(VerbForm):
    vlan_first = tag_field(_("First VLAN id"), 4094, TAGS)
    vlan_last = tag_field(_("Last VLAN id"), 4094)
    vxlan_first = tag_field(_("First VXLAN identifier"), 16777215, TAGS)
    vxlan_last = tag_field(_("Last VXLAN identifier"), 16777215)
    forwarding_mode = forms.ChoiceField(
        label=_("Forwarding mode"),
        required=False,
        choices=[("", _("not set")), *ForwardingMode.choices],
        help_text=_("What Contiv's clients set and read. Nodes bridge within a network and route between networks."),
    )
    arp_mode = forms.ChoiceField(
        label=_("ARP mode"),
        required=False,
        choices=[("", _("not set")), *ArpMode.choices],
        help_text=_("What Contiv's clients set and read. Nodes answer ARP themselves and flood nothing."),
    )
    infra_type = forms.ChoiceField(
        label=_("Infrastructure type"),
        required=False,
        choices=[("", _("not set")), *InfraType.choices],
        help_text=_("What Contiv's clients set and read."),
    )
    private_subnet = typed(
        _("Private subnet"), "172.19.0.0/16", _("A /16 that Contiv's clients set and read."), required=True
    )


class GroupForm(VerbForm):
    name = NameField()
    network = forms.ModelChoiceField(
        label=_("Network"), queryset=Network.objects.none(), empty_label=None, help_text=_("Where its endpoints live.")
    )
    pool4 = typed(
        _("IPv4 pool"), "20.1.1.10-20.1.1.50", _("Addresses only this group draws from. Empty: any of the network.")
    )
    pool6 = typed(
        _("IPv6 pool"), "fd00:1::10-fd00:1::50", _("Addresses only this group draws from. Empty: any of the network.")
    )
    label = typed(_("Second name"), "web-tier", LABEL, longest=128)
    labels = LabelsField()

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
    labels = LabelsField()

    def prepare(self) -> None:
        offer(self, "network", Network.objects.filter(tenant=self.tenant))
        offer(self, "group", EndpointGroup.objects.filter(tenant=self.tenant))
        nodes = Node.objects.visible_to(self.request.user)
        offer(self, "node", nodes)
        if not nodes.exists():
            del self.fields["node"]  # Nodes are not hers to see: where it is stays as it is.
        if self.row is not None:
            fix(self, "network", "ip4", "ip6", why=GIVEN)

    def arguments(self) -> dict[str, Any]:
        """Empty addresses are none asked for; those that are given for life are not said again."""
        given = {name: value for name, value in self.cleaned_data.items() if not self.fields[name].disabled}
        return given | {name: given[name] or None for name in ("ip4", "ip6") if name in given}


def offer(form: VerbForm, name: str, rows: Any) -> None:
    """Let a field choose among these rows."""
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = rows


def fix(form: VerbForm, *names: str, why: Any = FIXED) -> None:
    """Show, but do not let change, and say why."""
    for name in names:
        form.fields[name].disabled = True
        form.fields[name].required = False
        form.fields[name].help_text = why
