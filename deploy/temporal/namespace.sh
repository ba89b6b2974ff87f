#!/bin/sh
# Make the namespace with its retention, and the attributes that campaigns are searched by; run
# again, it only sets the retention. Workers make missing attributes too, but a new one takes some
# seconds to be known everywhere, and a campaign that came first would be turned away.
# Needs TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and RETENTION.
set -eu

ATTRIBUTES="GodwitAccount=Keyword GodwitStatus=Keyword GodwitDialect=Keyword GodwitName=Keyword
    GodwitDueAt=Datetime"

# A server that has just started, and a namespace that was just made, take a moment to be known.
patiently() {
    tries=30
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 2
    done
}

make_namespace() {
    temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
        temporal operator namespace create \
            --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
}

patiently make_namespace
patiently temporal operator namespace update \
    --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
for attribute in $ATTRIBUTES; do
    patiently temporal operator search-attribute create \
        --name "${attribute%=*}" --type "${attribute#*=}"
done
