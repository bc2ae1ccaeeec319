import { command, flag, named, word } from '../../cli/command.ts';

export const recover = command({
  name: 'recover',
  summary: 'Write the PersistentVolumes again that are lost with etcd, from the tags of the volumes',
  details:
    'With the configuration of a controller, it asks the controller for the volumes of all its nodes, and leaves out those that have a PersistentVolume. With that of a node, it reads the LVM of this machine, and needs no driver. The objects are printed as YAML unless `--apply` is given. Each is as it was when a controller last recorded it on the volume; what is not recorded is said on stderr. Snapshots are not recovered.',
  where: 'here',
  options: {
    node: named('only the volumes of this node', 'NODE'),
    claims: flag('their PersistentVolumeClaims, too'),
    apply: flag('create the objects with the rights of the controller; existing ones are left as they are'),
  },
  failsWhen: 'no controller answers, or an object could not be created',
  examples: [
    { line: 'quarry recover --claims', does: 'prints the objects' },
    {
      line: 'kubectl exec -n quarry deploy/quarry-controller -c quarry -- quarry recover --claims | kubectl apply -f -',
      does: 'creates them with your own rights',
    },
    { line: 'quarry recover --apply', does: 'creates the PersistentVolumes; run it twice, and nothing changes' },
  ],
  run: async (given, terminal) => (await import('./recover.ts')).recoverVolumes(given, terminal),
});

export const adopt = command({
  name: 'adopt',
  summary: 'Make a logical volume of TopoLVM, of OpenEBS or of your own a volume, without copying it',
  details:
    'The logical volume is in the volume group of a pool. `--apply` gives it its tags, in one transaction of LVM; without, nothing is changed. The PersistentVolume and the claim are printed as YAML. With the PersistentVolume that it has now, the new one has the same claim, class and modes, and the old one, which must be retained, stays. Run the command again, and it only prints.',
  where: 'here',
  arguments: { volume: word('the logical volume: VG/LV') },
  options: {
    persistentVolume: {
      ...named('the PersistentVolume that it has now, as `kubectl get pv NAME -o yaml` prints it', 'FILE'),
      file: true,
    },
    name: {
      ...named('name of the new PersistentVolume', 'NAME'),
      fallback: 'that of the old one with -quarry, or that of the logical volume',
    },
    apply: flag('write the tags'),
  },
  failsWhen: 'the logical volume cannot be adopted; every reason is named',
  examples: [
    { line: 'quarry adopt vg0/data', does: 'shows what a logical volume of your own would become' },
    {
      line: 'kubectl get pv pvc-0a1b -o yaml | quarry adopt lvmvg/pvc-0a1b --persistent-volume /dev/stdin --apply',
      does: 'adopts one of OpenEBS, on its node',
    },
  ],
  run: async (given, terminal) => (await import('./adopt.ts')).adopt(given, terminal),
});
