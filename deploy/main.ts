import { writeFile } from 'node:fs/promises';
import { MANIFEST, renderManifest } from './render.ts';

// `npm run manifest`

await writeFile(MANIFEST, await renderManifest());
