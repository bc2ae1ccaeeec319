import { command, flag, named } from '../../cli/command.ts';

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
