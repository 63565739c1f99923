"""How a budget is shared among those who earned more than it holds (row 24)."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from domain.incentives.outcome import Claim
from domain.incentives.terms import Sharing
from domain.money import allocate

ZERO = Decimal(0)


def shared(left: Decimal, sharing: Sharing, claims: Sequence[Claim], unit: Decimal) -> dict[str, Decimal]:
    """What each payee gets of what is left of a budget, in the plan's currency.

    FIRST_COME serves claims by day, then by key and payee, until nothing is left. PRO_RATA gives everybody the same
    share of what was claimed, in multiples of `unit` that sum to what is left. What suffices is given in full.
    """
    wanted: defaultdict[str, Decimal] = defaultdict(Decimal)
    for claim in claims:
        wanted[claim.payee] += claim.amount
    if sum(wanted.values(), ZERO) <= left:
        return dict(wanted)
    left = max(ZERO, left)
    if sharing is Sharing.PRO_RATA:
        payees = sorted(wanted)
        parts = allocate(left, [max(ZERO, wanted[payee]) for payee in payees], unit)
        return dict(zip(payees, parts, strict=True))
    granted = dict.fromkeys(wanted, ZERO)
    for claim in sorted(claims, key=lambda claim: (claim.day, claim.key, claim.payee)):
        given = min(claim.amount, left)
        granted[claim.payee] += given
        left -= given
    return granted
