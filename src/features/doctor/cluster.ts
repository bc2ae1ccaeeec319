import * as z from 'zod';
import { messageOf } from '../../domain/errors.ts';
import type { Api } from '../../kubernetes/api.ts';
import { status, subjectAccessReview } from '../../kubernetes/objects.ts';
import { type Finding, error, ok, unknown } from './finding.ts';
import { clockFindings } from './controllers.ts';

const csiDriver = z.object({
  spec: z.object({ attachRequired: z.boolean().optional(), storageCapacity: z.boolean().optional() }),
});

/** What a controller and its sidecars ask of the API server everywhere; the ClusterRole of the chart has more. */
const needed: readonly (readonly [group: string, resource: string, verbs: readonly string[]])[] = [
  ['authentication.k8s.io', 'tokenreviews', ['create']],
  ['', 'nodes', ['list', 'watch']],
  ['', 'persistentvolumes', ['list', 'watch', 'create', 'patch', 'delete']],
  ['', 'persistentvolumeclaims', ['list', 'watch', 'update']],
  ['', 'events', ['create', 'patch']],
  ['storage.k8s.io', 'storageclasses', ['list', 'watch']],
  ['storage.k8s.io', 'csinodes', ['list', 'watch']],
  ['storage.k8s.io', 'volumeattributesclasses', ['list', 'watch']],
];

/** Whether the API server answers, and how its clock differs. */
export async function checkApiServer(api: Pick<Api, 'get'>, now: () => number): Promise<Finding[]> {
  const remedy = 'compare kubernetes.server, tokenFile and caFile with those of the cluster';
  try {
    const { status: code, date } = await api.get('/version');
    if (code === 200) return clockFindings('the API server', date, now());
    return [error(`the API server answers ${code}`, remedy)];
  } catch (cause) {
    return [error(messageOf(cause), remedy)];
  }
}

/** Whether the ServiceAccount of the controller has the rights that it needs. */
export async function checkRights(api: Pick<Api, 'post'>): Promise<Finding[]> {
  const wanted = needed.flatMap(([group, resource, verbs]) => verbs.map((verb) => ({ group, resource, verb })));
  const asked = await Promise.all(
    wanted.map(async (attributes) => ({ attributes, allowed: await may(api, attributes) })),
  );
  const remedy = 'apply the ClusterRole of the chart, and bind it to the ServiceAccount of the controller';
  const lacking = asked.filter(({ allowed }) => !allowed).map(({ attributes }) => attributes);
  if (lacking.length === 0) return [ok('the ServiceAccount has its rights')];
  const names = lacking.map(
    ({ group, resource, verb }) => `${verb} ${group === '' ? resource : `${resource}.${group}`}`,
  );
  return [error(`the ServiceAccount may not: ${names.join(', ')}`, remedy)];
}

async function may(api: Pick<Api, 'post'>, attributes: object): Promise<boolean> {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: attributes },
  };
  const answer = await api.post(path, body);
  return subjectAccessReview.parse(answer.body).status.allowed;
}

/** The CSIDriver object, by which Kubernetes knows how to use the driver. */
export async function checkCsiDriver(api: Pick<Api, 'get'>, driver: string): Promise<Finding[]> {
  const answer = await api.get(`/apis/storage.k8s.io/v1/csidrivers/${driver}`);
  const remedy = 'apply the CSIDriver of the chart';
  if (answer.status === 404) return [error(`there is no CSIDriver ${driver}`, remedy)];
  if (answer.status !== 200) {
    const reason = status.safeParse(answer.body).data?.message ?? '';
    return [unknown(`the CSIDriver cannot be read: ${answer.status} ${reason}`, 'let the ServiceAccount get it')];
  }
  const { attachRequired = true, storageCapacity = false } = csiDriver.parse(answer.body).spec;
  const findings: Finding[] = [];
  if (attachRequired)
    findings.push(error(`CSIDriver ${driver} has attachRequired: pods wait for an attachment`, remedy));
  if (!storageCapacity) {
    findings.push(error(`CSIDriver ${driver} lacks storageCapacity: the scheduler chooses nodes without room`, remedy));
  }
  return findings.length > 0 ? findings : [ok(`CSIDriver ${driver} is as it should be`)];
}

const pod = z.object({
  status: z.object({
    containerStatuses: z
      .array(z.object({ name: z.string(), ready: z.boolean(), image: z.string(), restartCount: z.number() }))
      .nullish(),
  }),
});

/** Sidecars that every installation needs, by their images. */
const sidecars = ['csi-provisioner', 'csi-resizer'];

/** The containers of the controller's own pod. */
export async function checkSidecars(api: Pick<Api, 'get'>, place: { namespace: string; pod: string } | undefined) {
  const outside = 'this is not a pod: its sidecars are not known';
  if (!place) return [unknown(outside, 'run this command in the pod of a controller')];
  const answer = await api.get(`/api/v1/namespaces/${place.namespace}/pods/${place.pod}`);
  if (answer.status === 404) return [unknown(outside, 'run this command in the pod of a controller')];
  const containers = pod.safeParse(answer.body).data?.status.containerStatuses;
  if (answer.status !== 200 || !containers) {
    return [
      unknown(`its pod cannot be read: ${answer.status}`, 'let the ServiceAccount get the pods of its namespace'),
    ];
  }
  const findings: Finding[] = sidecars
    .filter((name) => !containers.some(({ image }) => image.includes(name)))
    .map((name) => error(`the pod has no container with ${name}`, 'add it, as the chart does'));
  for (const { name, ready, restartCount } of containers) {
    if (ready) continue;
    const what = `the container ${name} is not ready, after ${restartCount} restarts`;
    findings.push(error(what, `kubectl logs -n ${place.namespace} ${place.pod} -c ${name}`));
  }
  return findings.length > 0 ? findings : [ok(`ready: ${containers.map(({ name }) => name).join(', ')}`)];
}
