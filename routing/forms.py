"""The forms of services, application profiles, contract groups, BGP peers and the ACI gateway."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from contivui.web.forms import VerbForm
from networks.forms import offer, typed
from networks.models import EndpointGroup, Network
from policies.forms import GroupsField
from routing.models import ContractKind
from tenants.forms import LabelsField, NameField


class LinesField(forms.CharField):
    """Several short texts, one a line."""

    def __init__(self, *, label: Any, help_text: Any, required: bool = True) -> None:
        attrs = {"rows": 3, "class": "mono", "spellcheck": "false"}
        super().__init__(label=label, help_text=help_text, required=required, widget=forms.Textarea(attrs))

    def clean(self, value: Any) -> list[str]:
        lines = (line.strip() for line in super().clean(value).splitlines())
        return [line for line in lines if line]


class SelectorsField(LinesField):
    """Labels as name=value, one a line."""

    def clean(self, value: Any) -> Any:
        found = {}
        for line in super().clean(value):
            name, equals, said = line.partition("=")
            if not equals or not name:
                raise ValidationError(_("Write each label as name=value, for example app=web."), code="label")
            found[name.strip()] = said.strip()
        return found


class ServiceForm(VerbForm):
    name = NameField()
    network = forms.ModelChoiceField(
        label=_("Network"), queryset=Network.objects.none(), empty_label=None, help_text=_("Where its address is from.")
    )
    address = typed(_("Address"), "20.1.1.200", _("Empty: the lowest free one of the network."))
    selectors = SelectorsField(
        label=_("Labels of its endpoints"), help_text=_("What its endpoints have, one a line: app=web")
    )
    ports = LinesField(label=_("Ports"), help_text=_("One a line, port:port of the endpoint:protocol: 80:8080:TCP"))
    labels = LabelsField()

    def prepare(self) -> None:
        offer(self, "network", Network.objects.filter(tenant=self.tenant))

    def fill(self, row: Any) -> dict[str, Any]:
        selectors = "\n".join(f"{name}={value}" for name, value in row.selectors.items())
        return super().fill(row) | {"selectors": selectors, "ports": "\n".join(row.ports)}


class AppProfileForm(VerbForm):
    name = NameField()
    groups = GroupsField(_("A group is in one application profile at the most."))
    labels = LabelsField()

    def prepare(self) -> None:
        offer(self, "groups", EndpointGroup.objects.filter(tenant=self.tenant))

    def fill(self, row: Any) -> dict[str, Any]:
        return super().fill(row) | {"groups": [group.pk for group in row.groups.all()]}

    def arguments(self) -> dict[str, Any]:
        return {**self.cleaned_data, "groups": list(self.cleaned_data["groups"])}


class ContractGroupForm(AppProfileForm):
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(ContractKind.PROVIDED.value, _("provided")), (ContractKind.CONSUMED.value, _("consumed"))],
    )
    contracts = LinesField(
        label=_("Contracts"), help_text=_("Distinguished names, one a line: uni/tn-common/brc-default"), required=False
    )
    groups = GroupsField(_("Who provides or consumes them."))

    field_order = ("name", "kind", "contracts", "groups", "labels")

    def fill(self, row: Any) -> dict[str, Any]:
        return super().fill(row) | {"kind": row.kind, "contracts": "\n".join(row.contracts)}


class BgpPeerForm(VerbForm):
    name = typed(_("Node"), "node-1", _("The node's host name."), required=True)
    router_address = typed(_("Router address"), "50.1.1.1/24", _("The node's own, with its length."), required=True)
    asn = typed(_("AS number"), "65001", _("Of the node."))
    neighbor = typed(_("Neighbour"), "50.1.1.2", _("The router it speaks with."))
    neighbor_asn = typed(_("Neighbour's AS number"), "65002", "")


class AciGatewayForm(VerbForm):
    physical_domain = typed(_("Physical domain"), "dom1", "", required=True)
    path_bindings = typed(_("Path bindings"), "topology/pod-1/paths-101/pathep-[eth1/14]", _("Several with commas."))
    node_bindings = typed(_("Node bindings"), "topology/pod-1/node-101", _("Several with commas."))
    enforce_policies = forms.BooleanField(label=_("Enforce policies"), required=False)
    include_common_tenant = forms.BooleanField(label=_("Include the common tenant"), required=False)

    def prepare(self) -> None:
        for name in ("path_bindings", "node_bindings"):
            field = self.fields[name]
            assert isinstance(field, forms.CharField)
            field.max_length = 4000
            field.widget.attrs.pop("maxlength", None)
            field.validators = []
