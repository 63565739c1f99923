"""How money, ratios and time look in the graph: decimals as strings, instants in UTC."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.schema.config import StrawberryConfig

Ratio = NewType("Ratio", Decimal)
"""A share as a decimal, 1 = 100 %."""

CurrencyCode = NewType("CurrencyCode", str)
"""ISO 4217."""

# More digits than any currency needs and fewer than it takes to make arithmetic slow.
_MAX_DIGITS = 28

# Whatever is reckoned from a day that a client names, a year back or ten ahead, is a day that Python and Postgres know.
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
_BETWEEN = f"from {_FIRST_DAY} to {_LAST_DAY}"


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise GraphQLError('A decimal is written as a string, for example "1250.00".')
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"{str(value)[:40]!r} is not a decimal number.") from None
    if not number.is_finite():
        raise GraphQLError("A decimal must be finite.")
    _, digits, exponent = number.as_tuple()
    if len(digits) > _MAX_DIGITS or abs(int(exponent)) > _MAX_DIGITS:
        raise GraphQLError(f"A decimal has at most {_MAX_DIGITS} digits.")
    return number


def plain(value: Decimal | str) -> str:
    """Without exponent and without trailing zeros: "1250", "0.7778". A text is one already, as a query wrote it."""
    if isinstance(value, str):
        return value
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _datetime_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _datetime(value: object) -> datetime:
    if isinstance(value, str):
        with suppress(ValueError, OverflowError):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not None and _is_of_our_times(instant.astimezone(UTC).date()):
                return instant.astimezone(UTC)
    raise GraphQLError(f'A date and time has an offset, for example "2026-11-16T09:30:00Z", and lies {_BETWEEN}.')


def _date(value: object) -> date:
    if isinstance(value, str):
        with suppress(ValueError):
            day = date.fromisoformat(value)
            if _is_of_our_times(day):
                return day
    raise GraphQLError(f'A date is a day such as "2026-11-16" and lies {_BETWEEN}.')


def _is_of_our_times(day: date) -> bool:
    return _FIRST_DAY <= day <= _LAST_DAY


def _currency(value: object) -> CurrencyCode:
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isupper():
        return CurrencyCode(value)
    raise GraphQLError('A currency is an ISO 4217 code, for example "USD".')


def _literal(parse: Callable[[object], Any]) -> Callable[..., Any]:
    """The same of what stands in a document, with where it stands."""

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from None

    return parse_literal


SCALARS: dict[object, Any] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, written as a string.",
        serialize=plain,
        parse_value=_decimal,
        parse_literal=_literal(_decimal),
    ),
    Ratio: strawberry.scalar(
        name="Ratio",
        description='A share as an exact decimal, written as a string: "0.7778" is 77.78 %.',
        serialize=plain,
        parse_value=_decimal,
        parse_literal=_literal(_decimal),
    ),
    date: strawberry.scalar(
        name="Date",
        description=f'A day, ISO 8601: "2026-11-16". Input is {_BETWEEN}.',
        serialize=date.isoformat,
        parse_value=_date,
        parse_literal=_literal(_date),
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description=f'An instant, ISO 8601 in UTC: "2026-11-16T09:30:00Z". Input has an offset, and is {_BETWEEN}.',
        serialize=_datetime_text,
        parse_value=_datetime,
        parse_literal=_literal(_datetime),
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="An ISO 4217 currency code.",
        serialize=str,
        parse_value=_currency,
        parse_literal=_literal(_currency),
    ),
}

# Not `sort_schema`: sorting rebuilds the enums as plain ones that no longer serialise Python members.
CONFIG = StrawberryConfig(scalar_map=SCALARS)


@strawberry.type(description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(description="In units of the currency, exact.")
    currency: CurrencyCode = strawberry.field(description="The currency of the amount.")


def money(amount: Decimal | None, currency: str) -> Money | None:
    """None stays None."""
    return None if amount is None else Money(amount=amount, currency=CurrencyCode(currency))
