import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bootGuest } from '../lab.ts';
import { parseSize } from '../machine.ts';
import type { LabPaths } from '../paths.ts';
import { writeImages } from './images.ts';
import { NODE_DISK } from './recipe.ts';

interface DiskParts {
  readonly lab: LabPaths;
  readonly programs: string;
  readonly runtime: string;
}

/** Makes the initial disk of every node in `folder`: containerd's data with all images unpacked. */
export async function buildNodeDisk(folder: string, { lab, programs, runtime }: DiskParts): Promise<void> {
  const images = await mkdtemp(join(lab.cache, '.images-'));
  const file = join(folder, 'node.img');
  try {
    await writeImages(images, lab, programs);
    await using disk = await open(file, 'w');
    await disk.truncate(parseSize(NODE_DISK));
    await using guest = await bootGuest({
      memory: '2048M',
      disks: [{ file, writable: true }],
      shares: [
        { host: runtime, guest: '/runtime', writable: false },
        { host: images, guest: '/images', writable: false },
      ],
    });
    await guest.shell(
      `/quarry/lab/kubernetes/node/containerd.sh
      export PATH=/runtime/usr/bin:$PATH
      for image in /images/image-*.tar; do ctr --namespace k8s.io images import --local "$image"; done
      kill "$(pgrep -x containerd)"
      while pgrep -x containerd >/dev/null; do sleep 0.1; done
      umount /var/lib/containerd /var/lib/kubelet /var/log/pods
      umount /data`,
      { timeout: 600_000 },
    );
  } finally {
    await rm(images, { recursive: true });
  }
}
