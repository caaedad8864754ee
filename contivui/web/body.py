"""What programs send: JSON that can be kept and answered again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

#: How many lists and objects may stand within each other; no request has more than ten.
DEEPEST = 32
#: Where half a character could be: JSON writes it as an escape, UTF-8 cannot at all.
HALF = re.compile(rb"\\u[dD][89a-fA-F]")
TOO_DEEP = f"At most {DEEPEST} lists and objects may stand within each other."


class Json(JSONParser):
    """JSON in UTF-8, whatever else the header says, without what no database keeps and no answer can repeat."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        text = stream.read()
        try:
            found = super().parse(BytesIO(text), media_type, {"encoding": "utf-8"})
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        require_shallow(found)
        if HALF.search(text):
            require_whole(found)
        return found


def require_shallow(found: Any) -> None:
    """Raise ParseError beyond DEEPEST: whoever walks through it afterwards need not mind how deep it is."""
    level = [found]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _parts(each)]
        if not level:
            return
    raise ParseError(TOO_DEEP)


def require_whole(found: Any) -> None:
    """Raise ParseError when a text has half of a surrogate pair, which is no character."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise ParseError(f"{half} is half a character. Write both halves, or the character itself.") from None


def _parts(value: Any) -> list[Any]:
    """The lists and objects in a list or an object."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for each in inner if isinstance(each, dict | list)]
