import { loadAnyConfig } from '../../config/config.ts';
import { readEnvironment } from '../../config/environment.ts';
import type { Configs } from '../../config/schema.ts';
import { createApi } from '../../kubernetes/api.ts';
import type { Terminal } from '../../cli/command.ts';
import type { Listing } from '../../cli/output.ts';
import { outcomes } from './finding.ts';
import { createHost, type Host } from './host.ts';
import { controllerChecks, examine, machineChecks, type Named, nodeChecks } from './plan.ts';

/** Looks at this machine as the role of that configuration. The command fails if there is an error. */
export async function runDoctor({ config: path }: { readonly config: string }, terminal: Terminal) {
  const found = await loadAnyConfig(path);
  if (found.role === 'controller') return report(await examineController(found.config), terminal);
  const host = await createHost({ path, config: found.config });
  const own = machineChecks(host, found.config);
  const checks = found.role === 'node' ? [...own, ...nodeChecks(host, found.config)] : own;
  return report(await examine(checks), terminal);
}

async function examineController(config: Configs['controller']): Promise<Named[]> {
  const host = await createHost();
  const api = config.kubernetes && createApi(config.kubernetes);
  try {
    return await examine(controllerChecks(host, config, api, await ownPod(host)));
  } finally {
    api?.close();
  }
}

const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

async function ownPod({ readFile }: Host): Promise<{ namespace: string; pod: string } | undefined> {
  const namespace = await readFile(namespaceFile);
  return namespace === undefined ? undefined : { namespace: namespace.trim(), pod: readEnvironment().hostname };
}

/** The worst first. */
export function report(findings: readonly Named[], terminal: Pick<Terminal, 'fail'>): Listing<Named> {
  const of = (outcome: Named['outcome']) => findings.filter((finding) => finding.outcome === outcome);
  if (of('error').length > 0) terminal.fail();
  const [errors, warnings, unknowns] = [of('error').length, of('warning').length, of('unknown').length];
  const footer = `\n${errors} errors, ${warnings} warnings, ${unknowns} unknown.\n`;
  return { records: outcomes.flatMap(of), footer };
}
