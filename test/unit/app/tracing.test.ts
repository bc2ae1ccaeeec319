import { Gauge, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import { createLvmMeter } from '../../../src/metrics/commands.ts';
import { traceLvm, traceRun } from '../../../src/app/tracing.ts';

const lines: { fields: object; message: string }[] = [];
const drop = () => undefined;
const log = {
  debug: (fields: object, message: string) => void lines.push({ fields, message }),
  info: drop,
  warn: drop,
  error: drop,
};

test('logs each program with its arguments and duration, and returns its result', async () => {
  lines.length = 0;
  const answer = { exitCode: 3, stdout: 'out', stderr: '' };
  const run = traceRun(async () => answer, log);
  expect(await run(['mount', '/dev/a', '/b'], { deadline: 1 })).toBe(answer);
  expect(lines).toEqual([
    { fields: { argv: ['mount', '/dev/a', '/b'], duration_ms: expect.any(Number) }, message: 'program' },
  ]);
});

test('logs an LVM command that failed, too, and counts it while it runs', async () => {
  lines.length = 0;
  const registry = new Registry();
  const meter = createLvmMeter();
  const { gauges = [], histograms = [] } = meter.families;
  for (const gauge of gauges) registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  for (const { configuration, values } of histograms) {
    const histogram = new Histogram({ ...configuration, registers: [registry] });
    values((value, labels = {}) => histogram.observe({ ...labels }, value));
  }
  const gate = Promise.withResolvers<{ ok: true; rows: [] }>();
  const fail = () => Promise.reject(new Failure('unavailable', 'no answer'));
  const lvm = traceLvm(
    {
      report: async () => gate.promise,
      reportForChange: fail,
      change: fail,
      slowChange: fail,
      changing: false,
      restart: drop,
      restartReports: drop,
    },
    log,
    meter,
  );
  await expect(lvm.change(['lvremove', 'vg/lv'])).rejects.toThrow('no answer');
  expect(lines).toEqual([
    { fields: { argv: ['lvremove', 'vg/lv'], duration_ms: expect.any(Number) }, message: 'LVM command' },
  ]);
  const reports = [lvm.report(['lvs']), lvm.report(['lvs'])];
  expect(await registry.metrics()).toContain('quarry_lvm_commands_in_flight{process="reports"} 2');
  gate.resolve({ ok: true, rows: [] });
  await Promise.all(reports);
  const text = await registry.metrics();
  expect(text).toContain('quarry_lvm_commands_in_flight{process="reports"} 0');
  expect(text).toContain('quarry_lvm_command_duration_seconds_count{command="lvs",outcome="ok"} 2');
  expect(text).toContain('quarry_lvm_command_duration_seconds_count{command="lvremove",outcome="unanswered"} 1');
});

test("passes on the signal that ends an LVM command's process", async () => {
  const { signal } = new AbortController();
  const given: unknown[] = [];
  const answer = { ok: true, rows: [] } as const;
  const other = async () => answer;
  const slowChange = async (_argv: unknown, received?: AbortSignal) => {
    given.push(received);
    return answer;
  };
  const parts = { report: other, reportForChange: other, change: other, changing: false, restart: drop };
  await traceLvm({ ...parts, slowChange, restartReports: drop }, log, createLvmMeter()).slowChange(['pvmove'], signal);
  expect(given).toEqual([signal]);
});
