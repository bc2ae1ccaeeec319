// Asks over HTTP or HTTPS from where it is started, and prints `{ status, body }`: URL, name of the server, token, authority in PEM.
import { get as getPlain } from 'node:http';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';

const [, , url = '', servername = '', token = '', ca = ''] = process.argv;
const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
const asked = url.startsWith('https:') ? get(url, { ca, servername, headers }) : getPlain(url, { headers });
asked.on('response', (response) => {
  void text(response).then((body) => console.log(JSON.stringify({ status: response.statusCode, body })));
});
