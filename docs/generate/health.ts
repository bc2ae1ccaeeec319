import { storageReasons, volumeReasons } from '../../src/domain/health.ts';
import { noticeReasons } from '../../src/domain/news.ts';
import { sentence, table } from './markdown.ts';

/** The reasons for which a volume is not well. */
export function volumeReasonTable(): string {
  const rows = Object.entries(volumeReasons).map(([reason, { status, when }]) => [`\`${reason}\``, status, sentence(when)]);
  return table(['Reason', 'Status', 'When, and what to do'], rows);
}

/** What a node tells beyond health. */
export function noticeReasonTable(): string {
  const rows = Object.entries(noticeReasons).map(([reason, { attention, when }]) => {
    return [`\`${reason}\``, attention ? 'yes' : '', sentence(when)];
  });
  return table(['Reason', 'In `quarry status`', 'When, and what to do'], rows);
}

/** The reasons for which a pool, or the disks of a node, are not well. */
export function storageReasonTable(): string {
  const rows = Object.entries(storageReasons).map(([reason, of]) => {
    return [`\`${reason}\``, of.status, 'volumes' in of ? of.volumes : '', sentence(of.when)];
  });
  return table(['Reason', 'Status', 'Of its thin volumes', 'When, and what to do'], rows);
}
