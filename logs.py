"""Logs of every process: one line an event, JSON in production, readable on a developer's terminal.

Bind what an operation is about with `structlog.contextvars.bind_contextvars(request_id=..., org_id=...)`: every line
until it is unbound carries it, those of libraries too. Secrets never reach a line, wherever they come from, and neither
does what people sent: an exception is told by where it happened and its kind, and by its text only where that text is
Python's or the system's own.
"""

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

import telemetry
from settings import Settings

# API keys, tokens, and passwords in addresses, also inside the text of an exception.
_SECRET = re.compile(
    r"(?<=atk_)[\w-]+|(?<=whsec_)[\w+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=://)[^/@\s\"']*:[^/@\s\"']+(?=@)"
)
# What every secret has in it.
_MARKS = ("atk_", "whsec_", "eyJ", "://")
# Exceptions whose text names no value that somebody sent.
_PLAIN = (AttributeError, NameError, TypeError, ImportError, OSError, RuntimeError)
_LEVELS = {"exception": "error", "warn": "warning"}
_SECRET_NAMES = ("authorization", "cookie", "jwt_secret", "password", "secret", "token")


def configure(settings: Settings) -> None:
    """Send this process's logs, and those of the libraries it uses, to stdout."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _complete,
        structlog.processors.ExceptionRenderer(told),
    ]
    if settings.log_json:
        render: structlog.typing.Processor = _json
    else:
        render = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    # Our own lines do not go through `logging`, which takes longer for one than to find a rep.
    structlog.configure(
        processors=[*shared, render, _scrub],
        logger_factory=_Stdout,
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level.lower()),
        cache_logger_on_first_use=True,
    )
    # What no line shows is not gathered for each (the logging HOWTO's "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render, _scrub],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for chatty in ("uvicorn", "arq", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))


class _Stdout:
    """Writes our own lines."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write it, and at once."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    debug = info = warning = error = exception = critical = msg


def _complete(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What every line tells besides, and nothing under a name that is secret."""
    for name in event:
        if name.lower() in _SECRET_NAMES:
            event[name] = "[secret]"
    record = event.get("_record")  # of a line of a library
    event["logger"] = logger.name if record is None else record.name
    if event["logger"] == "asyncio":  # the rest is the task's repr, and in it that of its exception
        event["event"] = str(event["event"]).partition("\n")[0]
    event["level"] = _LEVELS.get(method, method)
    event["timestamp"] = datetime.now(UTC)
    current = telemetry.traceparent()
    if current is not None:
        event["trace_id"] = current.split("-")[1]
    return event


def told(exc_info: structlog.typing.ExcInfo) -> str:
    """An exception with its causes, the first first, for a log that anybody may read."""
    chain: list[BaseException] = []
    error: BaseException | None = exc_info[1]
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join("".join(traceback.format_tb(one.__traceback__)) + _named(one) for one in reversed(chain))


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
    return _SECRET.sub("[secret]", text) if any(mark in text for mark in _MARKS) else text
