// Two phones as they run on a page (RFC 7118 §8): both register, one writes to the other, and both go.
import JsSIP from 'jssip';

function phone(url, name, password) {
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

export async function talk(url) {
  const alice = phone(url, 'alice', 'wonderland');
  const bob = phone(url, 'bob', 'builder');
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
}
