import { messageOf } from '../../src/domain/errors.ts';
import { capabilities, MiB } from '../support/driver.ts';
import { runScript } from './run.ts';
import { type Node, stagingOf } from './node.ts';
import { create, idOf, type Operation, untilErased } from './operation.ts';

const sealed = 'sealed';
const [first, second] = ['replay one', 'replay two'] as const;
const original = { passphrase: first };
const exchanged = { passphrase: second, previousPassphrase: first };
const where = { volumeId: idOf(sealed), stagingTargetPath: stagingOf(sealed) };

function makeSealed(node: Node, more: Record<string, string> = {}, size = 16 * MiB) {
  return create(node, sealed, size, { type: 'thin', encryption: 'luks2', encryptionMemory: '4Mi', ...more });
}

function formatted(fact: string): string {
  return fact.replace('quarry.fs=luks-none', 'quarry.fs=none');
}

function stage(node: Node, secrets: Record<string, string>) {
  return node.client.node.nodeStageVolume({ ...where, secrets, volumeCapability: capabilities.ext4 });
}

function unstage(node: Node) {
  return node.client.node.nodeUnstageVolume(where);
}

/** Problems of the volume when it is not staged: this passphrase opens it, the other does not, and its filesystem has no errors. */
async function problemsOf(passphrase: string, other: string): Promise<string[]> {
  const below = `/dev/mapper/qmain-${sealed}`;
  const script = `set -e; lvchange -ay qmain/${sealed}
    ! printf %s '${other}' | cryptsetup open --test-passphrase --key-file - ${below} || { echo '"${other}" opens it'; exit 1; }
    printf %s '${passphrase}' | cryptsetup open --readonly --key-file - ${below} checked
    code=0; { e2fsck -fn /dev/mapper/checked && dd if=/dev/mapper/checked of=/dev/null bs=1M; } || code=$?
    cryptsetup close checked; exit $code`;
  try {
    await runScript(script);
    return [];
  } catch (error) {
    return [`the encrypted volume: ${messageOf(error)}`];
  }
}

export const encryptedOperations: readonly Operation[] = [
  {
    name: 'erase-cryptographic',
    async prepare(node) {
      await makeSealed(node, { erase: 'cryptographic' });
      await stage(node, original);
      await unstage(node);
    },
    call: (node) => node.client.controller.deleteVolume({ volumeId: idOf(sealed) }),
    verify: async () => {
      await untilErased();
      return [];
    },
  },
  {
    name: 'encrypt',
    prepare: (node) => makeSealed(node),
    call: (node) => stage(node, original),
    // It has its header, and no filesystem yet.
    between: [formatted],
    async verify(node) {
      await unstage(node);
      return problemsOf(first, second);
    },
  },
  {
    // All of it is written before it is opened for use. A block that was not could not be read.
    name: 'encrypt-integrity',
    prepare: (node) => makeSealed(node, { type: 'thick', encryptionIntegrity: 'hmac-sha256' }, 8 * MiB),
    call: (node) => stage(node, original),
    between: [formatted],
    async verify(node) {
      await unstage(node);
      return problemsOf(first, second);
    },
  },
  {
    name: 'exchange-passphrase',
    async prepare(node) {
      await makeSealed(node);
      await stage(node, original);
      await unstage(node);
    },
    call: (node) => stage(node, exchanged),
    async verify(node) {
      await unstage(node);
      return problemsOf(second, first);
    },
  },
];
