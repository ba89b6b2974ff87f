"""The Helm chart: values, and what its five files of values render to."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from campaign.settings import Settings
from service.workers import GRACEFUL_SHUTDOWN, SHUTDOWN_PATIENCE
from tests.deploy.rendering import (
    CACHE,
    CHART,
    RULES,
    VALUES,
    manifests,
    objects,
    pods,
    run,
    tool,
    variables,
)
from tests.test_docs import rows, ticked
from tests.test_layout import ROOT

DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
FILES = {file.name.removesuffix("-values.yaml"): file for file in VALUES}
# Listed as one value each.
WHOLE = {"resources", "podSecurityContext", "securityContext"}
# Names of secrets among the variables, and those of where a secret's file is.
SECRET = re.compile("SECRET|PASSWORD|API_KEY|PGPASSWORD")


def leaves(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The values with their whole names."""
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in WHOLE:
            yield from leaves(value, f"{before}{name}.")
        else:
            yield before + name, value


def test_the_readme_lists_every_value_with_its_default() -> None:
    table = rows((CHART / "README.md").read_text("utf-8"))
    listed = {ticked(cells[0])[0]: cells for cells in table}
    expected = dict(leaves(DEFAULTS))
    assert list(listed) == list(expected)
    for name, value in expected.items():
        _, default, purpose = listed[name]
        assert default in (f"`{json.dumps(value)}`", "see `values.yaml`"), name
        assert purpose, name


def over(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The defaults with values over them, merged as Helm does it."""
    merged = {**defaults, **values}
    for name in defaults.keys() & values.keys():
        if isinstance(defaults[name], dict) and isinstance(values[name], dict):
            merged[name] = over(defaults[name], values[name])
    return merged


def is_valid(values: dict[str, Any]) -> bool:
    """Whether the schema accepts the defaults with some values over them."""
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    return bool(Draft7Validator(schema).is_valid(over(DEFAULTS, values)))


@pytest.mark.parametrize("name", FILES)
def test_each_file_of_values_keeps_the_schema(name: str) -> None:
    assert is_valid(yaml.safe_load(FILES[name].read_text("utf-8")))


@pytest.mark.parametrize(
    "values",
    [
        {"database": {"url": "postgresql+psycopg://godwit:hunter2@db:5432/godwit"}},
        {"database": {"url": "postgresql+psycopg://godwit@db/godwit?password=hunter2"}},
        {"database": {"url": "sqlite:///godwit.db"}},
        {"settings": {"GODWIT_CARRIER_TWILIO_AUTH_TOKEN": "hunter2"}},
        {"settings": {"GODWIT_SMTP_URL": "smtp://user:hunter2@mail"}},
        {"settings": {"GODWIT_SECRET_KEY": "hunter2"}},
        {"settings": {"TEMPORAL_API_KEY": "hunter2"}},
        {"settings": {"GODWIT_WORKER_BUILD": "1"}},
        {"worker": {"versions": [{"build": "a build with spaces"}]}},
        {"worker": {"terminationGracePeriodSeconds": 30}},
        {"kedda": {"enabled": True}},
    ],
    ids=lambda values: "-".join(next(iter(leaves(values)))[0].split(".")),
)
def test_the_schema_refuses_secrets_and_what_the_chart_does_not_know(
    values: dict[str, Any],
) -> None:
    whole: dict[str, Any] = yaml.safe_load(FILES["minimal"].read_text("utf-8"))
    assert not is_valid(over(whole, values))


def test_no_secret_has_a_setting_of_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    refused = schema["properties"]["settings"]["propertyNames"]["not"]["anyOf"]
    example = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^#?((?:GODWIT|TEMPORAL)_\w+)=", example, re.MULTILINE))
    secret = {
        f"GODWIT_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    secret |= {name for name in named if re.search("TOKEN|SECRET|PASSWORD|_KEY$", name)}
    public = {"GODWIT_CARRIER_TELNYX_PUBLIC_KEY"}
    for name in secret - public:
        assert re.search(refused[0]["pattern"], name) or name in refused[1]["enum"], name


@pytest.mark.parametrize("name", FILES)
def test_helm_finds_no_fault(name: str) -> None:
    run("helm", "lint", "--strict", str(CHART), "--values", str(FILES[name]))


@pytest.mark.parametrize("name", FILES)
def test_every_object_keeps_the_schema_of_its_kind(name: str, tmp_path: Path) -> None:
    """Kubernetes' own schemas, and those of KEDA and the Prometheus operator."""
    tool("helm")
    file = tmp_path / "manifests.yaml"
    file.write_text(manifests(FILES[name]), "utf-8")
    run("kubectl-validate", "--version", "1.30", "--local-crds", str(CACHE / "crds"), str(file))


@pytest.mark.parametrize("name", FILES)
def test_pods_are_not_root_write_to_tmp_alone_and_have_limits(name: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (folder,) = re.findall(r"^WORKDIR (\S+)\nUSER", dockerfile, re.MULTILINE)
    for owner, pod in pods(FILES[name]).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, owner
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", owner
        assert pod["automountServiceAccountToken"] is False, owner
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["volumeMounts"][0] == {"name": "tmp", "mountPath": folder}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), owner
        assert "memory" in container["resources"]["limits"], owner
    assert {"runAsUser": 10001}.items() <= DEFAULTS["podSecurityContext"].items()
    assert "--uid 10001" in dockerfile


@pytest.mark.parametrize("name", FILES)
def test_secrets_come_from_secrets_and_variables_are_ones_that_godwit_reads(name: str) -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    known = set(re.findall(r"^#?(\w+)=", example, re.MULTILINE)) | {"PGPASSWORD"}
    for owner, pod in pods(FILES[name]).items():
        for variable, value in variables(pod).items():
            # A colleague's change brings this line into the example.
            assert variable in known | {"GODWIT_METRICS_ADDRESS"}, (owner, variable)
            if SECRET.search(variable):
                assert set(value) == {"secretKeyRef"}, (owner, variable)


@pytest.mark.parametrize("name", FILES)
def test_pods_have_time_to_end_and_probes_of_what_the_process_offers(name: str) -> None:
    for deployment, pod in pods(FILES[name]).items():
        (container,) = pod["containers"]
        if "-worker" in deployment:
            ends = 2 * (GRACEFUL_SHUTDOWN + SHUTDOWN_PATIENCE).total_seconds()
            assert pod["terminationGracePeriodSeconds"] > ends
            file = variables(pod)["GODWIT_READY_FILE"]
            for probe in ("startupProbe", "readinessProbe"):
                assert container[probe]["exec"]["command"] == ["test", "-f", file]
            assert "livenessProbe" not in container
        elif deployment.endswith("-api"):
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
            assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


def test_the_migration_runs_before_the_release_and_needs_none_of_its_objects() -> None:
    for file in VALUES:
        (job,) = objects(file, "Job").values()
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        pod = job["spec"]["template"]["spec"]
        assert pod["containers"][0]["args"] == ["db", "upgrade"]
        own_account = set(objects(file, "ServiceAccount"))
        assert pod.get("serviceAccountName") not in own_account


def test_temporal_cloud_is_reached_with_a_certificate_or_a_key() -> None:
    for pod in pods(FILES["cloud-mtls"]).values():
        given = variables(pod)
        assert given["TEMPORAL_TLS"] == "true"
        folder = "/etc/godwit/temporal-client"
        assert given["TEMPORAL_TLS_CLIENT_CERT_PATH"] == f"{folder}/tls.crt"
        assert given["TEMPORAL_TLS_CLIENT_KEY_PATH"] == f"{folder}/tls.key"
        mounted = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        assert {folder, "/etc/godwit/database-ca"} <= mounted
    for pod in pods(FILES["cloud-api-key"]).values():
        key = variables(pod)["TEMPORAL_API_KEY"]["secretKeyRef"]
        assert key == {"name": "godwit-temporal", "key": "api-key"}
    (authentication,) = objects(FILES["cloud-api-key"], "TriggerAuthentication").values()
    parameters = [one["parameter"] for one in authentication["spec"]["secretTargetRef"]]
    assert parameters == ["apiKey"]


def test_versions_of_workers_run_side_by_side_and_the_api_stays_behind() -> None:
    deployments = objects(FILES["side-by-side"], "Deployment")
    names = {"godwit-worker-0-2-1", "godwit-worker-0-3-0"}
    assert set(deployments) == {"godwit-api", *names}
    selectors = [one["spec"]["selector"]["matchLabels"] for one in deployments.values()]
    assert len({json.dumps(selector) for selector in selectors}) == 3
    for name, pod in pods(FILES["side-by-side"]).items():
        tag = pod["containers"][0]["image"].rpartition(":")[2]
        assert tag == {"godwit-api": "0.2.1", "godwit-migration": "0.3.0"}.get(name, tag)
        if name in names:
            assert variables(pod)["GODWIT_WORKER_BUILD"] == tag
    scaled = objects(FILES["side-by-side"], "ScaledObject")
    assert set(scaled) == names
    assert set(objects(FILES["side-by-side"], "PodDisruptionBudget")) == {"godwit-api", *names}
    for name, one in scaled.items():
        triggers = [trigger["metadata"] for trigger in one["spec"]["triggers"]]
        assert {trigger["workerDeploymentName"] for trigger in triggers} == {"godwit"}
        builds = {trigger["workerDeploymentBuildId"].replace(".", "-") for trigger in triggers}
        assert builds == {name.removeprefix("godwit-worker-")}


def test_workers_are_scaled_by_every_task_queue_that_they_poll() -> None:
    from activities.options import sending_queue
    from webhooks.dispatcher import webhook_queue

    file = FILES["large"]
    (scaled,) = objects(file, "ScaledObject").values()
    triggers = [trigger["metadata"] for trigger in scaled["spec"]["triggers"]]
    polled = [trigger["taskQueue"] for trigger in triggers]
    assert polled == ["godwit", sending_queue("godwit"), webhook_queue("godwit")]
    assert {trigger["enableTLS"] for trigger in triggers} == {"true"}
    for name, deployment in objects(file, "Deployment").items():
        assert "replicas" not in deployment["spec"], name
    assert scaled["spec"]["minReplicaCount"] >= 1


def test_monitors_select_services_whose_ports_exist() -> None:
    file = FILES["large"]
    services = objects(file, "Service").values()
    monitors = objects(file, "ServiceMonitor")
    assert set(monitors) == {"godwit-api", "godwit-worker"}
    for name, monitor in monitors.items():
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = (one for one in services if wanted <= one["metadata"]["labels"].items())
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}, name
        for port in service["spec"]["ports"]:
            (container,) = pods(file)[name]["containers"]
            assert port["targetPort"] in {one["name"] for one in container["ports"]}


def test_the_chart_has_the_rules_of_monitoring() -> None:
    """Helm reads no file outside of the chart."""
    assert (CHART / "rules.yml").read_bytes() == RULES.read_bytes()


def test_a_prometheus_rule_has_these_very_rules_unless_others_are_given() -> None:
    (rule,) = objects(FILES["large"], "PrometheusRule").values()
    assert rule["spec"] == yaml.safe_load(RULES.read_text("utf-8"))
    others = ("--set-json", 'prometheusRule.rules="groups: [{name: mine, rules: []}]"')
    assert "{name: mine, rules: []}" in (text := manifests(FILES["large"], *others))
    assert rule["spec"]["groups"][0]["rules"][0]["alert"] not in text


def test_policies_close_every_pod_and_open_what_it_needs() -> None:
    policies = objects(FILES["large"], "NetworkPolicy")
    assert set(policies) == {"godwit-api", "godwit-worker", "godwit-migration"}
    opened = {
        name: {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
        for name, policy in policies.items()
    }
    assert opened["godwit-migration"] == {53, 5432}
    assert opened["godwit-api"] == opened["godwit-worker"] == {53, 5432, 7233, 80, 443, 587}
    assert "ingress" not in policies["godwit-migration"]["spec"]
    for policy in policies.values():
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
