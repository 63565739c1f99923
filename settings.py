"""Everything an operator may set, read once from the environment (prefix `ATTAIN_`) into one frozen object."""

from functools import cache
from typing import Annotated

from pydantic import BeforeValidator, Field, FilePath, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _parts(value: object) -> object:
    """A text with commas as the texts between them."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class Settings(BaseSettings):
    """One field an option; `docs/operating.md` lists them. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="ATTAIN_", frozen=True, extra="ignore")

    database_url: str = Field("", description="postgresql:// address of the application's database")
    valkey_url: str = Field("", description="redis:// address of Valkey or Redis")
    pool_size: int = Field(10, ge=1, description="Postgres connections of one process")
    statement_timeout_ms: int = Field(10_000, ge=100, description="longest statement of an API request")

    host: str = Field("127.0.0.1", description="address that the API, and a worker's metrics, listen on")
    port: int = Field(8000, ge=1, le=65535, description="port that the API listens on")
    metrics_port: int = Field(0, ge=0, le=65535, description="port of a worker's metrics; 0 is none")
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_parts)] = Field(
        [], description="pages that may ask from a browser: https://app.example.com, https://other.example.com"
    )

    jwt_secret: SecretStr | None = Field(
        None, min_length=32, description="HS256 secret of development tokens, at least 32 characters"
    )
    jwks_url: str = Field("", description="RS256/ES256 keys of the identity provider, for production")
    jwt_issuer: str = Field("attain", description="`iss` that a token must have")
    jwt_audience: str = Field("attain", description="`aud` that a token must have")

    log_json: bool = Field(True, description="one JSON object a line; else for a person's terminal")
    log_level: str = Field(
        "INFO", pattern="(?i)^(debug|info|warning|error)$", description="DEBUG, INFO, WARNING or ERROR"
    )

    tracing: bool = Field(False, description="send traces; needs the extra `otel`, and OTEL_* variables say where to")

    trusted_documents: FilePath | None = Field(
        None, description="JSON file of documents by their ids, or Apollo's manifest"
    )
    only_trusted_documents: bool = Field(False, description="answer no documents but those of the file")

    max_body_bytes: int = Field(4_000_000, ge=1_000, description="longest request, or message of a WebSocket")
    receive_timeout_seconds: float = Field(
        10.0, gt=0, description="how long the head of a request may take to arrive, and its body"
    )
    max_document_characters: int = Field(
        100_000, ge=1, description="longest document; what it is asked with goes in variables"
    )
    max_tokens: int = Field(5_000, ge=1, description="lexer tokens of one document")
    max_depth: int = Field(15, ge=1, description="nested fields of one document")
    max_aliases: int = Field(100, ge=0, description="aliases of one document")
    max_cost: int = Field(10_000, ge=1, description="static cost of one operation; `first` multiplies")
    cost_per_minute: int = Field(500_000, ge=1, description="cost budget of one viewer a minute")
    max_batch: int = Field(1, ge=1, description="operations of one HTTP request")
    request_timeout_seconds: float = Field(15.0, gt=0, description="longest operation")

    max_subscriptions_per_socket: int = Field(100, ge=1, description="subscriptions of one WebSocket")
    max_characters_per_socket: int = Field(
        4_000_000, ge=1_000, description="characters of all operations, with their variables, of one WebSocket"
    )
    max_connections_per_viewer: int = Field(
        100, ge=1, description="WebSockets and event streams of one user or API key, in one process"
    )
    max_subscriptions_per_viewer: int = Field(1_000, ge=1, description="subscriptions on all of them")
    max_characters_per_viewer: int = Field(
        16_000_000, ge=1_000, description="characters of all operations, with their variables, on all of them"
    )
    subscriber_queue: int = Field(256, ge=1, description="payloads a slow client may fall behind before GAP")
    connection_init_timeout_seconds: float = Field(
        5.0, gt=0, description="how long a WebSocket may stay silent at first"
    )

    webhook_timeout_seconds: float = Field(10.0, gt=0, le=30, description="longest wait for a webhook's answer")
    webhook_allow_private: bool = Field(False, description="webhooks by http and to private addresses: for development")

    max_jobs: int = Field(10, ge=1, description="jobs that one worker runs side by side")
    job_timeout_seconds: int = Field(60, ge=5, description="longest job; what it left is taken up again")
    event_retention_days: int = Field(14, ge=1, description="how far back `after` can resume")
    sweep_seconds: float = Field(1.0, gt=0, description="slow tick that makes up for a lost wake-up")


@cache
def settings() -> Settings:
    """The process's settings. Raises `pydantic.ValidationError` that names the variable at fault."""
    return Settings()
