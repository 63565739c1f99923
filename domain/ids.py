"""Names that leave the house: of a node, and of a place in an organisation's log. Opaque, and the same for ever."""

import base64
from uuid import UUID

import orjson


def pack(text: bytes) -> str:
    """Bytes as a text that may stand in an address."""
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def global_id(type_name: str, key: object) -> str:
    """The id of a node: its type and its key within the organisation."""
    return pack(f"{type_name}:{key}".encode())


def cursor(*values: object) -> str:
    """The place after a row: its sort values, the id last."""
    return pack(orjson.dumps(values, default=str))


def event_cursor(org_id: UUID, seq: int) -> str:
    """The place after an event in the organisation's log."""
    return cursor(org_id, seq)
