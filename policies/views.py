"""The pages of policies with a mind of their own: the table of rules edited in place, and Explain."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from contivui.web.views import change_mark, find
from networks.models import Endpoint
from policies.actions import replace_rules
from policies.drawing import DrawnTable
from policies.explain import Explanation
from policies.explain import explain as explain_connection
from policies.forms import ExplainForm, Peers, RuleTable, rule_table, shown
from policies.models import Policy
from policies.screens import POLICIES, with_hits
from tenants import standing
from tenants.change import fresh
from tenants.models import Tenant

#: Names the two ends are completed from as they are typed; any other may be typed all the same.
MOST_ENDS = 500


def edit_rules(request: PageRequest, pk: int) -> HttpResponse:
    """All rules of a policy in one table, saved in one go: nothing applies before the person meant it."""
    policy: Policy = find(request, POLICIES, pk)
    request.person.require("policy.update", policy.tenant)
    rules = with_hits(policy.rules.all())
    peers = {"peers": Peers(policy, rules)}
    if request.method != "POST":
        table = rule_table(prefix="rules", initial=[shown(rule) for rule in rules], form_kwargs=peers)
        return _rules_page(request, policy, table, rules, [], str(policy.generation))
    table = rule_table(request.POST, prefix="rules", form_kwargs=peers)
    made_from = request.POST.get("generation", str(policy.generation))
    wrong, changed = _save(request, policy, table, made_from)
    if wrong is not None:
        return _rules_page(request, policy, table, rules, wrong, made_from)
    page = POLICIES.url("detail", policy)
    if not changed:
        messages.success(request, _("Nothing was changed: the rules of %(name)s are so already.") % {"name": policy})
        return redirect(page)
    policy.refresh_from_db(fields=["generation"])
    messages.success(request, _("The rules of %(name)s are saved.") % {"name": policy})
    return redirect(page + change_mark(policy.tenant, policy.generation))


def _save(request: PageRequest, policy: Policy, table: RuleTable, made_from: str) -> tuple[list[str] | None, bool]:
    """None when the rules are saved, and whether that changed anything; else what is wrong with the table as a whole,
    the rest being at its fields. Where some rows cannot be read, or somebody changed the policy since the page was
    made, the verb is asked for its word all the same, and nothing of that stays: a person sees everything at once."""
    valid, rows, wrong = table.is_valid(), table.readable(), [str(error) for error in table.non_form_errors()]
    if wrong:  # These rows are not the table: what the verb said of them would mislead.
        return wrong, False
    try:
        with transaction.atomic():
            stale = _changed(policy, made_from)
            entries = [row.entry() for row in rows]
            if stale:
                _as_new(policy, entries)
            changed = replace_rules(actor=request.person.actor, policy=policy, rules=entries)
            transaction.set_rollback(stale or not valid)
    except ValidationError as error:
        return table.blame(error, rows), False
    except Problem as problem:
        return [problem.message], False
    return None if valid and not stale else [], changed


def _changed(policy: Policy, made_from: str) -> bool:
    """Whether somebody changed the policy since the page was made: rules added meanwhile are not in its table, so they
    would go. The tenant is locked to the end of the transaction, so the answer stands."""
    standing.locked(policy.tenant_id)
    policy.generation = fresh(policy).generation
    return made_from != str(policy.generation)


def _as_new(policy: Policy, entries: list[dict[str, Any]]) -> None:
    """What somebody removed meanwhile is looked at as if it were new: only what was typed can be mended."""
    there = set(policy.rules.values_list("pk", flat=True))
    for entry in entries:
        entry["id"] = entry["id"] if entry["id"] in there else None


def _rules_page(
    request: PageRequest, policy: Policy, table: RuleTable, rules: list[Any], wrong: list[str], made_from: str
) -> HttpResponse:
    """The page says which generation it was made from until it is opened anew, so what was refused stays refused."""
    drawn = DrawnTable(table, {rule.pk: rule.counted for rule in rules})
    since = {"made_from": made_from, "changed": made_from != str(policy.generation)}
    context = {"policy": policy, "table": table, "drawn": drawn, "wrong": wrong, "topics": [], **since}
    return render(request, "policies/edit_rules.html", context, status=422 if table.is_bound else 200)


def explain(request: PageRequest) -> HttpResponse:
    """Would this connection pass, and who says so? The question is in the address, so an answer can be passed on.

    It is about one tenant: names of two may be the same, and their addresses may overlap.
    """
    tenant: Tenant | None = request.person.tenant
    if tenant is None:
        return render(request, "policies/explain_where.html", {"tenants": request.person.tenants})
    asked = "source" in request.GET
    form = ExplainForm(request.GET if asked else None)
    answer = _answer(form, tenant) if asked else None
    names = Endpoint.objects.filter(tenant=tenant).values_list("name", "ip4", "ip6")[:MOST_ENDS]
    context = {"tenant": tenant, "form": form, "answer": answer, "names": names, "topics": [f"tenant.{tenant.pk}"]}
    return render(request, "policies/explain.html", context, status=422 if form.errors else 200)


def _answer(form: ExplainForm, tenant: Tenant) -> Explanation | None:
    if not form.is_valid():
        return None
    try:
        return explain_connection(tenant=tenant, **form.cleaned_data)
    except ValidationError as error:
        for name, errors in error.update_error_dict({}).items():
            form.add_error(name if name in form.fields else None, errors)
        return None
