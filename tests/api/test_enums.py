"""Every value of an enum says what it means."""

from enum import StrEnum

import pytest
import strawberry

from api.enums import describe


class Weather(StrEnum):
    SUN = "SUN"
    RAIN = "RAIN"


def test_values_are_shown_with_their_descriptions() -> None:
    describe(Weather, "How it is outside.", name="Sky", SUN="Dry.", RAIN="Wet.")

    @strawberry.type
    class Query:
        @strawberry.field
        def sky(self) -> Weather:
            return Weather.RAIN

    schema = strawberry.Schema(Query)
    assert '"""How it is outside."""\nenum Sky {\n  """Dry."""\n  SUN\n\n  """Wet."""\n  RAIN\n}' in schema.as_str()
    assert schema.execute_sync("{ sky }").data == {"sky": "RAIN"}


def test_a_value_without_a_description_is_refused() -> None:
    with pytest.raises(ValueError, match="Weather: describe each of its values"):
        describe(Weather, "How it is outside.", SUN="Dry.")
