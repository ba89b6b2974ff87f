# One image for the API, the workers, the migrations and the pretend carrier.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/godwit
# The pins come first: a change of our own code does not install them again.
COPY requirements/ requirements/
RUN /opt/godwit/bin/pip install --require-hashes -r requirements/run.txt \
    && /opt/godwit/bin/pip install --require-hashes --no-deps -r requirements/build.txt
COPY pyproject.toml README.md LICENSE worker.py ./
COPY activities/ activities/
COPY campaign/ campaign/
COPY carriers/ carriers/
COPY console/ console/
COPY dialects/ dialects/
COPY service/ service/
COPY starter/ starter/
COPY store/ store/
COPY spreadsheets/ spreadsheets/
COPY telemetry/ telemetry/
COPY webhooks/ webhooks/
COPY workflows/ workflows/
RUN /opt/godwit/bin/pip install --no-deps --no-build-isolation --no-index .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --no-create-home --uid 10001 godwit
COPY --from=build /opt/godwit /opt/godwit
ENV PATH=/opt/godwit/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER godwit
ENTRYPOINT ["godwit"]
CMD ["--help"]
