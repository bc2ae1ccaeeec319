import { describe, expect, it } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import { startDriver } from '../support/driver.ts';
import { startApart } from '../support/fleet.ts';
import { useGuest } from '../support/guest.ts';
import { missingCapability, readSpecs } from './specs.ts';

const MiB = 2 ** 20;

const pools = `
  - name: fast
    volumeGroup: quarry-fast
    type: thin
    disks: { paths: ["/dev/ubd[a-z]"] }
    approve: automatic
    thin: { share: 50%, overprovision: 2 }
    budget: { writeBandwidth: 100Mi }
`;

const combinations = [
  { access: 'mount', type: 'thin' },
  { access: 'mount', type: 'thick' },
  { access: 'block', type: 'thin' },
  { access: 'block', type: 'thick' },
];

const arrangements = [
  {
    arrangement: 'one process',
    encrypted: [],
    endpoints: ['-csi.endpoint=unix:///run/quarry/csi.sock'],
    start: (guest: Guest) => startDriver(guest, { pools }),
  },
  {
    arrangement: 'node and controller apart',
    encrypted: ['mount thin', 'block thick'],
    endpoints: ['-csi.endpoint=unix:///run/quarry/csi.sock', '-csi.controllerendpoint=unix:///run/controller/csi.sock'],
    start: (guest: Guest) => startApart(guest, pools),
  },
];

describe.each(arrangements)('csi-sanity 5.6.0, $arrangement', ({ arrangement, encrypted, endpoints, start }) => {
  const guest = useGuest({ disks: ['40G', '40G'] });
  let started: Promise<unknown> | undefined;

  const isEncrypted = (name: string) => encrypted.some((one) => one === name);
  it.each(
    combinations.map(({ access, type }) => ({
      access,
      type,
      kind: isEncrypted(`${access} ${type}`) ? 'encrypted' : 'plain',
    })),
  )(
    'passes with $access access to $kind $type volumes, and skips only specs of PUBLISH_UNPUBLISH_VOLUME',
    async ({ access, type, kind }) => {
      await (started ??= start(guest()));
      // csi-sanity expects a volume from a source at once: a copy of a thick one must not take longer than CreateVolume waits.
      const size = type === 'thick' ? 128 * MiB : 1024 * MiB;
      const folder = `/tmp/sanity-${access}-${type}`;
      const encryption = kind === 'encrypted' ? ', encryption: luks2, encryptionMemory: 4Mi' : '';
      await guest().shell(`mkdir ${folder}; echo '{ type: ${type}${encryption} }' > ${folder}/parameters.yaml
      echo 'NodeStageVolumeSecret: { passphrase: correct horse }' > ${folder}/secrets.yaml
      printf 'readIops: "500"\nreservedWriteBandwidth: 1Mi\n' > ${folder}/mutable.yaml`);
      const argv = [
        '/tools/csi-sanity',
        ...endpoints,
        `-csi.testvolumeaccesstype=${access}`,
        `-csi.testvolumesize=${size}`,
        `-csi.testvolumeexpandsize=${2 * size}`,
        `-csi.testvolumeparameters=${folder}/parameters.yaml`,
        `-csi.testvolumemutableparameters=${folder}/mutable.yaml`,
        ...(kind === 'encrypted' ? [`-csi.secrets=${folder}/secrets.yaml`] : []),
        `-csi.mountdir=${folder}/mount`,
        `-csi.stagingdir=${folder}/staging`,
        `--ginkgo.json-report=${folder}/report.json`,
        '--ginkgo.no-color',
      ];
      const run = await guest().exec(argv, { timeout: 280_000 });
      const specs = readSpecs(await guest().shell(`cat ${folder}/report.json`));
      const inState = (state: string) => specs.filter((spec) => spec.state === state);
      const unexplained = inState('skipped').filter((spec) => missingCapability(spec) === undefined);

      expect(inState('failed').map(({ name, failure }) => `${name}: ${failure}`)).toEqual([]);
      expect(unexplained.map(({ name }) => name)).toEqual([]);
      expect(run.exitCode, run.stdout).toBe(0);
      expect(inState('passed').length).toBeGreaterThanOrEqual(57);
      expect(
        await guest().shell(
          "lvs --noheadings -S lv_role!=private -o lv_tags | grep -cE 'quarry.role=(volume|snapshot)' || true",
        ),
      ).toBe('0\n');
      console.log(summary(`${arrangement}, ${access}`, `${kind} ${type}`, specs));
    },
    300_000,
  );
});

function summary(title: string, type: string, specs: ReturnType<typeof readSpecs>): string {
  const skipped = specs.filter(({ state }) => state === 'skipped');
  const lines = skipped.map((spec) => `  skipped for want of ${missingCapability(spec)}: ${spec.name}`);
  const pending = specs
    .filter(({ state }) => state === 'pending')
    .map(({ name }) => `  pending in csi-sanity itself: ${name}`);
  const passed = specs.filter(({ state }) => state === 'passed').length;
  return [
    `csi-sanity, ${title}, ${type}: ${passed} passed, ${skipped.length} skipped`,
    ...lines.sort(),
    ...pending,
  ].join('\n');
}
