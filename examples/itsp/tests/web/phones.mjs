// Two phones as they run in a browser (RFC 7118 §8): both register, one writes to the other, and both go.
import JsSIP from 'jssip';
import WebSocket from 'ws';

const url = process.argv[2];

// What a page's script cannot choose, the browser says for it.
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { origin: 'https://phone.example' });
  }
};

function phone(name, password) {
  const socket = new JsSIP.WebSocketInterface(url);
  const uri = `sip:${name}@localhost`;
  return new JsSIP.UA({ sockets: [socket], uri, password, register_expires: 120 });
}

function once(emitter, event, failure) {
  return new Promise((resolve, reject) => {
    emitter.once(event, resolve);
    if (failure) {
      emitter.once(failure, (e) => reject(new Error(`${failure}: ${e.cause ?? e.reason}`)));
    }
  });
}

function equal(found, expected) {
  if (found !== expected) throw new Error(`${found} is not ${expected}`);
}

// Whoever is not on the list of pages is turned away.
await new Promise((resolve, reject) => {
  const stranger = new WebSocket(url, 'sip', { origin: 'https://elsewhere.example' });
  stranger.on('open', () => reject(new Error('a strange page connected')));
  stranger.on('error', resolve);
});

const alice = phone('alice', 'wonderland');
const bob = phone('bob', 'builder');
for (const each of [alice, bob]) {
  each.start();
  await once(each, 'registered', 'registrationFailed');
}

const received = once(bob, 'newMessage');
const sent = new Promise((resolve, reject) => {
  const eventHandlers = { succeeded: resolve, failed: (e) => reject(new Error(e.cause)) };
  alice.sendMessage('sip:bob@localhost', 'Grüße', { eventHandlers });
});
const { request } = await received;
equal(request.body, 'Grüße');
equal(request.from.uri.toString(), 'sip:alice@localhost');
await sent;

for (const each of [alice, bob]) {
  const gone = once(each, 'unregistered');
  each.stop();
  await gone;
}
console.log(`two phones wrote to each other over ${url}`);
process.exit(0);
