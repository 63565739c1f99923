"""Logs of every process: one line an event, JSON in production, readable on a developer's terminal.

Bind what an operation is about with `structlog.contextvars.bind_contextvars(request_id=..., org_id=...)`: every line
until it is unbound carries it, those of libraries too. Secrets never reach a line, wherever they come from.
"""

import logging
import re
import sys
from typing import Any

import structlog

from settings import Settings

# API keys, tokens, and passwords in addresses, also inside the text of an exception.
_SECRET = re.compile(r"(?<=atk_)[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=://)[^/@\s\"']*:[^/@\s\"']+(?=@)")
_SECRET_NAMES = ("authorization", "cookie", "jwt_secret", "password", "secret", "token")


def configure(settings: Settings) -> None:
    """Send this process's logs, and those of the libraries it uses, to stdout."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    if settings.log_json:
        shared.append(structlog.processors.format_exc_info)
        render: structlog.typing.Processor = structlog.processors.JSONRenderer()
    else:
        render = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
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


def _without_secrets(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in event:
        if name.lower() in _SECRET_NAMES:
            event[name] = "[secret]"
    return event


def _scrub(_logger: Any, _method: str, line: Any) -> str:
    return _SECRET.sub("[secret]", str(line))
