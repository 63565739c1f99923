"""What goes straight to a socket is what a client understands, however long it is."""

import asyncio

import pytest
from websockets.frames import Frame, Opcode

from api.sockets import Gate, Inbox, frame
from domain.org.model import TeamItem
from domain.org.trees import teams_upsert
from tests.api.clients import connect
from tests.api.conftest import Server
from tests.conftest import MakeOrg
from workers.relay import Relay


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_is_that_of_the_specification(length: int) -> None:
    text = b"x" * length
    assert frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


async def test_an_inbox_hands_out_in_order_what_comes_before_and_after_it_is_asked() -> None:
    inbox = Inbox()
    assert inbox.empty()
    inbox.put_nowait(1)
    inbox.put_nowait(2)
    assert [await inbox.get(), await inbox.get()] == [1, 2]
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait(3)
    assert await reading == 3
    assert inbox.empty()


async def test_a_gate_lets_all_through_who_wait_and_none_while_it_is_shut() -> None:
    gate = Gate()
    await gate.wait()
    gate.clear()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # which is nothing to the others
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, False, False]
    assert not gate.is_set()
    gate.set()
    await asyncio.gather(*waiting[1:])
    assert gate.is_set()
    gate.set()
    await gate.wait()


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_events_reach_clients_with_and_without_compression(
    server: Server, make_org: MakeOrg, relay: Relay, compression: str | None
) -> None:
    """The frames of a connection that compresses are others: it is sent to by the server's own way."""
    work = await make_org()
    async with connect(server, server.token(work), compression=compression) as socket:
        assert bool(socket.connection.protocol.extensions) is (compression is not None)
        await socket.subscribe("subscription { changes { kind cursor } }")
        assert (await socket.next())["kind"] == "SNAPSHOT"
        assert not (await teams_upsert(work, [TeamItem("north", "North")])).problems
        while (await socket.next())["kind"] != "CREATED":
            pass
