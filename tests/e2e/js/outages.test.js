/** Broker lost, link cut, server restarted: what viewers are told, and that captions go on. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noMosquitto } from '../support/mosquitto.js';
import { Proxy } from '../support/proxy.js';
import { BROKERS, Rig } from '../support/rig.js';
import { TRANSPORTS } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

describe('the broker goes and returns', { skip: noMosquitto }, () => {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`killed and restarted: broker_ko and broker_ok once each, and no new join, ${name}`, async (t) => {
      const { rig, room, viewer } = await joined(t, 'mosquitto', { transports });
      await rig.mosquitto.kill();
      await viewer.until('broker_ko');
      const late = await rig.viewer({ transports });
      await late.until('broker_ko');
      assert.deepEqual(await late.ask('join_room', room), { ok: true });
      await rig.mosquitto.run();
      for (const each of [viewer, late]) await each.until('broker_ok');
      await assertFlows(rig, room, [viewer, late]);
      for (const each of [viewer, late]) assertOneOutage(each);
      assert.deepEqual([viewer.connects, viewer.disconnects], [1, []]);
    });
  }

  test('frozen: noticed within 10 s, and captions go on once it thaws', async (t) => {
    const { rig, room, viewer } = await joined(t, 'mosquitto');
    rig.mosquitto.freeze();
    t.after(() => rig.mosquitto.thaw());
    await viewer.until('broker_ko');
    rig.mosquitto.thaw();
    await viewer.until('broker_ok');
    await rig.connectPublisher();
    await assertFlows(rig, room, [viewer]);
    assertOneOutage(viewer);
  });

  test('a server that starts without its broker says broker_ko, then broker_ok', async (t) => {
    const { rig, room } = await joined(t, 'mosquitto');
    await rig.mosquitto.kill();
    assert.equal((await rig.server.terminate()).code, 0);
    await rig.server.run();
    const viewer = await rig.viewer();
    await viewer.until('broker_ko');
    assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
    await rig.mosquitto.run();
    await viewer.until('broker_ok');
    await assertFlows(rig, room, [viewer]);
    assertOneOutage(viewer);
  });
});

for (const [broker, skip] of BROKERS) {
  describe(`the server or the link to it goes, with ${broker}`, { skip }, () => {
    for (const [name, transports] of Object.entries(TRANSPORTS)) {
      test(`a viewer whose TCP link was cut comes back and rejoins, ${name}`, async (t) => {
        const { rig, room, viewer, proxy } = await joined(t, broker, { transports });
        proxy.cut();
        await eventually('the loss', () => viewer.disconnects.length > 0, () => viewer.state());
        assert.match(viewer.disconnects[0], /^transport (close|error)$/);
        proxy.admit();
        await viewer.connected(2);
        assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
        await assertFlows(rig, room, [viewer]);
      });

      test(`a viewer outlives a restart of the server, ${name}`, async (t) => {
        const { rig, room, viewer } = await joined(t, broker, { transports });
        const { code } = await rig.server.terminate();
        assert.equal(code, 0);
        await eventually('the loss', () => viewer.disconnects.length > 0, () => viewer.state());
        // Official clients stay away for ever after any other reason.
        assert.match(viewer.disconnects[0], /^transport (close|error)$/);
        await rig.server.run();
        await viewer.connected(2);
        assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
        await rig.connectPublisher();
        await assertFlows(rig, room, [viewer]);
        // It was not let into the server that was about to stop.
        assert.equal(viewer.disconnects.length, 1);
        // Whoever is back before the server's link to its broker is hears so, and then of its return.
        await viewer.until('broker_ok', viewer.all('broker_ko').length);
      });
    }

    test('a killed server is come back to as well', async (t) => {
      const { rig, room, viewer } = await joined(t, broker);
      await rig.server.program.kill();
      await rig.server.run();
      await viewer.connected(2);
      assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
      await rig.connectPublisher();
      await assertFlows(rig, room, [viewer]);
    });
  });
}

describe('the upgrade', () => {
  test('a thousand finals, half of them before the upgrade and half during it, arrive in order', async (t) => {
    const { rig, room, viewer, proxy } = await joined(t, 'the embedded broker', {
      transports: ['polling', 'websocket'],
      holds: (start) => start.includes('transport=websocket'),
    });
    await eventually('the upgrade to be held back', () => proxy.held > 0);
    await rig.publisher.sayFinals(room, 0, 500);
    await viewer.until('final', 500);
    assert.equal(viewer.transport, 'polling');
    const rest = rig.publisher.sayFinals(room, 500, 1_000);
    proxy.release();
    await rest;
    const finals = /** @type {any[]} */ (await viewer.until('final', 1_000));
    assert.deepEqual(finals.map(({ segmentId }) => segmentId), Array.from({ length: 1_000 }, (_, i) => i));
    await eventually('the upgrade', () => viewer.transport === 'websocket', () => viewer.transport);
    await assertFlows(rig, room, [viewer]);
  });

  test('a viewer whose WebSockets are never let through goes on polling', async (t) => {
    const { rig, room, viewer } = await joined(t, 'the embedded broker', {
      transports: ['polling', 'websocket'],
      holds: (start) => start.includes('transport=websocket'),
    });
    await assertFlows(rig, room, [viewer]);
    assert.equal(viewer.transport, 'polling');
  });
});

/**
 * A rig of the test's own, with a viewer in a room, behind a proxy.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} broker
 * @param {{transports?: string[], holds?: (start: string) => boolean}} [options]
 */
async function joined(t, broker, { transports, holds } = {}) {
  const rig = await Rig.start(broker);
  t.after(() => rig.stop());
  const proxy = await Proxy.start(rig.server.url, holds);
  t.after(() => proxy.stop());
  const room = `${await rig.session()}/1`;
  const viewer = await rig.viewer({ url: proxy.url, ...(transports && { transports }) });
  assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
  return { rig, room, viewer, proxy };
}

let said = 0;

/** Asserts that what is said now is heard, once. @param {Rig} rig @param {string} room @param {import('../support/viewer.js').Viewer[]} viewers */
async function assertFlows(rig, room, viewers) {
  if (!rig.publisher.client.connected) await rig.connectPublisher();
  said += 1;
  const payload = { text: `said after event ${said}` };
  const before = viewers.map((viewer) => viewer.all('final').length);
  await rig.publisher.say(room, 'final', payload);
  for (const [i, viewer] of viewers.entries()) {
    assert.deepEqual((await viewer.until('final', before[i] + 1)).slice(before[i]), [payload]);
  }
}

/** @param {import('../support/viewer.js').Viewer} viewer */
function assertOneOutage(viewer) {
  const told = viewer.heard.map(([event]) => event).filter((event) => event.startsWith('broker_'));
  assert.deepEqual(told, ['broker_ko', 'broker_ok']);
}
