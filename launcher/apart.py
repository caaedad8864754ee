"""A pytest plug-in that is loaded before Django's: tests have a data folder of their own, and never see an
installation's."""

from __future__ import annotations

import os
import tempfile

_folder = tempfile.TemporaryDirectory(prefix="contivui-test-")
os.environ["CONTIVUI_DATA"] = _folder.name
