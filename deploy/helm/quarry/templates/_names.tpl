{{/* The beginning of every name. */}}
{{- define "quarry.name" -}}
{{- $name := .Values.nameOverride | default "quarry" }}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{- define "quarry.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end -}}

{{/* The name of what is not in a namespace: two releases of one name in two namespaces do not collide. */}}
{{- define "quarry.clusterName" -}}
quarry:{{ include "quarry.namespace" . }}:{{ include "quarry.name" . }}-controller
{{- end -}}

{{/* By which Services, policies and workloads find pods; a workload's cannot change later. */}}
{{- define "quarry.selector" -}}
app.kubernetes.io/name: {{ .root.Values.nameOverride | default "quarry" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "quarry.labels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default "quarry" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Of an object: {root, name}, and optionally {cluster: it is in no namespace, labels, annotations}. The chart's own labels win. */}}
{{- define "quarry.metadata" -}}
name: {{ .name | quote }}
{{- if not .cluster }}
namespace: {{ include "quarry.namespace" .root }}
{{- end }}
labels: {{- merge (include "quarry.labels" .root | fromYaml) (.labels | default dict) .root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Of a pod: {root, selector, config: text whose change restarts the pod, labels, annotations}. */}}
{{- define "quarry.podMetadata" -}}
labels: {{- merge (.selector | fromYaml) .labels .root.Values.commonLabels | toYaml | nindent 2 }}
annotations: {{- merge (dict "quarry/config" (.config | sha256sum)) .annotations .root.Values.commonAnnotations | toYaml | nindent 2 }}
{{- end -}}

{{/* Those of the given fields that are not empty. */}}
{{- define "quarry.fields" -}}
{{- $given := dict }}
{{- range $key, $value := . }}{{ if $value }}{{ $_ := set $given $key $value }}{{ end }}{{ end }}
{{- toYaml $given }}
{{- end -}}

{{/* {image: registry, repository, tag, digest}; `version` is the tag of an image that names none. */}}
{{- define "quarry.imageName" -}}
{{- with .image.registry }}{{ . }}/{{ end }}{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .version }}{{ end }}
{{- end -}}

{{- define "quarry.image" -}}
{{- if not .Values.image.repository }}
  {{- fail "image.repository is not set. Quarry's image is not published: make it with `npm run image` or the Dockerfile, push it to your registry or load it into the nodes, and set image.registry and image.repository to its name (docs/guides/install.md)." }}
{{- end }}
{{- include "quarry.imageName" (dict "image" .Values.image "version" .Chart.AppVersion) }}
{{- end -}}

{{- define "quarry.controllerAccount" -}}
{{ .Values.controller.serviceAccount.name | default (printf "%s-controller" (include "quarry.name" .)) }}
{{- end -}}

{{- define "quarry.nodeAccount" -}}
{{ .Values.node.serviceAccount.name | default (printf "%s-node" (include "quarry.name" .)) }}
{{- end -}}

{{/* The name that the nodes dial: of a headless Service, so that it resolves to every replica. */}}
{{- define "quarry.host" -}}
{{ include "quarry.name" . }}-controller.{{ include "quarry.namespace" . }}.svc
{{- end -}}

{{/* The Service at which backup programs find the lists of changed blocks. */}}
{{- define "quarry.changedBlocksHost" -}}
{{ include "quarry.name" . }}-snapshot-metadata.{{ include "quarry.namespace" . }}.svc
{{- end -}}

{{/* The audience of the tokens of backup programs. */}}
{{- define "quarry.changedBlocksAudience" -}}
snapshot-metadata:{{ .Values.driver }}
{{- end -}}

{{/* The audience of the nodes' tokens, which only Quarry uses. */}}
{{- define "quarry.audience" -}}
quarry:{{ .Values.driver }}
{{- end -}}

{{/* The Secret of the controllers. No node may name it: the owner of a node can read each Secret that its pods name. */}}
{{- define "quarry.secret" -}}
{{ if eq .Values.certificates.from "existing" }}{{ required "certificates.secret is needed with from: existing" .Values.certificates.secret }}{{ else }}{{ include "quarry.name" . }}-controller-tls{{ end }}
{{- end -}}

{{/* The Secret of the nodes' metrics: each node can read it, so it is good for nothing else. */}}
{{- define "quarry.nodeSecret" -}}
{{ if eq .Values.certificates.from "existing" }}{{ required "metrics.nodes.secret is needed with certificates.from: existing" .Values.metrics.nodes.secret }}{{ else }}{{ include "quarry.name" . }}-node-metrics-tls{{ end }}
{{- end -}}

{{/* The name in that certificate. No Service has it: a scraper dials the address of each node, and verifies this name. */}}
{{- define "quarry.nodeHost" -}}
{{ include "quarry.name" . }}-node.{{ include "quarry.namespace" . }}.svc
{{- end -}}

{{/* The ConfigMap of the authority, with which a node verifies a controller; it has no secret. */}}
{{- define "quarry.authority" -}}
{{ if eq .Values.certificates.from "chart" }}{{ include "quarry.name" . }}-authority{{ else }}{{ required "certificates.authority is needed unless the chart makes the certificates" .Values.certificates.authority }}{{ end }}
{{- end -}}
