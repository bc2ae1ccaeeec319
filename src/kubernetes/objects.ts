import * as z from 'zod';

/** The parts of Kubernetes' objects that are read here; other fields are dropped. */
const metadata = z.object({ name: z.string() });

export const list = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  // A Go program may write an empty list as null.
  items: z.array(z.unknown()).nullish(),
});

export const watchEvent = z.object({ type: z.string(), object: z.unknown() });

export const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

/** The API server's answer to a failed request. */
export const status = z.object({ message: z.string().optional(), code: z.number().optional() });

export const tokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().optional(),
    error: z.string().optional(),
    audiences: z.array(z.string()).nullish(),
    user: z
      .object({
        username: z.string().optional(),
        uid: z.string().optional(),
        groups: z.array(z.string()).nullish(),
        extra: z.record(z.string(), z.array(z.string())).nullish(),
      })
      .optional(),
  }),
});

/** Whether the one that was asked about may do it. */
export const subjectAccessReview = z.object({ status: z.object({ allowed: z.boolean() }) });

/** The volume and the claim of a PersistentVolume. */
export const persistentVolume = z.object({
  metadata,
  spec: z.object({
    csi: z.object({ driver: z.string(), volumeHandle: z.string() }).optional(),
    claimRef: z
      .object({ namespace: z.string().optional(), name: z.string().optional(), uid: z.string().optional() })
      .nullish(),
  }),
});

/** All that is recorded of a PersistentVolume on its volume. */
export const recordedVolume = z.object({
  metadata: metadata.extend({ deletionTimestamp: z.string().optional() }),
  spec: z.object({
    csi: z.object({ driver: z.string(), volumeHandle: z.string(), fsType: z.string().optional() }).optional(),
    claimRef: z.object({ namespace: z.string().optional(), name: z.string().optional() }).nullish(),
    storageClassName: z.string().optional(),
    volumeAttributesClassName: z.string().optional(),
    persistentVolumeReclaimPolicy: z.string().optional(),
    accessModes: z.array(z.string()).nullish(),
    volumeMode: z.string().optional(),
    mountOptions: z.array(z.string()).nullish(),
    local: z.object({ path: z.string() }).optional(),
  }),
  status: z.object({ phase: z.string().optional() }).optional(),
});

/** The snapshot of a VolumeSnapshotContent, or, before it is taken, its volume. */
export const snapshotContent = z.object({
  metadata,
  spec: z.object({
    driver: z.string(),
    source: z.object({ snapshotHandle: z.string().optional(), volumeHandle: z.string().optional() }),
  }),
  status: z.object({ snapshotHandle: z.string().nullish() }).nullish(),
});

export const pod = z.object({
  metadata: z.object({ uid: z.string() }),
  spec: z.object({ serviceAccountName: z.string().optional() }),
});

export const node = z.object({
  metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).nullish() }),
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish() }).optional(),
});
