import { resolve4, resolve6 } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

const { CONTROLLERS: host, REPLICAS: replicas, AUTHORITY: authority } = process.env;
const none = () => [];
const addresses = (await Promise.all([resolve4(host).catch(none), resolve6(host).catch(none)])).flat();
if (addresses.length < Number(replicas)) throw new Error(`${host} resolves to ${addresses.length} of ${replicas} controllers`);
for (const address of addresses) {
  const socket = connect({ host: address, port: 9443, servername: host, ca: readFileSync(authority), ALPNProtocols: ['h2'] });
  await new Promise((done, failed) => socket.once('secureConnect', done).once('error', failed));
  socket.destroy();
  const answer = await fetch(`http://${address.includes(':') ? `[${address}]` : address}:9809/readyz`);
  if (!answer.ok) throw new Error(`the controller at ${address} is not ready: ${await answer.text()}`);
  console.log(`the controller at ${address} is ready, and its certificate is valid`);
}
