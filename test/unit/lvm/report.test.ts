import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFailure } from '../../../src/domain/errors.ts';
import { lvmFailure } from '../../../src/lvm/failures.ts';
import { decodeLv, decodePv, decodeVg } from '../../../src/lvm/records.ts';
import { decodeDocument, errorMessages, succeeded } from '../../../src/lvm/process/report.ts';

const row = { vg_name: 'vg', vg_uuid: 'own', lv_name: 'lv' };
const log = (code: string) => ({
  log_type: 'status',
  log_context: 'shell',
  log_object_name: 'lvs',
  log_ret_code: code,
});

test('joins the rows of all reports, and reads the outcome from the log', () => {
  const text = JSON.stringify({ report: [{ lv: [row] }, { vg: [{ vg_name: 'x', size: 1 }] }], log: [log('1')] });
  const document = decodeDocument(text);
  expect(document.rows).toEqual([row, { vg_name: 'x', size: '1' }]);
  expect(succeeded(document, 'lvs')).toBe(true);
});

test('returns the error lines of a failed command', () => {
  const error = { log_type: 'error', log_message: 'no room' };
  const document = decodeDocument(JSON.stringify({ log: [error, log('5')] }));
  expect(succeeded(document, 'lvs')).toBe(false);
  expect(errorMessages(document)).toEqual(['no room']);
  expect(document.rows).toEqual([]);
});

test('does not read the outcome of another command', () => {
  const document = decodeDocument(JSON.stringify({ log: [log('1')] }));
  expect(succeeded(document, 'lvremove')).toBeUndefined();
});

test('does not treat a document without an outcome as success', () => {
  expect(succeeded(decodeDocument('{"log": []}'), 'lvs')).toBeUndefined();
  expect(succeeded(decodeDocument('{"report": []}'), 'lvs')).toBeUndefined();
});

test('rejects anything but a JSON object as unavailable', () => {
  for (const text of ['', '{', '[]', 'null', '"x"', '{"report": [', 'WARNING: x\n{}']) {
    expect(() => decodeDocument(text)).toThrow(expect.objectContaining({ kind: 'unavailable' }));
  }
  fc.assert(
    fc.property(fc.json(), fc.nat(), (json, at) => {
      try {
        decodeDocument(json.slice(0, at));
      } catch (error) {
        expect(isFailure(error, 'unavailable')).toBe(true);
      }
    }),
  );
});

test('rejects a report with a missing field or an invalid size as unavailable', () => {
  for (const decode of [decodeLv, decodeVg, decodePv]) {
    expect(() => decode({})).toThrow(expect.objectContaining({ kind: 'unavailable' }));
  }
  const lv = { ...row, lv_uuid: '', lv_attr: '', lv_tags: '', pool_lv: '', data_percent: '', metadata_percent: '' };
  expect(() => decodeLv({ ...lv, lv_size: '1.00g' })).toThrow('instead of bytes');
  expect(decodeLv({ ...lv, lv_size: '1' })).toMatchObject({ size: 1n, dataPercent: 0, active: false });
});

test.each([
  ['Volume group "vg" has insufficient free space (796 extents): 1024 required.', 'exhausted'],
  ['Insufficient suitable allocatable extents for logical volume r: 44 more required', 'exhausted'],
  ['Cannot create new thin volume, free space in thin pool vg/thinpool reached threshold.', 'exhausted'],
  ['write failed: No space left on device', 'exhausted'],
  ['Logical Volume "y" already exists in volume group "vg"', 'exists'],
  ['Logical volume vg/x contains a filesystem in use.', 'precondition'],
  ['Logical volume vg/x in use.', 'precondition'],
  ['Logical volume vg/x is used by another device.', 'precondition'],
  ['Failed to find logical volume "vg/x"', 'not-found'],
  ['Volume group "vg" not found', 'unavailable'],
  ['Cannot process volume group vg', 'unavailable'],
  ['Device /dev/sda excluded: device is not in devices file.', 'unavailable'],
  ['', 'unavailable'],
])('translates "%s" to %s', (message, kind) => {
  const failure = lvmFailure('it failed', message === '' ? [] : [message]);
  expect(failure.kind).toBe(kind);
  expect(failure.message).toBe(`it failed: ${message || 'LVM gave no reason'}`);
});

test.each([
  [
    'VG vg 49 metadata on /dev/sda (521509 bytes) exceeds maximum metadata size (521472 bytes)',
    { kind: 'exhausted', message: expect.stringMatching(/\(the metadata area is full: delete volumes or tags\)$/) },
  ],
  [
    'VG vg metadata on /dev/sda (521509 bytes) too large for circular buffer (521472 bytes with 0 used)',
    { kind: 'exhausted', message: expect.stringMatching(/\(the metadata area is full: delete volumes or tags\)$/) },
  ],
  [
    'Check of pool vg/thinpool failed (status:64). Manual repair required!',
    {
      kind: 'unavailable',
      message: expect.stringMatching(/\("lvconvert --repair vg\/thinpool" repairs its metadata\)$/),
    },
  ],
])('adds the remedy to "%s"', (message, failure) => {
  expect(lvmFailure('it failed', [message])).toMatchObject(failure);
});
