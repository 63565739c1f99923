"""Logs of every process: one line an event, JSON in production, readable on a developer's terminal.

Say what a task is about with `logs.about(request_id=..., org_id=...)`: every line of it carries that, those of
libraries too. Secrets never reach a line, wherever they come from, and neither does what people sent: an exception is
told by where it happened and its kind, and by its text only where that text is Python's or the system's own.
"""

import asyncio
import atexit
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar

import orjson
import structlog

import telemetry
from settings import Settings

# API keys, tokens, and passwords in addresses, also inside the text of an exception.
_SECRET = re.compile(
    r"(?<=atk_)[\w-]+|(?<=whsec_)[\w+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=://)[^/@\s\"']*:[^/@\s\"']+(?=@)"
)
# Exceptions whose text names no value that somebody sent.
_PLAIN = (AttributeError, NameError, TypeError, ImportError, OSError, RuntimeError)
_LEVELS = {"exception": "error", "warn": "warning"}
_SECRET_NAMES = frozenset(("authorization", "cookie", "jwt_secret", "password", "secret", "token"))

# structlog's own has a variable for each name, and at each line looks for them among all others of the task.
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


def about(**told: str) -> None:
    """From here on every line of this task, and of those that it starts, carries this too."""
    _about.set({**_about.get(), **told})


def no_longer_about(name: str) -> None:
    """From here on they carry it no more."""
    _about.set({kept: value for kept, value in _about.get().items() if kept != name})


def merge_about(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A line with what its task is about. What the line itself says of a name counts."""
    return {**_about.get(), **event}


def configure(settings: Settings) -> None:
    """Send this process's logs, and those of the libraries it uses, to stdout."""
    render: structlog.typing.Processor = _json
    if not settings.log_json:
        render = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())

    class Ours(structlog.make_filtering_bound_logger(settings.log_level.lower())):  # type: ignore[misc]
        """Our own lines: neither `logging` nor structlog's chain, each of which takes longer than to find a rep."""

        def _proxy_to_logger(self, method: str, event: str | None = None, /, **told: Any) -> None:
            line = _complete(self._logger.name, method, {"event": event, **_about.get(), **told})
            self._logger.msg(_scrub(self._logger, method, render(self._logger, method, line)))

    structlog.configure(logger_factory=_Stdout, wrapper_class=Ours, cache_logger_on_first_use=True)
    atexit.register(_Stdout.flush)
    # What no line shows is not gathered for each (the logging HOWTO's "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), merge_about, _complete_foreign],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render, _scrub],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for chatty in ("uvicorn", "arq", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))


class _Stdout:
    """Writes our own lines: those of one turn of an event loop together, others at once."""

    _lines: ClassVar[list[str]] = []
    _flushing: ClassVar[asyncio.AbstractEventLoop | None] = None

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write it."""
        self._lines.append(line + "\n")
        loop = asyncio._get_running_loop()
        if loop is None:
            self.flush()
        elif _Stdout._flushing is not loop:
            _Stdout._flushing = loop
            loop.call_soon(self.flush)

    @classmethod
    def flush(cls) -> None:
        """Write what there is in one piece, also where PYTHONUNBUFFERED has stdout keep nothing back."""
        cls._flushing = None
        lines, cls._lines = cls._lines, []
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


def _complete_foreign(_logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A line of a library, whose names may be in any case."""
    record = event["_record"]
    if record.name == "asyncio":  # the rest is the task's repr, and in it that of its exception
        event["event"] = str(event["event"]).partition("\n")[0]
    named = {name.lower() if name.lower() in _SECRET_NAMES else name: value for name, value in event.items()}
    return _complete(record.name, method, named)


def _complete(logger: str, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What every line tells besides, and nothing under a name that is secret."""
    if not _SECRET_NAMES.isdisjoint(event):
        event.update(dict.fromkeys(_SECRET_NAMES & event.keys(), "[secret]"))
    event["logger"] = logger
    event["level"] = _LEVELS.get(method, method)
    event["timestamp"] = datetime.now(UTC)
    current = telemetry.traceparent()
    if current is not None:
        event["trace_id"] = current.split("-")[1]
    return _explained(None, method, event) if "exc_info" in event else event


def told(exc_info: structlog.typing.ExcInfo) -> str:
    """An exception with its causes, the first first, for a log that anybody may read."""
    chain: list[BaseException] = []
    error: BaseException | None = exc_info[1]
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join("".join(traceback.format_tb(one.__traceback__)) + _named(one) for one in reversed(chain))


_explained = structlog.processors.ExceptionRenderer(told)


def _named(error: BaseException) -> str:
    name = type(error).__qualname__
    if isinstance(error, _PLAIN):
        return f"{name}: {error}"
    # Postgres's messages quote values; its codes and the names of constraints do not.
    known = (getattr(error, attribute, None) for attribute in ("sqlstate", "table_name", "constraint_name"))
    return " ".join([name, *(str(part) for part in known if part)])


def _json(_logger: Any, _method: str, event: structlog.typing.EventDict) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()


def _scrub(_logger: Any, _method: str, line: Any) -> str:
    text = str(line)
    # Almost no line needs the search, which costs as much as all else that is done for one.
    secret = "atk_" in text or "whsec_" in text or "eyJ" in text or "://" in text
    return _SECRET.sub("[secret]", text) if secret else text
