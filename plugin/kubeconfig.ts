import { KubeConfig } from '@kubernetes/client-node';
import { Failure, messageOf } from '../src/domain/errors.ts';
import type { Place } from './arguments.ts';

/** The kubeconfig that kubectl would use, or the one that was named. Throws Failure('invalid') if it has no such context or cluster. */
export function loadKubeconfig({ kubeconfig, context }: Place): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    throw new Failure('invalid', `the kubeconfig cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  const current = config.getCurrentContext();
  if (config.getCurrentCluster() === null) {
    const known = config.getContexts().map(({ name }) => name);
    const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    throw new Failure('invalid', `the kubeconfig has no context "${current ?? ''}" with a cluster; ${list}`);
  }
  return config;
}
