import { type Luks2, luksHeader, type OpenOption } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import { notFound } from '../../exec/installed.ts';
import type { Run, RunResult } from '../../exec/run.ts';
import type { Passphrases } from './passphrases.ts';

/** Milliseconds: the memory of argon2 may have to be taken from others first. */
const deadline = 120_000;
/** Seconds to wait for a program that changes the header and outlived an earlier driver. */
const lockWait = '60';

/** How cryptsetup ends. */
const [success, noHeader, noKey, busy] = [0, 1, 2, 5];

export interface CryptsetupOptions {
  readonly run: Run;
  /** The command line of a program in the namespaces of LVM. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
}

/** The programs of cryptsetup. Passphrases go to stdin. No method takes a signal: one that is cut off would leave its work half done. */
export interface Cryptsetup {
  /** Makes the header, over any other. With integrity, no block of the content can be read before it is written. */
  format(device: string, encryption: Luks2, uuid: string, passphrase: string): Promise<void>;
  /** Throws `unavailable` for a device without header. */
  keysOf(device: string): Promise<KeySlots>;
  /** The slot that the passphrase opens; `undefined`: it opens none. */
  slotOf(device: string, passphrase: string): Promise<string | undefined>;
  /** False: the passphrase opens nothing. Without `target` it is only tried. */
  open(device: string, passphrase: string, target: OpenTarget | undefined): Promise<boolean>;
  /** Adds `current` by means of `previous`; false: that one opens nothing. */
  addKey(device: string, encryption: Luks2, passphrases: Required<Passphrases>): Promise<boolean>;
  /** Marks a slot that is to be removed, in the header. */
  markLeaving(device: string, slot: string): Promise<void>;
  /** Removes a slot by means of a passphrase that opens another one. */
  killSlot(device: string, slot: string, passphrase: string): Promise<void>;
  removeMark(device: string, token: string): Promise<void>;
  /** Makes every passphrase open nothing any more. Succeeds also for a device without header. */
  destroyKeys(device: string): Promise<void>;
  resize(name: string): Promise<void>;
  /** Throws `unavailable` while something uses the device. */
  close(name: string): Promise<void>;
}

/** The key slots of a header, each with a passphrase of its own. */
export interface KeySlots {
  readonly slots: readonly string[];
  /** The marks of slots that are to be removed. The slots of a mark may be gone. */
  readonly leaving: readonly { readonly token: string; readonly slots: readonly string[] }[];
}

/** The type of the tokens that mark slots. */
const leavingMark = 'quarry-leaving';

/** The device to open. */
export interface OpenTarget {
  readonly name: string;
  readonly encryption: Luks2;
  /** Of a volume with integrity: a power cut may leave blocks that cannot be read. */
  readonly journal?: false;
}

/** Starts cryptsetup with these arguments and stdin. */
type Start = (argv: readonly string[], input?: string) => Promise<RunResult>;
/** The same while no other program changes the header of the device. */
type StartLocked = (device: string, argv: readonly string[], input: string) => Promise<RunResult>;

/** Runs cryptsetup in the namespaces of LVM, each program with a deadline. */
export function createCryptsetup({ run, hosted }: CryptsetupOptions): Cryptsetup {
  const start: Start = (argv, input = '') => {
    const [program, ...rest] = hosted('cryptsetup');
    return run([program, ...rest, ...argv], { deadline, input });
  };
  // A program that outlived an earlier driver must not write its header over a later one: it holds this lock until it ends.
  const locked: StartLocked = (device, argv, input) => {
    const [program, ...rest] = hosted('flock');
    const flock = [program, ...rest, '--no-fork', '--wait', lockWait, device, 'cryptsetup'] as const;
    return run([...flock, ...argv], { deadline, input });
  };
  return { ...readers(start), ...writers(locked), ...mappings(start) };
}

function readers(start: Start): Pick<Cryptsetup, 'keysOf' | 'slotOf'> {
  return {
    async keysOf(device) {
      const result = await start(['luksDump', '--dump-json-metadata', '--', device]);
      return keysIn(must(result, `the header of ${device} could not be read`).stdout);
    },
    async slotOf(device, passphrase) {
      const argv = ['open', '--type', 'luks2', '--test-passphrase', '--verbose', '--key-file', '-', '--', device];
      const result = await start(argv, passphrase);
      const problem = `the slot of a passphrase of ${device} could not be found`;
      if (!opened(result, problem)) return undefined;
      const slot = /Key slot (\d+) unlocked/.exec(result.stdout)?.[1];
      if (slot === undefined) throw new Failure('unavailable', `${problem}: cryptsetup did not name it`);
      return slot;
    },
  };
}

function writers(
  start: StartLocked,
): Pick<Cryptsetup, 'format' | 'addKey' | 'markLeaving' | 'killSlot' | 'removeMark' | 'destroyKeys'> {
  return {
    async format(device, encryption, uuid, passphrase) {
      const argv = ['luksFormat', ...formatOptions(encryption, uuid), '--key-file', '-', '--', device];
      must(await start(device, argv, passphrase), `${device} could not be encrypted`);
    },
    async addKey(device, encryption, { current, previous }) {
      const sizes = [
        ['--key-file', '-', '--keyfile-size', String(Buffer.byteLength(previous))],
        ['--new-keyfile', '-', '--new-keyfile-size', String(Buffer.byteLength(current))],
      ].flat();
      const argv = ['luksAddKey', '--batch-mode', ...derivation(encryption), ...sizes, '--', device];
      return opened(await start(device, argv, previous + current), `${device} could not get the new passphrase`);
    },
    async markLeaving(device, slot) {
      const token = JSON.stringify({ type: leavingMark, keyslots: [slot] });
      must(await start(device, ['token', 'import', '--json-file', '-', '--', device], token), keyRemains(device));
    },
    async killSlot(device, slot, passphrase) {
      const argv = ['luksKillSlot', '--key-file', '-', '--', device, slot];
      must(await start(device, argv, passphrase), keyRemains(device));
    },
    async removeMark(device, token) {
      must(await start(device, ['token', 'remove', '--token-id', token, '--', device], ''), keyRemains(device));
    },
    async destroyKeys(device) {
      const header = await start(device, ['isLuks', '--', device], '');
      if (header.exitCode === noHeader) return;
      must(header, `whether ${device} has a header could not be read`);
      must(await start(device, ['luksErase', '--batch-mode', '--', device], ''), `the keys of ${device} remain`);
    },
  };
}

function mappings(start: Start): Pick<Cryptsetup, 'open' | 'resize' | 'close'> {
  return {
    async open(device, passphrase, target) {
      const how = target ? optionsOf(target) : ['--test-passphrase'];
      const place = target ? [device, target.name] : [device];
      const argv = ['open', '--type', 'luks2', ...how, '--key-file', '-', '--', ...place];
      return opened(await start(argv, passphrase), `${device} could not be opened`);
    },
    async resize(name) {
      must(await start(['resize', '--', name]), `${name} could not be grown`);
    },
    async close(name) {
      const result = await start(['close', '--', name]);
      if (result.exitCode === busy) throw new Failure('unavailable', `/dev/mapper/${name} is busy: something uses it`);
      must(result, `${name} could not be closed`);
    },
  };
}

function formatOptions(encryption: Luks2, uuid: string): string[] {
  const { cipher, keySize } = encryption;
  const data = ['--cipher', cipher, '--key-size', String(keySize), '--sector-size', '4096'];
  // cryptsetup counts the offset of the data in sectors of 512 bytes.
  const place = ['--uuid', uuid, '--offset', String(luksHeader / 512n)];
  const { integrity } = encryption;
  // cryptsetup would write the content as a whole, without progress and deadline.
  const codes = integrity ? ['--integrity', integrity, '--integrity-no-wipe'] : [];
  return [
    '--batch-mode',
    '--type',
    'luks2',
    ...place,
    ...data,
    ...codes,
    '--hash',
    'sha256',
    ...derivation(encryption),
  ];
}

/** A fixed cost: cryptsetup would measure one, which takes longer than the derivation and depends on the load of the node. */
function derivation({ memory }: Luks2): string[] {
  const cost = ['--pbkdf-memory', String(memory / 1024n), '--pbkdf-parallel', '4', '--pbkdf-force-iterations', '4'];
  return ['--pbkdf', 'argon2id', ...cost];
}

const flags = {
  discard: '--allow-discards',
  'no-read-workqueue': '--perf-no_read_workqueue',
  'no-write-workqueue': '--perf-no_write_workqueue',
  'same-cpu-crypt': '--perf-same_cpu_crypt',
  'submit-from-crypt-cpus': '--perf-submit_from_crypt_cpus',
} as const satisfies Record<OpenOption, string>;

/** Without the kernel's keyring: a device whose key is there cannot grow without the passphrase. */
function optionsOf({ encryption, journal }: OpenTarget): string[] {
  const quick = journal === false ? ['--integrity-no-journal'] : [];
  return ['--disable-keyring', ...quick, ...encryption.options.map((option) => flags[option])];
}

function opened(result: RunResult, problem: string): boolean {
  if (result.exitCode === noKey) return false;
  must(result, problem);
  return true;
}

function must(result: RunResult, problem: string): RunResult {
  if (result.exitCode === success) return result;
  if (result.exitCode === notFound)
    throw new Failure('unavailable', `${problem}: there is no cryptsetup, so install it where LVM runs`);
  const said = result.stderr.trim().replaceAll(/\s+/g, ' ').slice(0, 600);
  throw new Failure('unavailable', `${problem}: cryptsetup ended with ${result.exitCode}: ${said}`);
}

function keysIn(json: string): KeySlots {
  const { keyslots = {}, tokens = {} } = JSON.parse(json) as {
    readonly keyslots?: object;
    readonly tokens?: Readonly<Record<string, { readonly type: string; readonly keyslots?: readonly string[] }>>;
  };
  const leaving = Object.entries(tokens).filter(([, { type }]) => type === leavingMark);
  return {
    slots: Object.keys(keyslots),
    leaving: leaving.map(([token, mark]) => ({ token, slots: mark.keyslots ?? [] })),
  };
}

function keyRemains(device: string): string {
  return `the previous passphrase of ${device} could not be removed`;
}
