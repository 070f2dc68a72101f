# syntax=docker/dockerfile:1
FROM python:3.13.9-slim-trixie AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/paidan \
    && /opt/paidan/bin/pip install --no-cache-dir '.[postgres,redis,mail]'

FROM python:3.13.9-slim-trixie
RUN useradd --uid 10001 --create-home paidan && install -d -o paidan /data
COPY --from=build /opt/paidan /opt/paidan
ENV PATH=/opt/paidan/bin:$PATH PAIDAN_HOME=/data PYTHONUNBUFFERED=1
USER paidan
WORKDIR /data
VOLUME /data
EXPOSE 8080
CMD ["paidan", "serve"]
