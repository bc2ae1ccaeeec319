import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isFailure } from '../../src/domain/errors.ts';
import type { NodeName } from '../../src/domain/ids.ts';
import { encode } from '../../src/grpc/load.ts';
import { createRandom, type Random } from '../storm/random.ts';
import { type Answer, Caller } from './caller.ts';
import type { HostileController } from './hostile-controller.ts';
import { HostileNode } from './hostile-node.ts';
import { anyHttp, sendHttp } from './http.ts';
import { isFar, problemOf } from './judge.ts';
import { type Effect, effectsOf, Model } from './model.ts';
import { allMethods, fieldsOf, type Method, plan, type Planned } from './requests.ts';
import { evil, ids, victim } from './subjects.ts';
import { furnish } from './node.ts';
import { nodeCertificate, type Target } from './target.ts';
import { framed } from './wire.ts';

/** Requests at the same time. */
const together = 32;

/** Calls, messages and answers by their kinds. */
interface Tally {
  readonly counts: Record<string, number>;
  /** By call and code. */
  readonly codes: Map<string, number>;
}

export interface Played {
  readonly seed: number;
  /** Milliseconds after which a call counts as not answered. */
  readonly patience?: number;
}

const defaultPatience = 60_000;

/** Rounds of hostile requests to a driver in memory, and what each of them left. */
export class Fuzz implements Disposable {
  readonly tally: Tally = { counts: {}, codes: new Map() };
  readonly findings: string[] = [];
  readonly #target: Target;
  readonly #seed: number;
  readonly #methods: readonly Method[] = allMethods();
  readonly #model = new Model();
  /** Names of volumes that were to be made on any node: the driver asks about them where it has sent them. */
  readonly #strayed = new Set<string>();
  readonly #csi: Caller;
  readonly #registration: Caller;
  readonly #falseController: HostileController;
  readonly #falseNode: HostileNode;
  #files: readonly string[] = [];

  constructor(target: Target, falseController: HostileController, { seed, patience = defaultPatience }: Played) {
    this.#target = target;
    this.#seed = seed;
    this.#csi = new Caller(target.socket, patience);
    this.#registration = new Caller(target.registration, patience);
    this.#falseController = falseController;
    const { port, authority } = target;
    this.#falseNode = new HostileNode(port, nodeCertificate(authority, evil), authority.certificate);
    subscribe('child_process', this.#started);
  }

  [Symbol.dispose](): void {
    unsubscribe('child_process', this.#started);
    this.#csi.close();
    this.#registration.close();
    this.#falseNode.close();
    this.#falseController.stop();
  }

  readonly #started = (): void => void this.findings.push('a program was started');

  /** All calls and messages so far. */
  get requests(): number {
    return Object.values(this.tally.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when the node serves its controller. */
  async prepare(): Promise<void> {
    while (this.#separation() !== undefined) await delay(5);
    await this.#furnish();
    this.#files = await this.#listFiles();
  }

  /** Makes what the requests are about; what hostile calls have deleted is made again. */
  async #furnish(): Promise<void> {
    const before = this.#present();
    await furnish(this.#target.node).catch((error: unknown) => {
      if (!isFailure(error)) throw error;
    });
    this.#model.apply([...this.#present().difference(before)].map((thing) => ({ thing, exists: 'there' })));
  }

  async play(round: number): Promise<void> {
    if (round % 50 === 49) await this.#furnish();
    const random = createRandom(this.#seed, round);
    const planned = Array.from({ length: together }, () => plan(this.#methods, random));
    const streams = this.#playStreams(round, random);
    const answers = await Promise.all(planned.map((one) => this.#send(one)));
    for (const one of planned) if (nameIn(one) !== '' && isFar(one)) this.#strayed.add(nameIn(one));
    const effects = planned.flatMap((one, index) => this.#judge(one, answers[index]));
    this.#model.apply([...effects, ...(await streams)]);
    this.#compare();
    if (round % 50 === 0) await this.#lookAround();
  }

  #count(kind: string, more = 1): void {
    this.tally.counts[kind] = (this.tally.counts[kind] ?? 0) + more;
  }

  /** The streams of the fleet in both directions, and the HTTP port. New streams are few: a TLS handshake costs as much as twenty calls. */
  async #playStreams(round: number, random: Random): Promise<Effect[]> {
    const effects = this.#falseController.play(random, round % 8 === 7);
    if (round % 4 === 0) {
      await this.#falseNode.play(random);
      this.#count('HTTP requests');
      const problem = await sendHttp(this.#target.metricsPort, anyHttp(random));
      if (problem !== undefined) this.findings.push(problem);
    }
    return effects;
  }

  /** Why the victim does not serve its own controller; it has to, whatever the hostile one has asked it for. */
  #separation(): string | undefined {
    const member = this.#target.controller.fleet.member(victim as NodeName);
    if (!member?.connected) return `the node is not connected to its own controller: ${member?.apart ?? 'no reason'}`;
    return member.apart;
  }

  #send(planned: Planned): Promise<Answer> {
    this.#count(planned.kind);
    const { path } = planned.method;
    const caller = path.startsWith('/pluginregistration') ? this.#registration : this.#csi;
    return caller.send({ path, ...planned });
  }

  #judge(planned: Planned, answer: Answer | undefined): Effect[] {
    if (!answer) return [];
    const { method, fields: request } = planned;
    const far = isFar(planned) || this.#strayed.has(nameIn(planned));
    const problem = problemOf(planned, answer, far);
    if (problem !== undefined) this.findings.push(problem);
    // It may be served all the same, as some servers do.
    if (planned.broken) return effectsOf({ path: method.path, request, code: 'none', reply: undefined });
    const key = `${method.path} ${answer.code}`;
    this.tally.codes.set(key, (this.tally.codes.get(key) ?? 0) + 1);
    const reply = answer.code === 'OK' ? fieldsOf(method.response, answer.bytes.subarray(5)) : undefined;
    return effectsOf({ path: method.path, request, code: answer.code, reply });
  }

  #present(): Set<string> {
    const { storage, machine } = this.#target.node;
    return new Set([
      ...[...storage.volumes.keys()].map((id) => `volume ${id}`),
      ...[...storage.snapshots.all.values()].map(({ id, memberOf }) =>
        memberOf ? `group ${memberOf.id}` : `snapshot ${id}`,
      ),
      ...machine.table.map((mount) => `mount ${mount.target}`),
    ]);
  }

  #compare(): void {
    const { machine } = this.#target.node;
    this.findings.push(...this.#model.compare(this.#present()), ...this.#target.errors.splice(0));
    for (const [kind, peer] of [
      ['messages to a node', this.#falseController],
      ['messages to a controller', this.#falseNode],
    ] as const) {
      this.findings.push(...peer.findings.splice(0));
      this.#count(kind, peer.messages);
      peer.messages = 0;
    }
    const separation = this.#separation();
    if (separation !== undefined) this.findings.push(separation);
    machine.changes.length = 0;
    machine.settled.length = 0;
  }

  /** Takes down what is left, as kubelet and the provisioner do: each call must succeed. */
  async finish(): Promise<void> {
    const { storage, machine } = this.#target.node;
    const [volumeId = ''] = ids;
    for (const { target } of machine.table.toReversed()) {
      await this.#must('/csi.v1.Node/NodeUnpublishVolume', { volumeId, targetPath: target });
    }
    const remove = (id: string) => this.#must('/csi.v1.Controller/DeleteVolume', { volumeId: id });
    // A copy holds its source, and a thick snapshot its volume.
    for (const { id, state } of storage.volumes.values()) if (state === 'copying') await remove(id);
    for (const { id, memberOf } of storage.snapshots.all.values()) {
      const groupSnapshotId = memberOf?.id;
      if (memberOf) await this.#must('/csi.v1.GroupController/DeleteVolumeGroupSnapshot', { groupSnapshotId });
      else await this.#must('/csi.v1.Controller/DeleteSnapshot', { snapshotId: id });
    }
    for (const id of storage.volumes.keys()) await remove(id);
    this.findings.push(...[...this.#present()].map((thing) => `${thing} is left at the end`));
    await this.#lookAround();
  }

  async #must(path: string, request: object): Promise<void> {
    const method = this.#methods.find((one) => one.path === path);
    if (!method) throw new Error(`there is no ${path}`);
    const { code, message } = await this.#csi.send({ path, bytes: framed(encode(method.request, request)) });
    if (code !== 'OK') this.findings.push(`${path} ${JSON.stringify(request)} answers ${code}: ${message}`);
  }

  /** The driver lives and answers, and has made no file. */
  async #lookAround(): Promise<void> {
    const { code } = await this.#csi.send({ path: '/csi.v1.Identity/Probe', bytes: Buffer.alloc(5) });
    if (code !== 'OK') this.findings.push(`Probe answers ${code}`);
    const files = await this.#listFiles();
    if (files.join() !== this.#files.join()) this.findings.push(`files have changed: ${files.join(', ')}`);
    await this.#target.tidy();
  }

  async #listFiles(): Promise<string[]> {
    const lists = await Promise.all([this.#target.folder, process.cwd(), '/'].map((folder) => readdir(folder)));
    return lists.flat().sort();
  }
}

/** Of the volume that is to be made; empty for any other call. */
function nameIn({ method, fields }: Planned): string {
  const name = method.path.endsWith('/CreateVolume') ? fields?.['name'] : undefined;
  return typeof name === 'string' ? name : '';
}
