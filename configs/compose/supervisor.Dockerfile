# The supervisors' image: the workers' one with PostgreSQL's driver, and iptables for the fence around workers.
#
#   docker build -t clipd-worker ../..
#   docker build -t clipd-supervisor -f supervisor.Dockerfile .
ARG BASE=python:3.11-slim-bookworm
ARG WORKER=clipd-worker

FROM ${BASE} AS postgres
ARG PIP_INDEX_URL
COPY requirements-postgres.lock /src/
RUN python3 -m pip install --quiet --no-cache-dir --require-hashes --only-binary :all: --target /opt/postgres \
    -r /src/requirements-postgres.lock

FROM ${WORKER}
USER root
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iptables \
 && rm -rf /var/lib/apt/lists/*
COPY --from=postgres /opt/postgres /opt/postgres
ENV PYTHONPATH=/opt/postgres
CMD ["up", "--config", "/run/secrets/clipd.yaml", "--detach-workers"]
