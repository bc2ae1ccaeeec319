/** The agent's frames, as agent/run.go describes them. */
export const ToAgent = { stdin: 0, endStdin: 1, signal: 2 } as const;
export const FromAgent = { started: 0, stdout: 1, stderr: 2, exit: 3 } as const;

const HEAD = 5;

export function encodeFrame(kind: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.alloc(HEAD + payload.length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, HEAD);
  return frame;
}

/** Returns a function that takes chunks as they arrive and passes on whole frames. */
export function frameReader(onFrame: (kind: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= HEAD) {
      const end = HEAD + pending.readUInt32BE(1);
      if (pending.length < end) return;
      onFrame(pending.readUInt8(0), pending.subarray(HEAD, end));
      pending = pending.subarray(end);
    }
  };
}
