// The phones in Node.
import WebSocket from 'ws';
import { talk } from './phones.mjs';

const url = process.argv[2];

// What a page's script cannot choose, the browser says for it.
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { origin: 'https://phone.example' });
  }
};

// Whoever is not on the list of pages is turned away.
await new Promise((resolve, reject) => {
  const stranger = new WebSocket(url, 'sip', { origin: 'https://elsewhere.example' });
  stranger.on('open', () => reject(new Error('a strange page connected')));
  stranger.on('error', resolve);
});

await talk(url);
console.log(`Node: two phones wrote to each other over ${url}`);
process.exit(0);
