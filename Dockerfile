# One image for the API, the workers and migrations: `serve` (the default), `work`, `migrate`.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
# requirements-otel.lock: the same, with OpenTelemetry.
ARG LOCK=requirements.lock
COPY requirements.lock requirements-otel.lock ./
RUN uv venv /opt/attain \
 && VIRTUAL_ENV=/opt/attain uv pip sync --require-hashes --compile-bytecode "$LOCK"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home attain
COPY --from=build /opt/attain /opt/attain
WORKDIR /srv/attain
COPY logs.py settings.py telemetry.py ./
COPY sql sql
COPY domain domain
COPY workers workers
COPY api api
COPY cli cli
RUN python -m compileall -q .
ENV PATH=/opt/attain/bin:$PATH PYTHONUNBUFFERED=1 ATTAIN_HOST=0.0.0.0 ATTAIN_PORT=8000
USER attain
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/readyz' % os.environ['ATTAIN_PORT'], timeout=2)"]
ENTRYPOINT ["python", "-m", "cli"]
CMD ["serve"]
