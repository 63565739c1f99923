"""Development tokens. By itself, so that a command that mints one need not know the graph."""

from datetime import datetime, timedelta
from uuid import UUID

import jwt

from settings import Settings


def mint(settings: Settings, org_id: UUID, email: str, *, now: datetime, valid: timedelta) -> str:
    """A development token (HS256). Raises `ValueError` without ATTAIN_JWT_SECRET."""
    if settings.jwt_secret is None:
        raise ValueError("Set ATTAIN_JWT_SECRET (at least 32 characters) to mint development tokens.")
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "org": str(org_id),
        "email": email,
        "sub": email,
        "iat": now,
        "exp": now + valid,
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")
