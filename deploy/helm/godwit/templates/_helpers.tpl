{{- define "godwit.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "godwit.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "godwit.labels" -}}
{{ include "godwit.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "godwit.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "godwit.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The image; takes a dict of root and tag. */}}
{{- define "godwit.image" -}}
{{- $image := .root.Values.image -}}
{{- if and $image.digest (not .tag) -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (default .root.Chart.AppVersion $image.tag) .tag) -}}
{{- end -}}
{{- end -}}

{{/* The versions of workers as JSON: suffix of names, label, build, tag, replicas. */}}
{{- define "godwit.workerVersions" -}}
{{- $found := list -}}
{{- $suffixes := list -}}
{{- range (default (list (dict)) .Values.worker.versions) -}}
{{- $build := default "" .build -}}
{{- $suffix := "" -}}
{{- if $build -}}
{{- $suffix = printf "-%s" (regexReplaceAll "[^a-z0-9]+" (lower $build) "-") -}}
{{- end -}}
{{- if has $suffix $suffixes -}}
{{- fail (printf "worker.versions: two builds lead to the name %q" (printf "worker%s" $suffix)) -}}
{{- end -}}
{{- $suffixes = append $suffixes $suffix -}}
{{- $replicas := $.Values.worker.replicas -}}
{{- if hasKey . "replicas" -}}{{- $replicas = .replicas -}}{{- end -}}
{{- $found = append $found (dict "suffix" $suffix "label" (default "none" $build) "build" $build
      "tag" (default "" .tag) "replicas" $replicas) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The environment of every process. The migration runs before other objects exist, so it is in
     the pods and not in a ConfigMap. */}}
{{- define "godwit.env" -}}
- name: GODWIT_DATABASE_URL
  value: {{ required "database.url is missing" .Values.database.url | quote }}
{{- with .Values.database.passwordSecret }}
{{- if .name }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
- name: GODWIT_SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secretKey.secretName }}
      key: {{ .Values.secretKey.key }}
- name: GODWIT_CARRIER
  value: {{ .Values.carrier | quote }}
{{- with .Values.publicUrl }}
- name: GODWIT_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
- name: TEMPORAL_ADDRESS
  value: {{ required "temporal.address is missing" .Values.temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ .Values.temporal.namespace | quote }}
- name: GODWIT_TASK_QUEUE
  value: {{ .Values.temporal.taskQueue | quote }}
{{- with .Values.temporal.plugin }}
- name: GODWIT_TEMPORAL_PLUGIN
  value: {{ . | quote }}
{{- end }}
{{- with .Values.temporal.apiKeySecret }}
{{- if .name }}
- name: TEMPORAL_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .Values.temporal.tls }}
{{- if or .enabled .clientSecretName .caSecret.name $.Values.temporal.apiKeySecret.name }}
- name: TEMPORAL_TLS
  value: "true"
{{- end }}
{{- with .serverName }}
- name: TEMPORAL_TLS_SERVER_NAME
  value: {{ . | quote }}
{{- end }}
{{- if .clientSecretName }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /etc/godwit/temporal-client/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /etc/godwit/temporal-client/tls.key
{{- end }}
{{- if .caSecret.name }}
- name: TEMPORAL_TLS_SERVER_CA_CERT_PATH
  value: /etc/godwit/temporal-ca/ca.crt
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{/* What every container has besides its command, probes and resources. */}}
{{- define "godwit.container" -}}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- with .Values.credentialSecrets }}
envFrom:
  {{- range . }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- with .Values.temporal.tls }}
  {{- if .clientSecretName }}
  - name: temporal-client
    mountPath: /etc/godwit/temporal-client
    readOnly: true
  {{- end }}
  {{- if .caSecret.name }}
  - name: temporal-ca
    mountPath: /etc/godwit/temporal-ca
    readOnly: true
  {{- end }}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What every pod has besides its containers and placement. */}}
{{- define "godwit.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  {{- with .Values.temporal.tls }}
  {{- if .clientSecretName }}
  - name: temporal-client
    secret:
      secretName: {{ .clientSecretName }}
  {{- end }}
  {{- if .caSecret.name }}
  - name: temporal-ca
    secret:
      secretName: {{ .caSecret.name }}
      items:
        - key: {{ .caSecret.key }}
          path: ca.crt
  {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Where pods run; takes a dict of root, labels and part (values of api or worker). */}}
{{- define "godwit.placement" -}}
{{- with .root.Values.topologyKeys }}
topologySpreadConstraints:
  {{- range . }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- $.labels | nindent 8 }}
  {{- end }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
