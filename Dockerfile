# One image for every stage of the tracker: the command says which.
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build

RUN python -m venv /opt/tracker
ENV PATH=/opt/tracker/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# First what seldom changes, so that a change of ours does not install it again.
COPY requirements.lock /src/
RUN pip install --require-hashes --only-binary :all: -r /src/requirements.lock

COPY pyproject.toml README.md LICENSE /src/
COPY schemas /src/schemas
COPY stores /src/stores
COPY ingest /src/ingest
COPY projections /src/projections
COPY api /src/api
COPY tracker /src/tracker
RUN pip install --no-deps --no-build-isolation /src


FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

RUN useradd --system --uid 10001 --home-dir /data tracker && install --directory --mode 0700 --owner tracker /data
COPY --from=build /opt/tracker /opt/tracker

# /data holds ingest's spool and, embedded, everything: mount a volume there.
ENV PATH=/opt/tracker/bin:$PATH PYTHONUNBUFFERED=1 TRACKER_DATA=/data TRACKER_LOG_FORMAT=json
WORKDIR /data
USER tracker

# ingest and `tracker up`; api; probes and metrics of project
EXPOSE 8000 8080 9100 9101 9102 9103 9104

ENTRYPOINT ["tracker"]
CMD ["up"]
