"""The pages by which machines are let in and put out: join tokens, a node's certificates, who was turned away."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from contivui.web.forms import VerbForm
from contivui.web.request import PageRequest
from contivui.web.views import find
from networks.actions import end_join_token, make_join_token, revoke_node
from networks.actions.join_token import MOST_TOKEN_HOURS, TOKEN_LASTS_HOURS
from networks.models import JoinToken, Knock, Node
from worker.screens import NODES, show_token

#: Rows a card shows of each.
MOST = 50


class JoinTokenForm(VerbForm):
    node = forms.ModelChoiceField(
        label=_("For"),
        queryset=Node.objects.none(),
        required=False,
        empty_label=_("A machine of a new name"),
        help_text=_("A new machine says its own name and underlay address when it joins."),
    )
    hours = forms.IntegerField(
        label=_("Hours until it expires"), min_value=1, max_value=MOST_TOKEN_HOURS, initial=TOKEN_LASTS_HOURS
    )

    def start(self) -> dict[str, Any]:
        return {"hours": TOKEN_LASTS_HOURS, **super().start()}

    def prepare(self) -> None:
        field: Any = self.fields["node"]
        field.queryset = Node.objects.visible_to(self.request.user)


@require_http_methods(["GET", "POST"])
def joining(request: PageRequest) -> HttpResponse:
    """The join tokens, a form for one more, a button that withdraws each, and who was turned away."""
    request.person.require("node.token")
    if "end" in request.POST:
        return _end(request, request.POST["end"])
    form = JoinTokenForm(request)
    if request.method == "POST":
        done, made = form.run(make_join_token, actor=request.person.actor)
        if done:
            row, text = made
            return show_token(request, (row.node, text))
    context = {
        "form": form,
        "tokens": JoinToken.objects.visible_to(request.user).select_related("node")[:MOST],
        "content": {"knocks": Knock.objects.visible_to(request.user).select_related("node")[:MOST]},
        "topics": ["cluster"],
    }
    return render(request, "worker/joining.html", context, status=422 if form.errors else 200)


def _end(request: PageRequest, key: str) -> HttpResponse:
    number = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0
    row = JoinToken.objects.visible_to(request.user).filter(pk=number).first()
    if row is None:
        raise Http404
    end_join_token(actor=request.person.actor, row=row)
    return redirect("joining")


@require_POST
def new_token(request: PageRequest, pk: int) -> HttpResponse:
    """Make a token for the node's machine to join with, and show it, once."""
    node = find(request, NODES, pk)
    request.person.require("node.token")
    return show_token(request, (node, make_join_token(actor=request.person.actor, node=node)[1]))


@require_http_methods(["GET", "POST"])
def revoke(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, and then end everything the node was given."""
    node = find(request, NODES, pk)
    request.person.require("node.revoke")
    if request.method == "POST":
        revoke_node(actor=request.person.actor, row=node)
        messages.success(request, gettext("Node %(name)s is revoked.") % {"name": node})
        return redirect(node.page)
    return render(request, "worker/revoke.html", {"row": node, "topics": []})
