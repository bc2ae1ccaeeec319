import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeArchive } from './oci.ts';
import { assembleQuarry, IMAGE_FOLDER } from './quarry.ts';

// `npm run image`: Quarry's image as an OCI archive, without a registry and without a container engine.

const reference = process.argv[2] ?? 'localhost/quarry:latest';
await mkdir(IMAGE_FOLDER, { recursive: true });
const file = join(IMAGE_FOLDER, 'quarry.tar');
await writeArchive(file, await assembleQuarry(reference, IMAGE_FOLDER));
const { size } = await stat(file);
console.log(`${reference}: ${file}, ${Math.round(size / 2 ** 20)} MiB`);
