# The worker's image: `clipd worker`, not root, root file system read-only, nothing writable but its session and /tmp.
#
#   docker build -t clipd-worker .
#   docker build -t clipd-worker:cuda --build-arg CUDA=1 .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges clipd-worker doctor
#
# BASE is Debian 12 with Python 3.11; scripts/docker-base makes one where no image registry can be reached. Packages come
# from where pip is told to: the build arguments of its environment reach the build stages only.
# Libraries and code are layers of their own: a new version of clipd is a few MB on top of libraries that stay.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS libraries
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python3 -m venv /opt/clipd \
 && echo /opt/app > "$(/opt/clipd/bin/python -c 'import site; print(site.getsitepackages()[0])')/clipd.pth" \
 && mkdir /opt/cuda
COPY requirements*.lock /src/
RUN /opt/clipd/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r /src/requirements.lock
ARG CUDA=0
# cuBLAS, for CTranslate2, which brings the rest of what it needs of CUDA; the driver comes from the machine
RUN if [ "$CUDA" = 1 ]; then /opt/clipd/bin/python -m pip install --quiet --require-hashes --only-binary :all: \
    --target /opt/cuda -r /src/requirements-cuda.lock; fi

FROM libraries AS code
COPY . /src/
RUN /opt/clipd/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index --target /opt/app /src

FROM libraries AS lean
RUN /opt/clipd/bin/python -m pip uninstall --quiet --yes setuptools pip

FROM ${BASE}
LABEL org.opencontainers.image.title="clipd worker" \
      org.opencontainers.image.description="Watches one live stream and cuts the moments worth sharing." \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
ENV PATH=/opt/app/bin:/opt/clipd/bin:$PATH LD_LIBRARY_PATH=/opt/cuda/nvidia/cublas/lib \
    HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=lean /opt/cuda /opt/cuda
COPY --from=lean /opt/clipd /opt/clipd
COPY LICENSE NOTICE /usr/share/doc/clipd/
COPY --from=code /opt/app /opt/app
USER 65534:65534
WORKDIR /tmp
ENTRYPOINT ["clipd"]
CMD ["worker", "--help"]
