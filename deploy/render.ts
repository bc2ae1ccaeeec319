import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { command } from '../lab/command.ts';
import { labPaths } from '../lab/paths.ts';

export const CHART = join(import.meta.dirname, 'helm', 'quarry');
/** For use without Helm: `npm run manifest` makes it from the chart; do not edit it. */
export const MANIFEST = join(import.meta.dirname, 'quarry.yaml');
/** Pools that the classes in `examples` name. */
export const EXAMPLE_VALUES = join(import.meta.dirname, 'examples', 'values.yaml');

const NAMESPACE = 'quarry';

/** Runs the lab's helm; throws LabError with its output if it fails. */
export function helm(
  args: readonly string[],
  values: object = {},
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return command([join(labPaths().tools, 'helm'), ...args], { input: JSON.stringify(values), env });
}

/** Renders the chart with these values, as YAML documents. */
export function renderChart(values: object, kubernetes: string, flags: readonly string[] = []): Promise<string> {
  const all = ['--namespace', NAMESPACE, '--kube-version', kubernetes, '--values', '-', ...flags];
  return helm(['template', 'quarry', CHART, ...all], values);
}

/** The plain manifest: a public file cannot contain a key, so the administrator makes the certificates. */
export async function renderManifest(): Promise<string> {
  const example = parse(await readFile(EXAMPLE_VALUES, 'utf8')) as object;
  const certificates = { from: 'existing', secret: 'quarry-controller-tls', authority: 'quarry-authority' };
  const rendered = await renderChart({ ...example, certificates }, 'v1.34.0', ['--skip-tests']);
  return `${HEADER}${rendered.replaceAll('managed-by: Helm', 'managed-by: kubectl')}`;
}

const HEADER = `# Made from the chart by \`npm run manifest\`. docs/guides/install.md says what to change, and how to make the certificates.
---
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    # The nodes' pods are privileged: they handle the host's disks, mounts and cgroups.
    pod-security.kubernetes.io/enforce: privileged
`;
