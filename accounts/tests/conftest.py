from __future__ import annotations

from tenants.testing import people
from tests.pages import unhashed

__all__ = ["people", "unhashed"]
