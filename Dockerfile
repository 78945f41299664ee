# The worker's image: `clipd worker`, not root, root file system read-only, /data and a tmpfs on /tmp.
#
#   docker build -t clipd-worker .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -v DATA:/data clipd-worker doctor
#
# BASE is Debian 12 with Python 3.11. Where no image registry can be reached, scripts/docker-base makes one by debootstrap.
# Packages come from where pip is told to: --build-arg PIP_INDEX_URL=... reaches the build stage only.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv /opt/clipd
COPY requirements.lock /src/
RUN /opt/clipd/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r /src/requirements.lock
COPY . /src/
RUN /opt/clipd/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index /src \
 && /opt/clipd/bin/python -m pip uninstall --quiet --yes setuptools pip \
 && install -d -o 65534 -g 65534 -m 0700 /data

FROM ${BASE}
LABEL org.opencontainers.image.title="clipd worker" \
      org.opencontainers.image.description="Watches one live stream and cuts the moments worth sharing." \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
ENV PATH=/opt/clipd/bin:$PATH HOME=/tmp CLIPD_DATA_DIR=/data PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/clipd /opt/clipd
COPY --from=build --chown=65534:65534 /data /data
COPY LICENSE NOTICE /usr/share/doc/clipd/
USER 65534:65534
WORKDIR /data
VOLUME /data
ENTRYPOINT ["clipd"]
CMD ["worker", "--help"]
