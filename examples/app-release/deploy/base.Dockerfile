# registry.example.com/base/python-postgres:3.12: built when the requirements change, not for each release.
# docker build --file deploy/base.Dockerfile --tag registry.example.com/base/python-postgres:3.12 --push backend
FROM python:3.12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
COPY requirements.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt
