import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import type { Cluster } from '../../lab/kubernetes/cluster.ts';

const capacityColumns = 'CLASS:.storageClassName,NODE:.nodeTopology.matchLabels,LARGEST:.maximumVolumeSize';

/** Details for a failed test: capacity objects, and each node's volumes, mounts and latest errors. */
export async function clusterReport({ kubectl, workers }: Cluster): Promise<string> {
  const output = `custom-columns=${capacityColumns}`;
  const capacities = await kubectl
    .within(NAMESPACE)
    .try(['get', 'csistoragecapacities.storage.k8s.io', `--output=${output}`]);
  const nodes = workers.map(async ({ name, guest }) => `── ${name}\n${await guest.shell(NODE_REPORT)}`);
  return [capacities.stdout, ...(await Promise.all(nodes))].join('\n');
}

const NODE_REPORT = `
date --utc
timeout 20 lvs -a -o lv_name,vg_name,lv_attr,lv_size,data_percent,lv_health_status || true
grep -o '/var/lib/kubelet/plugins/kubernetes.io/csi/[^ ]*' /proc/self/mounts || true
tail -q -n 300 /var/log/pods/*/quarry/*.log | sort | sed 's/^[^{]*//' | grep -v '"level":\\(10\\|20\\)' | cut -c1-300 | tail -n 25
grep '^[EW].*csi' /data/kubelet.log | cut -c1-400 | tail -n 10 || true
`;
