"""Every collection of the Contiv dialect × everybody."""

from __future__ import annotations

from netmaster.kinds import KINDS as DIALECT_KINDS
from tests.leaks import declared
from tests.leaks.answers import leaks, told
from tests.leaks.expected import DOES, may_read, outcome
from tests.leaks.house import NO_NAME, SECRET, Asker, House, by_dialect, house

__all__ = ["house"]


def test_the_dialect_does_not_leak(house: House) -> None:
    wrong = []
    for collection, kind in DIALECT_KINDS.items():
        guard, own = declared.COLLECTIONS[collection], [r for r in kind.rows() if kind.tenant_of(r) == house.tenant]
        key = kind.key(own[0]) if own else f"{SECRET}-tenant:x"
        for path in (f"{collection}/", f"{collection}/{key}/", f"inspect/{collection}/{key}/"):
            for method in DOES.keys() - {"PATCH"} if path.startswith(f"{collection}/{key}") else {"GET"}:
                for asker in (one for one in house.askers if one.user and "owner" not in one.roles):
                    asks = Asker(asker.name, by_dialect(asker.user), roles=asker.roles)  # type: ignore[arg-type]
                    body = "{}" if method in ("POST", "PUT") else None
                    answer = asks.ask(method, f"/api/v1/{path}", body)
                    wanted = outcome(guard, asker, DOES[method])
                    listed = path == f"{collection}/" and kind.owned
                    right = (answer.status_code == 403) == (wanted in ("hidden", "refused") and not listed)
                    case = f"{method} {path} as {asker.name}: {answer.status_code}"
                    wrong += [] if right else [f"{case}, but {wanted}"]
                    wrong += [f"{case} tells {word}" for word in leaks(asks, told(answer), key)]
                    if not may_read(asker) and own and not listed:
                        nowhere = asks.ask(method, f"/api/v1/{path.replace(SECRET, NO_NAME)}", body)
                        wrong += [] if told(nowhere) == told(answer) else [f"{case} is told apart"]
    assert not wrong, "\n".join(wrong)
