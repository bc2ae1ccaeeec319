import { status } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Failure, type FailureKind } from '../../../src/domain/errors.ts';
import { isUnknown, statusOf } from '../../../src/grpc/status.ts';

test.each<[FailureKind, status]>([
  ['invalid', status.INVALID_ARGUMENT],
  ['not-found', status.NOT_FOUND],
  ['exists', status.ALREADY_EXISTS],
  ['exhausted', status.RESOURCE_EXHAUSTED],
  ['out-of-range', status.OUT_OF_RANGE],
  ['precondition', status.FAILED_PRECONDITION],
  ['busy', status.ABORTED],
  ['bad-token', status.ABORTED],
  ['unavailable', status.UNAVAILABLE],
  ['cancelled', status.CANCELLED],
  ['unimplemented', status.UNIMPLEMENTED],
])('%s becomes code %i with its message', (kind, code) => {
  expect(statusOf(new Failure(kind, 'why'))).toEqual({ code, details: 'why' });
});

test('sends no text of any other error', () => {
  fc.assert(
    fc.property(fc.anything(), (thrown) => {
      const answer = statusOf(thrown);
      expect(answer).toEqual({ code: status.INTERNAL, details: 'internal error' });
      expect(isUnknown(answer)).toBe(true);
    }),
  );
});

test('an abort is CANCELLED only if the caller cancelled', () => {
  const abort = new DOMException('aborted', 'AbortError');
  expect(statusOf(abort, AbortSignal.abort()).code).toBe(status.CANCELLED);
  expect(statusOf(abort, new AbortController().signal).code).toBe(status.INTERNAL);
  expect(statusOf(new Error('disk on fire'), AbortSignal.abort()).code).toBe(status.INTERNAL);
});

test('any message can be sent: never empty, never huge, never half a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(1100), (text, cut) => {
      const { details } = statusOf(new Failure('invalid', `${'\u{1F4BE}'.repeat(cut)}${text}\uD83D`));
      expect(details.trim()).not.toBe('');
      expect(details.length).toBeLessThanOrEqual(2049);
      expect(() => encodeURI(details)).not.toThrow();
    }),
  );
});

test('replaces an empty message by its kind', () => {
  expect(statusOf(new Failure('busy', ' ')).details).toBe('busy');
});
