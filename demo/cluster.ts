import { status } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Process } from '../lab/process.ts';
import type { CsiClient } from '../test/support/csi-client.ts';
import { untilDone } from '../test/support/driver.ts';
import { type LabFleet, type Member, openFleet } from '../test/support/fleet.ts';
import type { Scene } from './scene.ts';
import { Teller } from './telling.ts';

const pools = `
  - name: fast
    volumeGroup: quarry-fast
    type: thick
    disks: { paths: ["/dev/ubd[a-z]"] }
    approve: automatic`;

const MiB = 1024 * 1024;
const mount = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const [staging, target] = ['/staging/db', '/pods/db'];
const writer = `for ((i = 1; ; i++)); do
  printf 'line %06d\\n' $i | dd of=${target}/journal oflag=append conv=notrunc,fsync status=none; echo $i; sleep 0.05
done`;

/** Two nodes and two controllers create and delete volumes while one of each is killed. */
export async function showCluster(scene: Scene, onSource: (source: { readonly log: string }) => void): Promise<void> {
  scene.title('Quarry', 'two nodes with disks and two controllers without, in one network of virtual machines');
  await using fleet = await openFleet(2, pools);
  const all = [...fleet.controllers, ...fleet.nodes.map(({ driver }) => driver)];
  onSource({
    get log() {
      return all.map((each) => each.log()).join('\n');
    },
  });
  await new Story(fleet, scene).tell();
}

const segment = (node: string) => ({ segments: { 'topology.lvm.quarry.csi/node': node } });

function wish(name: string, node: string) {
  const accessibilityRequirements = { requisite: [segment(node)], preferred: [segment(node)] };
  return {
    name,
    capacityRange: { requiredBytes: String(64 * MiB) },
    volumeCapabilities: [mount],
    accessibilityRequirements,
  };
}

class Story {
  readonly #fleet: LabFleet;
  readonly #scene: Scene;
  readonly #teller: Teller;
  readonly #one: CsiClient;
  readonly #two: CsiClient;
  readonly #home: Member;
  readonly #away: Member;

  constructor(fleet: LabFleet, scene: Scene) {
    this.#fleet = fleet;
    this.#scene = scene;
    this.#teller = new Teller(scene);
    [this.#one, this.#two] = [fleet.controllers[0].client, fleet.controllers[1].client];
    const [home, away] = fleet.nodes;
    if (!home || !away) throw new Error('two nodes are needed');
    [this.#home, this.#away] = [home, away];
  }

  async tell(): Promise<void> {
    const before = await this.#attach();
    const writing = await this.#use();
    await this.#killController(writing);
    await this.#killNode(writing);
    await this.#heal();
    await this.#remove(writing, before);
  }

  async #attach(): Promise<string[]> {
    this.#scene.chapter('Each node takes its disk, and dials every controller');
    await Promise.all(this.#fleet.nodes.map(({ driver }) => driver.ready()));
    await this.#whole();
    for (const [index, client] of [this.#one, this.#two].entries()) {
      const asked = { accessibleTopology: segment(`node-${index + 1}`) };
      this.#scene.say(`controller-${index + 1}:`);
      await this.#teller.call('GetCapacity', asked, (message) => client.controller.getCapacity(message));
    }
    const [seen, also] = await Promise.all([this.#one, this.#two].map((client) => this.#capacities(client)));
    this.#teller.claim('both controllers know both nodes, and none of them has a disk', String(seen) === String(also));
    return seen ?? [];
  }

  async #use(): Promise<Process> {
    this.#scene.chapter('A volume is created through one of them, and used on its node');
    const request = wish('pvc-db', 'node-1');
    const send = (message: typeof request) => this.#one.controller.createVolume(message);
    const { volume } = await this.#teller.call('CreateVolume', request, send);
    const again = await this.#two.controller.createVolume(request);
    const same = again.volume?.volumeId === volume?.volumeId;
    this.#teller.claim('asked for the same name, the other controller answers with the same volume', same);
    const { guest, driver } = this.#home;
    await guest.shell(`mkdir -p ${staging} /pods`);
    const staged = { volumeId: 'node-1:pvc-db', stagingTargetPath: staging, volumeCapability: mount };
    const { node } = driver.client;
    await this.#teller.call('NodeStageVolume', staged, (message) => node.nodeStageVolume(message));
    const published = { ...staged, targetPath: target };
    await this.#teller.call('NodePublishVolume', published, (message) => node.nodePublishVolume(message));
    const process = await guest.start(['bash', '-c', writer]);
    await process.stdout.waitFor('1');
    this.#teller.claim('a program writes to it, line by line, each forced to the disk', true);
    return process;
  }

  async #killController(writing: Process): Promise<void> {
    this.#scene.chapter('kill -9 of a controller in the middle of eight creations');
    const lines = written(writing);
    const names = Array.from({ length: 8 }, (_, index) => ({ name: `pvc-${index}`, node: `node-${(index % 2) + 1}` }));
    const begun = names.map(({ name, node }) => this.#one.controller.createVolume(wish(name, node)));
    const ends = Promise.allSettled(begun);
    await Promise.race(begun);
    await this.#fleet.controllers[0].kill();
    const failed = (await ends).filter((end) => end.status === 'rejected').length;
    this.#scene.say(`${8 - failed} were acknowledged before it died; the outcome of ${failed} is unknown.`);
    this.#scene.say('All eight are requested from controller-2, as by a new leader:');
    const made = await Promise.all(
      names.map(({ name, node }) => untilDone(() => this.#two.controller.createVolume(wish(name, node)))),
    );
    this.#scene.say(made.map(({ volume }) => volume?.volumeId).join('  '));
    const found = (await Promise.all([this.#home, this.#away].map(volumesOf))).flat().sort();
    const expected = [...names.map(({ name }) => name), 'pvc-db'].sort();
    this.#teller.claim('LVM has each of them once', String(found) === String(expected), found);
    this.#teller.claim('the program continued to write', written(writing) > lines);
    await this.#fleet.controllers[0].launch();
  }

  async #killNode(writing: Process): Promise<void> {
    this.#scene.chapter('Power cut at node-2, in the middle of a creation');
    await this.#whole();
    const request = wish('pvc-late', 'node-2');
    const call = this.#two.controller.createVolume(request);
    await this.#away.guest.powerCut();
    const why = await this.#teller.refused('CreateVolume', status.UNAVAILABLE, request, () => call);
    this.#teller.claim('the outcome is unknown, and so is the answer', /node-2/.test(why), why);
    const gone = { volumeId: 'node-2:pvc-1' };
    const remove = () => this.#two.controller.deleteVolume(gone);
    await this.#teller.refused('DeleteVolume', status.UNAVAILABLE, gone, remove);
    const { entries } = await this.#two.controller.listVolumes({});
    const listed = entries.some(({ volume }) => volume?.volumeId === gone.volumeId);
    this.#teller.claim('its volumes are still listed: disconnected is not gone', listed);
    const [, room] = await this.#capacities(this.#two);
    this.#teller.claim('it offers no capacity, so that pods go elsewhere', room === '0', room);
    const lines = written(writing);
    await this.#two.controller.createVolume(wish('pvc-more', 'node-1'));
    this.#teller.claim('node-1 makes volumes as before', (await volumesOf(this.#home)).includes('pvc-more'));
    await this.#until(async () => written(writing) > lines);
    this.#teller.claim('and its program writes', true);
  }

  async #heal(): Promise<void> {
    this.#scene.chapter('node-2 boots, and the same creation is requested again');
    await this.#away.guest.boot();
    await this.#away.driver.launch();
    await this.#away.driver.ready();
    await this.#whole();
    const request = wish('pvc-late', 'node-2');
    await this.#teller.call('CreateVolume', request, (message) =>
      untilDone(() => this.#one.controller.createVolume(message)),
    );
    const found = (await volumesOf(this.#away)).sort();
    const expected = ['pvc-1', 'pvc-3', 'pvc-5', 'pvc-7', 'pvc-late'];
    this.#teller.claim('it has the acknowledged volumes, and pvc-late once', String(found) === String(expected), found);
  }

  async #remove(writing: Process, before: readonly string[]): Promise<void> {
    this.#scene.chapter('The program stops; everything is deleted through either controller');
    writing.kill('SIGKILL');
    await writing.exited;
    const lines = Number(await this.#home.guest.shell(`wc -l < ${target}/journal`));
    const acknowledged = written(writing);
    this.#teller.claim(`all ${acknowledged} acknowledged lines are there`, lines >= acknowledged, lines);
    const { node } = this.#home.driver.client;
    await node.nodeUnpublishVolume({ volumeId: 'node-1:pvc-db', targetPath: target });
    await node.nodeUnstageVolume({ volumeId: 'node-1:pvc-db', stagingTargetPath: staging });
    const { entries } = await this.#one.controller.listVolumes({});
    for (const [index, { volume }] of entries.entries()) {
      const client = index % 2 === 0 ? this.#one : this.#two;
      await client.controller.deleteVolume({ volumeId: volume?.volumeId ?? '' });
    }
    const left = (await Promise.all([this.#home, this.#away].map(volumesOf))).flat();
    this.#teller.claim(`${entries.length} volumes deleted, none is left`, left.length === 0, left);
    await this.#until(async () => String(await this.#capacities(this.#one)) === String(before));
    this.#teller.claim('the capacity is what it was', true);
  }

  /** The capacity of both nodes, according to a controller. */
  #capacities({ controller }: CsiClient): Promise<string[]> {
    const ask = async (node: string) =>
      (await controller.getCapacity({ accessibleTopology: segment(node) })).availableCapacity;
    return Promise.all(this.#fleet.nodes.map(({ name }) => ask(name)));
  }

  #whole(): Promise<void> {
    return this.#until(async () => {
      const all = await Promise.all([this.#one, this.#two].map((client) => this.#capacities(client)));
      return all.flat().every((bytes) => bytes !== '0');
    });
  }

  async #until(so: () => Promise<boolean>): Promise<void> {
    const started = performance.now();
    while (!(await so())) {
      this.#teller.check(
        performance.now() - started < 60_000,
        'the cluster did not reach the expected state within a minute',
      );
      await sleep(100);
    }
  }
}

/** The number of lines that were acknowledged to the program. */
function written({ stdout }: Process): number {
  return Number(stdout.text.trimEnd().split('\n').at(-1) ?? 0);
}

/** The volumes in LVM, by CSI name. */
async function volumesOf({ guest }: Member): Promise<string[]> {
  const rows = (await guest.shell('lvs --noheadings -o lv_name,lv_tags')).split('\n');
  return rows.filter((row) => row.includes('quarry.role=volume')).map((row) => row.trim().split(' ')[0] ?? '');
}
