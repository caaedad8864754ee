from __future__ import annotations

from tenants.testing import people

__all__ = ["people"]
