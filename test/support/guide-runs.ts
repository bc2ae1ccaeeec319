import { commands } from '../../src/cli/commands.ts';
import { type GuideCommand, quarryWords } from './guide-commands.ts';

/** A test file below `test`, and the title of the test in it. */
export type Named = readonly [file: string, title: string];

export const guides: Named = ['cluster/guides', 'succeed as they stand where they only read'];
export const changing: Named = ['cluster/guides', 'succeed where they change something'];
const evacuate: Named = ['lab/evacuate', 'a disk is evacuated through a kill and a power cut'];
const pulled: Named = ['lab/pulled-disk', 'what only a dead disk had is named'];
const pools: Named = ['lab/pools', 'proposes a disk, and takes it after an approval by hand'];
const budget: Named = ['rates/budget', 'calibrate'];
const adopted: Named = ['lab/command-line', 'quarry adopt gives a logical volume of OpenEBS'];
const recovered: Named = ['cluster/recover', 'have all their data after the steps of the guide'];
const roles: Named = ['cluster/chart', 'each controller is ready, and its certificate is the one that nodes verify'];

/** The test that runs each command of quarry with these options, whatever its arguments are. */
export const quarryRuns: Readonly<Record<string, Named>> = {
  status: guides,
  volumes: guides,
  'volumes --namespace': guides,
  'volumes -o': ['unit/features/overview/command', 'encrypted volumes and their snapshots are shown'],
  pools: guides,
  'pools -o': guides,
  snapshots: ['unit/features/overview/command', 'snapshots have the claim of their volume'],
  orphans: guides,
  disks: guides,
  jobs: guides,
  hung: guides,
  doctor: guides,
  help: guides,
  qos: ['rates/qos-trouble', "quarry('qos')"],
  'nodes drain': guides,
  'nodes forget': ['unit/features/overview/leaving', 'a node that does not come back loses its volumes'],
  'status --watch': ['unit/features/overview/status', 'with --watch, status asks again'],
  dashboard: ['unit/plugin/dashboard', 'dashboard opens a port of loopback'],
  'disks approve': pools,
  'disks approve --all': pools,
  'disks approve --yes': ['unit/plugin/nodes', 'takes the disks that it shows, by name, and no others'],
  'disks evacuate': evacuate,
  'disks evacuate --cancel': evacuate,
  'disks evacuate --dry-run': evacuate,
  'disks evacuate --erase --remove': ['lab/erase', 'a disk is erased before it leaves its group'],
  'disks evacuate --remove': ['unit/lvm/evacuation', 'and then takes it out of its group'],
  'disks remove': evacuate,
  'disks remove --dry-run': evacuate,
  'disks replace': evacuate,
  'disks replace --dry-run': evacuate,
  'disks give-up': ['unit/lvm/lost-disk', 'without an explicit word nothing is removed'],
  'disks give-up --delete-lost': pulled,
  'disks give-up --dry-run': ['unit/lvm/lost-disk', 'a dry run changes nothing'],
  calibrate: budget,
  check: ['lab/pools', 'lists every problem in quarry check'],
  'check node': ['unit/cli/program', "['check', 'x']"],
  controller: roles,
  node: roles,
  adopt: adopted,
  'adopt --persistent-volume': adopted,
  'doctor --config': ['unit/features/doctor/command', "['doctor', '--config', path]"],
  'doctor -o': ['lab/command-line', 'quarry doctor finds a missing tool'],
  recover: recovered,
  'recover --apply': recovered,
  'recover --claims': recovered,
  'recover --claims --config': ['lab/command-line', 'quarry recover prints the PersistentVolume and the claim'],
};

const limits = 'cluster/limits';
/** Applies the manifests of the page, and waits for the pod. */
const tutorial: Named = [limits, 'is the limit of its class'];
const installed: Named = ['cluster/recover', 'have all their data after the steps of the guide'];

/** The test that runs each command of kubectl and helm, with the chart, the values and the names of the lab. */
export const otherRuns: Readonly<Record<string, Named>> = {
  'helm install quarry deploy/helm/quarry --namespace quarry --values values.yaml --wait': installed,
  'helm test quarry --namespace quarry': ['cluster/chart', 'passes its own test'],
  'helm upgrade quarry deploy/helm/quarry --namespace quarry --values values.yaml --wait': [
    'cluster/upgrades',
    'from the previous release, and back to it',
  ],
  'kubectl apply -f -': recovered,
  'kubectl apply -f classes.yaml': tutorial,
  'kubectl apply -f pg.yaml': tutorial,
  'kubectl wait --for=condition=Ready pod/pg-0 --timeout=5m': tutorial,
  'kubectl create namespace NAMESPACE': recovered,
  'kubectl create namespace quarry': installed,
  'kubectl label namespace quarry pod-security.kubernetes.io/enforce=privileged': installed,
  'kubectl delete secret quarry-controller-tls': ['cluster/upgrades', 'with new certificates restarts no pod'],
  'kubectl exec pg-0 -- fio --name=probe --filename=/data/probe --size=16M --rw=randwrite --bs=4k --direct=1 --time_based --runtime=4':
    tutorial,
  [`kubectl patch pvc volume-0-pg-0 --patch '{"spec":{"volumeAttributesClassName":"quick"}}'`]: [
    limits,
    'changes with its class while the pod runs',
  ],
  "kubectl wait --for=jsonpath='{.status.currentVolumeAttributesClassName}'=quick pvc/volume-0-pg-0": [
    limits,
    'changes with its class while the pod runs',
  ],
  'kubectl -n quarry get csistoragecapacities -o wide': guides,
  'kubectl -n quarry logs -l app.kubernetes.io/component=node -c quarry': guides,
  'kubectl describe pod NAME': guides,
  'kubectl describe pvc NAME': guides,
  'kubectl get crd volumesnapshots.snapshot.storage.k8s.io': guides,
  'kubectl get csinode NODE': guides,
  'kubectl get csinodes -o custom-columns=NODE:.metadata.name,DRIVERS:.spec.drivers[*].name': guides,
  'kubectl get csistoragecapacities -A': guides,
  'kubectl get pv NAME -o yaml': guides,
  'helm upgrade …': changing,
  'helm upgrade … --dry-run=server': changing,
  'kubectl --namespace quarry create configmap quarry-authority --from-file=ca.crt': changing,
  'kubectl --namespace quarry create secret tls quarry-controller-tls --cert=tls.crt --key=tls.key': changing,
  'kubectl --namespace quarry port-forward deployment/quarry-controller 9811': changing,
  'kubectl -n quarry logs POD -c quarry --previous': changing,
  'kubectl -n quarry rollout restart deployment/quarry-controller': changing,
  'kubectl apply -f deploy/quarry.yaml': changing,
  'kubectl delete csidriver lvm.quarry.csi': changing,
  'kubectl delete node NODE': ['cluster/failures', 'of a node that is reinstalled with its disks kept loses no volume'],
  'kubectl delete pvc CLAIM': changing,
  'kubectl drain NODE --ignore-daemonsets --delete-emptydir-data': changing,
  'kubectl uncordon NODE': changing,
  [`kubectl patch pv NAME -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'`]: changing,
};

/** Commands that no test runs as they stand, with the reason. */
export const notRun: Readonly<Record<string, string>> = {
  'kubectl create secret --from-file': "names an option; the files are the reader's",
  'kubectl apply -f objects.yaml': 'the file has what quarry adopt prints; recovered objects are applied likewise',
};

const names = new Set(commands.map(({ name }) => name));
const placement = new Set(['--node', '--selector']);

/** The key of a command of quarry in the table: its name and its options; undefined for other programs. */
export function quarryKey({ line }: GuideCommand): string | undefined {
  const words = quarryWords(line);
  if (words === undefined) return undefined;
  const start = words.findIndex((word, index) => !word.startsWith('-') && !words[index - 1]?.startsWith('--'));
  const rest = words.slice(Math.max(start, 0));
  const name = [rest.slice(0, 2).join(' '), rest[0] ?? ''].find((each) => names.has(each)) ?? rest[0] ?? '';
  const role = name === 'check' ? rest.slice(1, 2) : [];
  const options = rest.filter((word) => word.startsWith('-') && !placement.has(word)).toSorted();
  return [name, ...role, ...options].join(' ');
}
