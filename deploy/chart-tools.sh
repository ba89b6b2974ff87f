#!/bin/sh
# Build what renders and validates the Helm chart and the Compose files into the folder $1: Helm,
# kubectl-validate, the parser of Compose, and the CRDs of KEDA and the Prometheus operator. Run
# again, it builds what is missing. Needs Go and its module proxy.
set -eu
cache=$1
mkdir -p "$cache/bin" "$cache/crds"

build() {
    name=$1 module=$2
    [ -x "$cache/bin/$name" ] || {
        GOBIN="$cache/bin" go install "$module"
        made="${module%@*}"
        made="$cache/bin/${made##*/}"
        [ "$made" = "$cache/bin/$name" ] || mv "$made" "$cache/bin/$name"
    }
}

crds() {
    module=$1 folder=$2
    shift 2
    source=$(go mod download -json "$module" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
    for crd in "$@"; do
        cp -f "$source/$folder/$crd.yaml" "$cache/crds/"
    done
}

build kubectl-validate sigs.k8s.io/kubectl-validate@v0.0.4
build helm helm.sh/helm/v4/cmd/helm@v4.3.1
build compose-spec github.com/compose-spec/compose-go/v2/cmd@v2.16.2
crds github.com/kedacore/keda/v2@v2.21.0 config/crd/bases \
    keda.sh_scaledobjects keda.sh_triggerauthentications
crds github.com/prometheus-operator/prometheus-operator@v0.85.0 example/prometheus-operator-crd \
    monitoring.coreos.com_servicemonitors monitoring.coreos.com_prometheusrules
