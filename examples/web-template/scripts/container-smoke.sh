#!/bin/sh
# container-smoke.sh IMAGE: the image starts with nothing around it, and is well.
set -eu
container=$(docker run --detach "$1")
trap 'docker rm --force "$container" > /dev/null' EXIT
for try in 1 2 3 4 5 6 7 8 9 10; do
  if docker exec "$container" python3 -m app.probe 2> /dev/null; then exit 0; fi
  sleep 1
done
docker logs "$container"
exit 1
