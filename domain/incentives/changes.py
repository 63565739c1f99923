"""What a new version of a plan changes, in lines that one reads before saying yes."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from domain.incentives.codec import to_data
from domain.incentives.plan import Plan
from domain.money import plain


def changes(old: Plan | None, new: Plan) -> list[str]:
    """A line each for what is added (`+`), gone (`-`) and changed (`~`): components and objectives by key, tiers and
    steps by place. Empty when both say the same.
    """
    before = {} if old is None else to_data(old, _written, whole=True)
    return list(_compared("", before, to_data(new, _written, whole=True)))


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else value


def _compared(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*new, *(name for name in old if name not in new)]:
            at = f"{path}.{name}" if path else name
            if name not in old and not _said(new[name]):
                continue
            if name not in old:
                yield f"+ {at}: {_short(new[name])}"
            elif name not in new:
                yield f"- {at}: {_short(old[name])}"
            else:
                yield from _compared(at, old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compared(path, _by_key(old), _by_key(new))
    else:
        yield f"~ {path}: {_short(old)} -> {_short(new)}"


def _by_key(items: list[Any]) -> dict[str, Any]:
    keys = (item.get("key") if isinstance(item, dict) else None for item in items)
    return {str(i) if key is None else key: item for i, (key, item) in enumerate(zip(keys, items, strict=True))}


def _said(value: Any) -> bool:
    """Whether there is something to tell of a value that was not there before."""
    return value not in (None, "", [], {}) and not (isinstance(value, dict) and not any(map(_said, value.values())))


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(item)}" for name, item in value.items() if _said(item))
    if isinstance(value, list):
        return "[" + "; ".join(_short(item) for item in value) + "]"
    return {None: "none", True: "yes", False: "no", "": "none"}.get(value, str(value))
