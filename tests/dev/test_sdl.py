import pytest

from dev.sdl import breaking

RELEASED = """
type Query {
  rep(id: ID!): Rep
  old: String @deprecated(reason: "Use rep.")
}
type Rep {
  name: String!
  nick(style: Style @deprecated(reason: "Gone."), short: Boolean): String
}
enum Style { PLAIN FANCY @deprecated(reason: "Nobody used it.") }
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('  old: String @deprecated(reason: "Use rep.")\n', ""),
        (' FANCY @deprecated(reason: "Nobody used it.")', ""),
        ('style: Style @deprecated(reason: "Gone."), ', ""),
        ("  name: String!\n", "  name: String!\n  title: String\n"),
        ("rep(id: ID!)", "rep(id: ID!, asOf: String)"),
    ],
)
def test_adding_and_removing_what_was_deprecated_breaks_nobody(before: str, after: str) -> None:
    assert before in RELEASED
    assert breaking(RELEASED, RELEASED.replace(before, after)) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  name: String!\n", "", "Rep.name"),
        ("name: String!", "name: String", "Rep.name"),
        ("rep(id: ID!)", "rep(id: ID!, asOf: String!)", "asOf"),
        (", short: Boolean", "", "short"),
        ("PLAIN FANCY", "FANCY", "PLAIN"),
    ],
)
def test_anything_that_a_client_may_rely_on_stays(before: str, after: str, said: str) -> None:
    assert before in RELEASED
    (change,) = breaking(RELEASED, RELEASED.replace(before, after))
    assert said in change
