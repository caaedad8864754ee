"""Requests made from the API's own document, by Schemathesis: every operation, right and wrong ones, all checks.

Each request finds the same installation, with one of everything, and is undone after its answer was judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction

from contivui.web.management.commands import openapi
from networks.actions import create_group, create_network
from policies.actions import create_policy
from tenants.change import SYSTEM
from tenants.models import Tenant, Token
from tenants.testing import Cast, people
from tests.test_api_routes import furnish

__all__ = ["people"]

#: Random requests per operation, beside those at the edges of what the document allows.
EXAMPLES = 3
#: What a well-formed request may be answered: the document cannot say which names exist, or which subnets are free.
MAY_ANSWER = ["2xx", "3xx", "400", "401", "403", "404", "409", "412", "422", "429"]
#: What a malformed one must be: refused.
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "412", "415", "422", "429"]
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": MAY_ANSWER},
        "negative_data_rejection": {"expected-statuses": REFUSED},
    }
}


@pytest.fixture
def keys(people: Cast) -> dict[str, int]:
    """The id of one of each kind, in a tenant that also has what the document's examples name."""
    give: dict[str, Any] = {"actor": SYSTEM, "tenant": people.blue}
    User.objects.create(username="dora")
    net = create_network(**give, name="app", subnet4="20.2.1.0/24")
    create_policy(**give, name="base", groups=[create_group(**give, name="web", network=net)])
    return furnish(Tenant.objects.get(pk=people.blue.pk), "10.0.0.1")


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The end of a request puts its connection back; here all of them share the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token(people: Cast) -> str:
    return str(Token.objects.create(people.root, None)[1])


schema = schemathesis.openapi.from_path(openapi.path(), config=schemathesis.Config.from_dict(CONFIG))
schema.app = get_wsgi_application()


@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_the_api_keeps_what_its_document_says(case: Any, keys: dict[str, int], token: str) -> None:
    kind = case.operation.path.split("/")[3]
    if "id" in (case.path_parameters or {}) and case.meta.generation.mode.is_positive:
        case.path_parameters["id"] = keys[kind]
    with transaction.atomic():
        case.call_and_validate(headers={"Authorization": f"Token {token}"})
        transaction.set_rollback(True)
