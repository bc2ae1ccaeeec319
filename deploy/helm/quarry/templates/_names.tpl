{{- define "quarry.name" -}}
{{- if contains "quarry" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-quarry" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{- define "quarry.labels" -}}
app.kubernetes.io/name: quarry
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "quarry.selector" -}}
app.kubernetes.io/name: quarry
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "quarry.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* The name that the nodes dial: of a headless Service, so that it resolves to every replica. */}}
{{- define "quarry.host" -}}
{{ include "quarry.name" . }}-controller.{{ .Release.Namespace }}.svc
{{- end -}}

{{/* The audience of the nodes' tokens, which only Quarry uses. */}}
{{- define "quarry.audience" -}}
quarry:{{ .Values.driver }}
{{- end -}}

{{/* The Secret of the controllers. No node may name it: the owner of a node can read each Secret that its pods name. */}}
{{- define "quarry.secret" -}}
{{ if eq .Values.certificates.from "existing" }}{{ required "certificates.secret is needed with from: existing" .Values.certificates.secret }}{{ else }}{{ include "quarry.name" . }}-controller-tls{{ end }}
{{- end -}}

{{/* The ConfigMap of the authority, with which a node verifies a controller; it has no secret. */}}
{{- define "quarry.authority" -}}
{{ if eq .Values.certificates.from "chart" }}{{ include "quarry.name" . }}-authority{{ else }}{{ required "certificates.authority is needed unless the chart makes the certificates" .Values.certificates.authority }}{{ end }}
{{- end -}}
