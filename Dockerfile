# One image, many roles: the hub, the banks and their one-shot commands differ by command and environment alone.

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/codepix
# The dependencies have a layer of their own, so that a change of our code installs none of them again.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > /tmp/requirements.txt \
    && /opt/codepix/bin/pip install --no-cache-dir --constraint constraints.txt --requirement /tmp/requirements.txt
COPY README.md ./
COPY protos protos
COPY templates templates
COPY loadtest loadtest
COPY lab lab
COPY pix pix
COPY hub hub
COPY bank_sim bank_sim
RUN /opt/codepix/bin/pip install --no-cache-dir --no-deps . \
    && /opt/codepix/bin/python -m compileall -q /opt/codepix/lib

FROM python:3.11.13-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin codepix
COPY --from=build /opt/codepix /opt/codepix
# In a container only the container's own network can reach these; compose publishes them on the loopback address.
ENV PATH=/opt/codepix/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HTTP_HOST=0.0.0.0 \
    GRPC_HOST=0.0.0.0
USER codepix
WORKDIR /tmp
EXPOSE 8000 50051
STOPSIGNAL SIGTERM
# A bank's container asks `codepix-bank health` instead: see docker-compose.yml.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=12 CMD ["codepix-hub", "health"]
CMD ["codepix-hub", "serve"]
