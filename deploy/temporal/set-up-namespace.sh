#!/bin/sh
# The namespace Slipway works in, and the search attributes its lists and links use.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d

known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE")
add() {
  echo "$known" | grep -q "$1" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}
for name in Pipeline Environment Version Commit State WaitingFor Actor; do
  add "Slipway$name" Keyword
done
add SlipwayForced Bool
