{{- define "gateway.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-gateway
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: cutpoint-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "gateway.image" -}}
{{- $usual := .Values.gpu.enabled | ternary (printf "%s-cuda" .Chart.AppVersion) .Chart.AppVersion -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default $usual }}
{{- end }}

{{- /* What the broker lets go on, what the gateway may take to drain, and room to stop. */ -}}
{{- define "gateway.graceSeconds" -}}
{{ add .Values.preStopSeconds (ceil (divf (.Values.config.drainMs | default 10000) 1000)) 10 }}
{{- end }}
