import { expect, test } from 'vitest';
import { prepareSuite } from '../../lab/kubernetes/suite.ts';
import { performRun } from '../e2e/perform.ts';
import { useCluster } from '../support/cluster.ts';

const site = useCluster('conformance');

/** One of each kind of Kubernetes' own tests; `npm run test:e2e` runs them all. */
const SPECS = [
  'Dynamic PV \\(default fs\\)\\] provisioning should provision storage with mount options',
  'Dynamic PV \\(xfs\\)\\] .*volumes should store data',
  'Dynamic PV \\(block volmode\\)\\] volumeMode should not mount / map unused volumes',
  'Dynamic PV \\(default fs\\)\\] subPath should be able to unmount after the subpath directory is deleted',
  'Dynamic PV \\(default fs\\)\\(allowExpansion\\)\\] volume-expand should resize volume when PVC is edited while pod is using it',
  'Dynamic PV \\(default fs\\)\\] fsgroupchangepolicy \\(Always\\).*, pod created with an initial fsgroup, new pod fsgroup applied',
  'Dynamic PV \\(block volmode\\)\\] multiVolume .*should concurrently access the single read-only volume from pods on the same node',
  'Generic Ephemeral-volume \\(block volmode\\) \\(late-binding\\)\\] ephemeral should create read/write inline ephemeral volume',
  'Dynamic PV \\(default fs\\)\\] read-write-once-pod .*should block a second pod from using an in-use ReadWriteOncePod volume on the same node',
  'Dynamic PV \\(default fs\\)\\] capacity provides storage capacity information',
  'delayed binding\\)\\] topology should provision a volume and schedule a pod with AllowedTopologies',
  'Dynamic PV \\(default fs\\)\\] volume-modify .*should modify volume that already has a VAC',
];

test("one of each kind of Kubernetes' own storage tests passes", async () => {
  const { cluster } = site();
  await prepareSuite(cluster);
  const run = { name: 'conformance', storageClass: 'test/e2e/class-thin.yaml', focus: SPECS };
  const specs = await performRun(cluster, run, { phases: [{ labels: '!Disruptive', processes: 6 }] });
  expect(specs.map(({ suite, name, outcome, reason }) => [suite, name, outcome, reason])).toEqual(
    specs.map(({ suite, name }) => [suite, name, 'passed', '']),
  );
  expect(specs).toHaveLength(SPECS.length);
}, 600_000);
