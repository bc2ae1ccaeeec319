import { chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** An older Node fails on the client's code, with a stack that does not say so. Packages in CommonJS ask for node's own modules through require. */
const banner = `import { createRequire } from 'node:module';
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error('kubectl quarry: Node 22.19 or newer is needed, and the first node on PATH is ' + process.version);
  process.exit(1);
}
const require = createRequire(import.meta.url);`;

/** Writes the plugin as one executable file, which needs Node 22.19 or newer and nothing else. */
export async function bundlePlugin(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: banner },
  });
  await chmod(outfile, 0o755);
}

if (import.meta.main) await bundlePlugin('dist/kubectl-quarry');
