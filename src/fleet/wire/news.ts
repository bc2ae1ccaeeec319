import { Failure } from '../../domain/errors.ts';
import { parseVolumeId, type VolumeId } from '../../domain/ids.ts';
import { isNoticeReason, keyOfNotice, type Notice, type ReportedJob } from '../../domain/news.ts';
import type { Job, JobInit } from '../../gen/quarry/node/v1/Job.ts';
import type { Notice as NoticeMessage, NoticeInit } from '../../gen/quarry/node/v1/Notice.ts';
import type { Rates } from '../../domain/qos.ts';
import type { Use as UseMessage } from '../../gen/quarry/node/v1/Use.ts';
import { readFigure, readNumber, readTime } from './bounds.ts';
import { readRates } from './qos.ts';
import { readPoolName } from './names.ts';

/** Characters of a kind or a state, of the name of a logical volume or a disk, and of a message. */
const longest = { word: 32, name: 256, message: 512 } as const;

export function writeJob({ volume, size, rate, reason, since, ...same }: ReportedJob): JobInit {
  const { kind, pool, lv, state, done, failures } = same;
  return {
    kind,
    pool,
    volume: volume ?? '',
    lv,
    size: String(size),
    state,
    done,
    ...(rate !== undefined && { rate: String(rate) }),
    reason: reason?.slice(0, longest.message) ?? '',
    failures,
    sinceMs: String(Math.floor(since)),
  };
}

/** Throws `invalid`. */
export function readJob(id: string, message: Job): ReportedJob {
  const { kind, pool, volume, lv, size, state, done, rate, reason, failures, sinceMs } = message;
  return {
    id: readKey(id),
    kind: kind.slice(0, longest.word),
    pool: readPoolName(pool),
    volume: readVolume(volume),
    lv: lv.slice(0, longest.name),
    size: readFigure(size, 'the size of a job'),
    state: state.slice(0, longest.word),
    done: readNumber(done, 'what is done of a job', [0, 1]),
    rate: rate === undefined ? undefined : readFigure(rate, 'the rate of a job'),
    reason: reason === '' ? undefined : reason.slice(0, longest.message),
    failures,
    since: readTime(sinceMs) ?? 0,
  };
}

export function writeNotice({ reason, message, volume, pool }: Notice): NoticeInit {
  return { reason, message: message.slice(0, longest.message), volume: volume ?? '', pool: pool ?? '' };
}

/** `undefined` for a reason that only a newer version knows. Throws `invalid`. */
export function readNotice(key: string, { reason, message, volume, pool }: NoticeMessage): Notice | undefined {
  if (!isNoticeReason(reason)) return undefined;
  const notice = {
    reason,
    message: message.slice(0, longest.message),
    volume: readVolume(volume),
    pool: pool === '' ? undefined : readPoolName(pool),
  };
  if (key === keyOfNotice(notice)) return notice;
  throw new Failure('invalid', `the notice ${keyOfNotice(notice)} has the key "${key.slice(0, 128)}"`);
}

/** `undefined` without a rate that is known here. Throws `invalid`. */
export function readUse(key: string, { rates }: UseMessage): readonly [VolumeId, Rates] | undefined {
  const [volume, used] = [readVolume(key), readRates(rates)];
  return volume && Object.keys(used).length > 0 ? [volume, used] : undefined;
}

function readVolume(text: string): VolumeId | undefined {
  if (text === '') return undefined;
  const volume = parseVolumeId(text);
  if (volume) return volume.id;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no volume`);
}

function readKey(id: string): string {
  if (id.length <= 2 * longest.name) return id;
  throw new Failure('invalid', `the key of a job has ${id.length} characters`);
}
