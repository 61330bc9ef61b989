{{- define "codepix.labels" -}}
app.kubernetes.io/name: codepix
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What selects the pods of a part: never changes between versions. */}}
{{- define "codepix.selector" -}}
app.kubernetes.io/name: codepix
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "codepix.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* `hub` or `bank-001`: the same name for Kafka's user, the secret and the database. */}}
{{- define "codepix.name" -}}
{{ .root.Release.Name }}-{{ .component }}
{{- end }}

{{- define "codepix.databaseSecret" -}}
{{ .given | default (printf "%s-%s-db-app" .root.Values.data .participant) }}
{{- end }}

{{- define "codepix.bootstrap" -}}
{{- $port := ternary 9093 9092 .Values.kafka.secured -}}
{{ .Values.kafka.bootstrapServers | default (printf "%s-kafka-bootstrap:%d" .Values.data $port) }}
{{- end }}

{{/* The settings that every process has. `participant` is hub or bank-001. */}}
{{- define "codepix.environment" -}}
{{- $secret := printf "%s-%s" .root.Release.Name .participant -}}
- {name: HTTP_HOST, value: "0.0.0.0"}
- {name: HTTP_PORT, value: "8000"}
- {name: LOG_LEVEL, value: {{ .root.Values.logLevel | quote }}}
- {name: DEMO_MODE, value: {{ .root.Values.demo | quote }}}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .root.Values.otlpEndpoint | quote }}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ include "codepix.bootstrap" .root | quote }}}
- {name: KAFKA_ASSIGNMENT, value: group}
- {name: KAFKA_PARTITIONS, value: {{ .root.Values.kafka.partitions | quote }}}
- {name: KAFKA_REPLICATION, value: {{ .root.Values.kafka.replication | quote }}}
{{- if .root.Values.kafka.secured }}
- {name: KAFKA_SECURITY_PROTOCOL, value: SASL_SSL}
- {name: KAFKA_SASL_MECHANISM, value: SCRAM-SHA-512}
- {name: KAFKA_SASL_USERNAME, value: {{ printf "%s-%s" .root.Values.data .participant | quote }}}
- name: KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ printf "%s-%s" .root.Values.data .participant | quote }}, key: password}}
- {name: KAFKA_SSL_CA, value: /etc/codepix/kafka/ca.crt}
{{- end }}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "codepix.databaseSecret" . | quote }}, key: uri}}
- name: SESSION_SECRET
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: session-secret}}
- name: OPERATOR_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: operator-password, optional: true}}
{{- end }}

{{- define "codepix.hubEnvironment" -}}
{{- include "codepix.environment" (dict "root" .Values.root "participant" "hub") }}
{{- end }}

{{- define "codepix.bankEnvironment" -}}
{{- $name := printf "%s-bank-%s" .root.Release.Name .bank.code -}}
- {name: BANK_CODE, value: {{ .bank.code | quote }}}
- {name: BANK_NAME, value: {{ .bank.name | quote }}}
- {name: BANK_COLOR, value: {{ .bank.color | quote }}}
- {name: HUB_GRPC_ADDRESS, value: {{ printf "dns:///%s-hub-grpc:50051" .root.Release.Name | quote }}}
- {name: PUBLIC_URL, value: {{ .bank.publicUrl | default .root.Values.bank.publicUrl | quote }}}
- {name: HUB_CONSOLE_URL, value: {{ .root.Values.hub.publicUrl | quote }}}
- {name: PAYLOAD_HOST, value: {{ .bank.payloadHost | default (printf "%s:8000" $name) | quote }}}
- name: BANK_SECRET
  valueFrom: {secretKeyRef: {name: {{ $name | quote }}, key: bank-secret}}
{{- end }}

{{- define "codepix.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "codepix.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The volumes, and in codepix.mounts where they are: a folder for temporary files, and Kafka's authority. */}}
{{- define "codepix.volumes" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- if .Values.kafka.secured }}
- name: kafka-ca
  secret: {secretName: {{ printf "%s-cluster-ca-cert" .Values.data | quote }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}

{{- define "codepix.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.kafka.secured }}
- {name: kafka-ca, mountPath: /etc/codepix/kafka, readOnly: true}
{{- end }}
{{- end }}

{{/* Live: the process answers. Ready: database and broker answer, the schema is the newest, the consumer consumes. */}}
{{- define "codepix.probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /health/ready, port: http}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 3
{{- end }}

{{/* A Deployment: root, component, replicas, command, ports, resources, environment (as text), scaled. */}}
{{- define "codepix.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "codepix.name" . }}
  labels: {{- include "codepix.labels" . | nindent 4 }}
spec:
  {{- if not .scaled }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "codepix.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "codepix.labels" . | nindent 8 }}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8000"
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      # A role's time to finish its batch, and a little more.
      terminationGracePeriodSeconds: 20
      securityContext: {{- include "codepix.podSecurity" . | nindent 8 }}
      topologySpreadConstraints:
        {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ $key }}
          {{- /* A zone may be missing on clusters of one, so a preference is enough for it. */}}
          whenUnsatisfiable: {{ eq $key "kubernetes.io/hostname" | ternary $.root.Values.spread.whenUnsatisfiable "ScheduleAnyway" }}
          labelSelector:
            matchLabels: {{- include "codepix.selector" $ | nindent 14 }}
        {{- end }}
      containers:
        - name: {{ .container }}
          image: {{ include "codepix.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: {{ toJson .command }}
          securityContext: {{- include "codepix.containerSecurity" . | nindent 12 }}
          env: {{- .environment | nindent 12 }}
          ports:
            {{- range $name, $port := .ports }}
            - {name: {{ $name }}, containerPort: {{ $port }}}
            {{- end }}
          {{- include "codepix.probes" . | nindent 10 }}
          resources: {{- toYaml .resources | nindent 12 }}
          volumeMounts: {{- include "codepix.mounts" .root | nindent 12 }}
      volumes: {{- include "codepix.volumes" .root | nindent 8 }}
{{- end }}

{{/* An eviction leaves at least one replica; with a single one it would block the node's drain for good, so there is none. */}}
{{- define "codepix.disruptionBudget" -}}
{{- if gt (int .replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "codepix.name" . }}
  labels: {{- include "codepix.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "codepix.selector" . | nindent 6 }}
{{- end }}
{{- end }}

{{/* Replicas by the lag of the consumer group on the participant's topic. */}}
{{- define "codepix.scaledObject" -}}
{{- if .autoscaling.enabled }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ include "codepix.name" . }}
  labels: {{- include "codepix.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {name: {{ include "codepix.name" . }}}
  minReplicaCount: {{ .replicas }}
  {{- /* More replicas than partitions would idle. */}}
  maxReplicaCount: {{ min (int .autoscaling.replicasMax) (int .root.Values.kafka.partitions) }}
  cooldownPeriod: 300
  triggers:
    - type: kafka
      metadata:
        bootstrapServers: {{ include "codepix.bootstrap" .root | quote }}
        consumerGroup: {{ .group | quote }}
        topic: {{ .topic | quote }}
        lagThreshold: {{ .autoscaling.lagThreshold | quote }}
        offsetResetPolicy: earliest
        {{- if .root.Values.kafka.secured }}
        sasl: scram_sha512
        tls: enable
        {{- end }}
      {{- if .root.Values.kafka.secured }}
      authenticationRef: {name: {{ include "codepix.name" . }}}
      {{- end }}
{{- if .root.Values.kafka.secured }}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  name: {{ include "codepix.name" . }}
  labels: {{- include "codepix.labels" . | nindent 4 }}
spec:
  {{- $user := printf "%s-%s" .root.Values.data .component }}
  env:
    - {parameter: username, name: KAFKA_SASL_USERNAME, containerName: {{ .container }}}
  secretTargetRef:
    - {parameter: password, name: {{ $user | quote }}, key: password}
    - {parameter: ca, name: {{ printf "%s-cluster-ca-cert" .root.Values.data | quote }}, key: ca.crt}
{{- end }}
{{- end }}
{{- end }}
