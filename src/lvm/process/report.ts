import { Failure } from '../../domain/errors.ts';

/** One row of an LVM report: field name → text. */
export type ReportRow = Readonly<Record<string, string>>;

export interface LvmDocument {
  readonly rows: readonly ReportRow[];
  readonly log: readonly ReportRow[];
}

/**
 * Parses one JSON document of LVM (`--reportformat json`, with the command log on). `rows` joins the rows of all reports in it; a
 * document without reports has none. Throws `unavailable` for anything else.
 */
export function decodeDocument(text: string): LvmDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Failure('unavailable', `LVM's answer is not JSON: ${text.slice(0, 200)}`, { cause });
  }
  return documentOf(json);
}

/** The document in an answer of LVM that is parsed. Throws `unavailable` if it is none. */
export function documentOf(document: unknown): LvmDocument {
  if (!isRecord(document)) {
    throw new Failure('unavailable', `LVM's answer is not a JSON object: ${JSON.stringify(document).slice(0, 200)}`);
  }
  const reports = Array.isArray(document['report']) ? (document['report'] as unknown[]) : [];
  return {
    rows: reports.filter(isRecord).flatMap((report) => Object.values(report).flatMap(toRows)),
    log: toRows(document['log']),
  };
}

/** Whether the command succeeded; `undefined` if the document has no status or answers another command. */
export function succeeded(document: LvmDocument, command: string): boolean | undefined {
  const status = document.log.findLast((row) => row['log_type'] === 'status' && row['log_context'] === 'shell');
  if (status?.['log_object_name'] !== command) return undefined;
  return status['log_ret_code'] === '1';
}

/** LVM's error lines in the log of a command. */
export function errorMessages(document: LvmDocument): string[] {
  return document.log.filter((row) => row['log_type'] === 'error').map((row) => row['log_message'] ?? '');
}

/** The lines that LVM and its helpers printed on stderr, without warnings, which do not explain the failure. */
export function errorLines(stderr: string): string[] {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !/^warning\b/i.test(line));
}

function toRows(value: unknown): ReportRow[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((row) => (isText(row) ? row : toText(row)));
}

/** As LVM writes its rows. */
function isText(row: Readonly<Record<string, unknown>>): row is ReportRow {
  for (const key in row) if (typeof row[key] !== 'string') return false;
  return true;
}

function toText(row: Readonly<Record<string, unknown>>): ReportRow {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, textOf(value)]));
}

/** Not `String`: that throws for an object with a key `toString`. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
