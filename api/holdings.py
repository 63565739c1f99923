"""What one viewer holds open in this process: WebSockets and event streams, and what runs on them together.

Each of them is bounded for itself already; many of them are not, and a proxy that counts by address knows no viewers.
"""

from uuid import UUID

from api.errors import Refusal
from domain.org.model import Viewer
from settings import Settings


class Holding:
    """One viewer's. What it has no room for is refused with RATE_LIMITED, and never counted."""

    __slots__ = ("_characters", "_connections", "_operations", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections = 0
        self._operations = 0
        self._characters = 0

    def connect(self) -> None:
        """One more connection. Raises `Refusal`."""
        most = self._settings.max_connections_per_viewer
        if self._connections >= most:
            raise Refusal("RATE_LIMITED", f"At most {most} WebSockets and event streams at once of one viewer.")
        self._connections += 1

    def disconnect(self) -> bool:
        """One less; whether it was the last."""
        self._connections -= 1
        return self._connections == 0

    def begin(self, length: int) -> None:
        """One more operation, asked for in so many characters. Raises `Refusal`."""
        operations, characters = self._settings.max_subscriptions_per_viewer, self._settings.max_characters_per_viewer
        if self._operations >= operations:
            raise Refusal("RATE_LIMITED", f"At most {operations} operations at once on all sockets of one viewer.")
        if self._characters + length > characters:
            text = f"At most {characters} characters of operations at once on all sockets of one viewer."
            raise Refusal("RATE_LIMITED", text)
        self._operations += 1
        self._characters += length

    def end(self, length: int) -> None:
        """It is over."""
        self._operations -= 1
        self._characters -= length


class Holdings:
    """Of everybody who is connected."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._of: dict[UUID | None, Holding] = {}

    def open(self, viewer: Viewer) -> Holding:
        """A connection of a viewer, until `close`. Raises `Refusal` RATE_LIMITED."""
        holding = self._of.get(viewer.actor_id) or Holding(self._settings)
        holding.connect()
        self._of[viewer.actor_id] = holding
        return holding

    def close(self, viewer: Viewer) -> None:
        """It has ended."""
        if self._of[viewer.actor_id].disconnect():
            del self._of[viewer.actor_id]
