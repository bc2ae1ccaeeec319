import { command, listing, named, output, watch, word } from '../../cli/command.ts';
import { leavingRows, nodeRows, poolRows, snapshotRows, volumeRows } from './rows.ts';

const failsWhen = 'no controller answers on the socket';
const node = named('only those of this node', 'NODE');
const pool = named('only those of the pools with this name', 'POOL');
const namespace = named('only those whose claim is in this namespace', 'NAMESPACE');

export const status = command({
  name: 'status',
  summary: 'Show the nodes, their pools, and all that needs attention',
  details:
    "As the nodes last reported. A bar shows how much of a pool's data, metadata and reservable rates is in use: of a thick pool, how much logical volumes have; of the rates, the one of which most is reserved.",
  where: 'controller',
  options: { output, watch },
  failsWhen,
  examples: [
    { line: 'quarry status', does: 'shows the fleet' },
    { line: 'quarry status --watch', does: 'shows it again every two seconds' },
    { line: "quarry status -o json | jq -r '.attention[].message'", does: 'lists what needs attention' },
  ],
  run: async (given, terminal) => (await import('./status.ts')).showStatus(given, terminal),
});

export const listNodes = listing({
  name: 'nodes',
  summary: 'List the nodes that have connected to the controller',
  where: 'controller',
  rows: nodeRows,
  failsWhen,
  examples: [{ line: 'quarry nodes', does: 'lists them with the room of their pools' }],
  run: async (given, terminal) => (await import('./requests.ts')).listNodes(given, terminal),
});

export const drain = listing({
  name: 'nodes drain',
  summary: 'Show which volumes stay on a node when its pods leave it',
  details: 'It changes nothing. `kubectl drain` evicts the pods; those with a claim on the node wait until it is back.',
  where: 'controller',
  arguments: { node: word('the node') },
  rows: leavingRows,
  failsWhen: 'no controller answers, the node is not known, or the claims cannot be read',
  examples: [{ line: 'quarry nodes drain node-1', does: 'shows whose volumes stay' }],
  run: async (given, terminal) => (await import('./leaving.ts')).drainNode(given, terminal),
});

export const forget = listing({
  name: 'nodes forget',
  summary: 'Show which volumes are lost if a node never comes back, and what to delete',
  details:
    'It changes nothing. The volumes are those of the last report of the node, and those whose claims are bound to a volume that the node has made.',
  where: 'controller',
  arguments: { node: word('the node') },
  rows: leavingRows,
  failsWhen: 'no controller answers, the node is connected or not known, or the claims cannot be read',
  examples: [
    { line: 'quarry nodes forget node-1', does: 'shows what is lost with it' },
    { line: "quarry nodes forget node-1 -o json | jq -r '.items[].next // empty'", does: 'prints the commands' },
  ],
  run: async (given, terminal) => (await import('./leaving.ts')).forgetNode(given, terminal),
});

export const listPools = listing({
  name: 'pools',
  summary: 'List the pools of all nodes',
  where: 'controller',
  options: { node, pool },
  rows: poolRows,
  failsWhen,
  examples: [
    { line: 'quarry pools --node node-1', does: 'lists the pools of one node' },
    { line: 'quarry pools -o wide', does: 'shows volume groups, promised bytes and reserved rates, too' },
  ],
  run: async (given, terminal) => (await import('./requests.ts')).listPools(given, terminal),
});

export const listVolumes = listing({
  name: 'volumes',
  summary: 'List the volumes of all nodes, with their claims',
  where: 'controller',
  options: { node, pool, namespace },
  rows: volumeRows,
  failsWhen,
  examples: [
    { line: 'quarry volumes --namespace databases', does: 'lists the volumes of these claims' },
    {
      line: "quarry volumes -o json | jq '.items[] | select(.conditions != [])'",
      does: 'the volumes that are not well',
    },
  ],
  run: async (given, terminal) => (await import('./requests.ts')).listVolumes(given, terminal),
});

export const listSnapshots = listing({
  name: 'snapshots',
  summary: 'List the snapshots of all nodes, with the claims of their volumes',
  where: 'controller',
  options: { node, pool, namespace },
  rows: snapshotRows,
  failsWhen,
  examples: [{ line: 'quarry snapshots --node node-1', does: 'lists the snapshots of one node' }],
  run: async (given, terminal) => (await import('./requests.ts')).listSnapshots(given, terminal),
});
