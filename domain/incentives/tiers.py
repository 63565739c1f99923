"""The tier walk: the only place where a base meets tiers, for what was earned, what is projected and what-if alike."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.incentives.terms import ThresholdKind, TieBreak, Tier, TierMode

ZERO = Decimal(0)


class Bracket(NamedTuple):
    """A stretch of the base at one rate. The first reaches down without end, the last up (`end` is None)."""

    start: Decimal
    end: Decimal | None
    rate: Decimal

    def amount(self, base: Decimal) -> Decimal:
        """What the base earns in it."""
        width = (base if self.end is None else min(base, self.end)) - self.start
        return width * self.rate if width > 0 or not self.start else ZERO


class Schedule(NamedTuple):
    """The rates that a base came to, along that base: what tiers it reached, and what of it a threshold leaves.

    `floor` is where an incremental threshold lets payment begin, `cliff` the edge of a cliff: unless it is `reached`
    nothing is paid.
    """

    brackets: tuple[Bracket, ...]
    floor: Decimal | None = None
    cliff: Decimal | None = None
    reached: bool = True

    def pieces(self, start: Decimal, end: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Widths and rates of what lies from `start` to `end` of the base, widths negative where the end is lower.

        Pieces of adjacent stretches add up to those of the whole, so that what deals earn sums to what the base earns.
        """
        if not self.reached:
            return []
        if self.floor is not None:
            start, end = max(start, self.floor), max(end, self.floor)
        if end < start:
            return [(-width, rate) for width, rate in self.pieces(end, start)]
        found, last = [], len(self.brackets) - 1
        for i, bracket in enumerate(self.brackets):
            low = start if i == 0 else max(start, bracket.start)
            high = end if i == last or bracket.end is None else min(end, bracket.end)
            if low < high:
                found.append((high - low, bracket.rate))
        return found

    def due(self, base: Decimal) -> Decimal:
        """What is paid for the base up to here."""
        return total(self.pieces(ZERO, base))


def total(pieces: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Widths times rates."""
    return sum([width * rate for width, rate in pieces], ZERO)


def brackets(tiers: Sequence[Tier], base: Decimal, scale: Decimal, tie_break: TieBreak) -> tuple[Bracket, ...]:
    """The tiers that the base reached, as stretches of it (rules 2 and 3; rows 3 to 11).

    Edges are multiples of `scale`: 1 for amounts, the quota for attainments. Reaching a RETROACTIVE tier gives its rate
    to everything below; the highest such tier decides.
    """
    reached: list[tuple[Decimal, Decimal]] = []
    for tier in tiers:
        edge = tier.start * scale
        if reached and (base < edge or (base == edge and tie_break is TieBreak.LOWER)):
            break
        if reached and tier.mode is TierMode.RETROACTIVE:
            reached.clear()
            edge = ZERO
        reached.append((edge, tier.rate))
    ends = [edge for edge, _ in reached[1:]]
    return tuple(Bracket(edge, end, rate) for (edge, rate), end in zip(reached, [*ends, None], strict=True))


def thresholded(found: tuple[Bracket, ...], base: Decimal, at: Decimal, kind: ThresholdKind) -> Schedule:
    """The brackets, with what a threshold at this base leaves of them (rows 12, 13)."""
    if kind is ThresholdKind.INCREMENTAL:
        return Schedule(found, floor=at)
    return Schedule(found, cliff=at, reached=base >= at)
