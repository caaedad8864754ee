from __future__ import annotations

from netmaster.tests.stage import contiv, port
from tenants.testing import people

__all__ = ["contiv", "people", "port"]
