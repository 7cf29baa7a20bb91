"""Texts of others on a page: escaped, and with nothing in them that is not seen."""

from __future__ import annotations

import re
from html import escape


def shown(text: str) -> str:
    """Escapes a text for a page. Characters that nobody sees, and those that turn the text around
    them (Unicode Technical Report 36, section 3), are written as their numbers.

    >>> shown("<b>\\u202e")
    '&lt;b&gt;\\\\u202e'
    """
    return escape(HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", SPACE.sub(" ", text)))


SPACE = re.compile(r"[\t\n\r]+")
HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff\ud800-\udfff]"
)
