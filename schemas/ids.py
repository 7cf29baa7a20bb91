"""Identifiers: their characters, their length, and the record key made of them."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import StringConstraints

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
"""Tenant, queue, lead and call ids. No slash and no brace: they are joined into `tenant/lead`
keys and into Redis hash tags."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


NO_NUL = r"^[^\x00]*$"
"""PostgreSQL text and C clients cannot hold NUL. Lone surrogates cannot get here: they are neither
UTF-8 nor valid JSON escapes."""

EventId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
"""CloudEvents `id` and `source`: any text without NUL; together they identify an event."""

Text = Annotated[str, StringConstraints(pattern=NO_NUL)]


class LeadKey(NamedTuple):
    """Who a record is about. `str(key)` is the Kafka key, the CloudEvents subject and the
    lead's name in Redis: state never crosses tenants."""

    tenant: str
    lead: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.lead}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `tenant/lead`; raises ValueError for another form. Does not check the
        characters."""
        tenant, slash, lead = text.partition("/")
        if not (tenant and slash and lead) or "/" in lead:
            raise ValueError("expected 'tenant/lead'")
        return cls(tenant, lead)
