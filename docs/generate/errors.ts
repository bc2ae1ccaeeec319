import { status } from '@grpc/grpc-js';
import { type FailureKind, failureKinds } from '../../src/domain/errors.ts';
import { codes } from '../../src/grpc/status.ts';
import { table } from './markdown.ts';

export function errorKinds(): string {
  const rows = Object.entries(failureKinds).map(([kind, when]) => [kind, status[codes[kind as FailureKind]], when]);
  return table(['Kind', 'Code', 'When'], rows);
}
