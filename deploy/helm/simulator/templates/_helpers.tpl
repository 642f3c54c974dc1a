{{- define "simulator.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "simulator.labels" -}}
app.kubernetes.io/part-of: simulator
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/name: {{ .name }}
{{- end -}}

{{- define "simulator.image" -}}
{{ .root.Values.image.prefix }}{{ .service }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "simulator.busUrl" -}}
{{- .Values.bus.url | default (printf "nats://%s-nats:4222" .Release.Name) -}}
{{- end -}}

{{- define "simulator.busMonitoring" -}}
{{- .Values.bus.monitoring | default (printf "%s-nats-headless.%s.svc.cluster.local:8222" .Release.Name .Release.Namespace) -}}
{{- end -}}

{{- define "simulator.databaseSecret" -}}
{{- .Values.database.existingSecret | default (printf "%s-database" (include "simulator.name" .)) -}}
{{- end -}}

{{- define "simulator.databaseEnv" -}}
- name: GATEWAY_DATABASE_URL
  valueFrom: { secretKeyRef: { name: {{ include "simulator.databaseSecret" . }}, key: database_url } }
{{- end -}}

{{- /* user: its name on the bus; prefix: of its variables */ -}}
{{- define "simulator.busEnv" -}}
- { name: {{ .prefix }}_NATS_URL, value: {{ include "simulator.busUrl" .root | quote }} }
- { name: {{ .prefix }}_NATS_USER, value: {{ .user }} }
- name: {{ .prefix }}_NATS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .root.Values.bus.secretName }}, key: {{ .user }} } }
{{- end -}}

{{- define "simulator.telemetryEnv" -}}
{{- with .Values.telemetry.otlpEndpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- end -}}

{{- define "simulator.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "simulator.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts: [{ name: tmp, mountPath: /tmp }]
{{- end -}}

{{- define "simulator.tmp" -}}
volumes: [{ name: tmp, emptyDir: { medium: Memory, sizeLimit: 16Mi } }]
{{- end -}}

{{- define "simulator.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "simulator.labels" . | nindent 8 }}
{{- end -}}

{{- define "simulator.resources" -}}
resources:
  requests: { cpu: {{ .cpu }}, memory: {{ .memory }} }
  limits: { memory: {{ .memory }} }
{{- end -}}
