import * as z from 'zod';
import { isFailure } from '../../domain/errors.ts';
import { parseParameters } from '../../domain/parameters.ts';
import type { Api } from '../../kubernetes/api.ts';
import { status } from '../../kubernetes/objects.ts';
import { type Finding, error, ok, unknown } from './finding.ts';

const classList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      provisioner: z.string(),
      parameters: z.record(z.string(), z.string()).nullish(),
    }),
  ),
});

/** The StorageClasses of the driver: Kubernetes shows a wrong parameter only with the first claim. */
export async function checkClasses(api: Pick<Api, 'get'>, driver: string): Promise<Finding[]> {
  const answer = await api.get('/apis/storage.k8s.io/v1/storageclasses');
  const classes = classList.safeParse(answer.body).data?.items;
  if (answer.status !== 200 || !classes) {
    const reason = status.safeParse(answer.body).data?.message ?? '';
    return [
      unknown(`the StorageClasses cannot be read: ${answer.status} ${reason}`, 'let the ServiceAccount list them'),
    ];
  }
  const own = classes.filter(({ provisioner }) => provisioner === driver);
  if (own.length === 0) return [ok(`no StorageClass has the provisioner ${driver}`)];
  return own.map(({ metadata: { name }, parameters }) => judge(name, parameters ?? {}));
}

function judge(name: string, parameters: Readonly<Record<string, string>>): Finding {
  try {
    const { mirrors = 0 } = parseParameters(parameters);
    const own = `StorageClass ${name} is as it should be`;
    if (mirrors === 0) return ok(own);
    return ok(`${own}; its mirrors need the target raid, for which the check device-mapper of each node looks`);
  } catch (cause) {
    if (!isFailure(cause, 'invalid')) throw cause;
    const what = `StorageClass ${name} makes no volume: ${cause.message}`;
    return error(what, 'delete the StorageClass and make it again: its parameters cannot be changed');
  }
}
