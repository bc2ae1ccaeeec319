import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

const { CONTROLLERS: host, REPLICAS: replicas, AUTHORITY: authority } = process.env;
// As the nodes do: with the search domains of the pod.
const addresses = await lookup(host, { all: true });
if (addresses.length < Number(replicas)) throw new Error(`${host} resolves to ${addresses.length} of ${replicas} controllers`);
for (const { address } of addresses) {
  const socket = connect({ host: address, port: 9443, servername: host, ca: readFileSync(authority), ALPNProtocols: ['h2'] });
  await new Promise((done, failed) => socket.once('secureConnect', done).once('error', failed));
  socket.destroy();
  const answer = await fetch(`http://${address.includes(':') ? `[${address}]` : address}:9809/readyz`);
  if (!answer.ok) throw new Error(`the controller at ${address} is not ready: ${await answer.text()}`);
  console.log(`the controller at ${address} is ready, and its certificate is valid`);
}
