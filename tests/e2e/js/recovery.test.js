/** Connection state recovery, as the official client does it by itself: over a cut link, a restart, a deploy. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noMosquitto } from '../support/mosquitto.js';
import { Proxy } from '../support/proxy.js';
import { Rig, BROKERS } from '../support/rig.js';
import { Switchboard } from '../support/switchboard.js';
import { userToken } from '../support/tokens.js';
import { TRANSPORTS } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

/** What a viewer adds to ask for it. */
const auth = { token: userToken('ada'), recovery: true };

/** The numbers of all finals that a viewer heard. @param {import('../support/viewer.js').Viewer} viewer */
const numbers = (viewer) => viewer.all('final').map((final) => /** @type {any} */ (final).number);

/** @param {number} from @param {number} to */
const run = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

/** @param {Rig} rig @param {string} room @param {number} from @param {number} to */
async function say(rig, room, from, to) {
  for (const number of run(from, to)) await rig.publisher.say(room, 'final', { number });
}

/** @param {import('../support/viewer.js').Viewer} viewer @param {number} count */
async function hears(viewer, count) {
  await eventually(`${count} finals`, () => numbers(viewer).length >= count, () => viewer.state());
  assert.deepEqual(numbers(viewer), run(0, count));
}

for (const [broker, skip] of BROKERS) {
  describe(`on ${broker}`, { skip }, () => {
    for (const [name, transports] of Object.entries(TRANSPORTS)) {
      test(`a viewer whose link is cut comes back as who it was and misses nothing, ${name}`, async (t) => {
        const rig = await Rig.start(broker);
        t.after(() => rig.stop());
        const proxy = await Proxy.start(rig.server.url);
        t.after(() => proxy.stop());
        const room = `${await rig.session()}/1`;
        const viewer = await rig.viewer({ url: proxy.url, transports, auth });
        assert.equal(viewer.socket.recovered, false);
        await eventually('the upgrade', () => viewer.transport === transports.at(-1), () => viewer.transport);
        assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
        const { id } = viewer.socket;
        let said = 0;
        for (const times of [1, 2, 3]) {
          await say(rig, room, said, said + 3);
          await hears(viewer, said + 3);
          proxy.cut();
          await eventually('the loss', () => viewer.disconnects.length === times, () => viewer.state());
          await say(rig, room, said + 3, said + 6);
          proxy.admit();
          await viewer.connected(times + 1);
          assert.deepEqual([viewer.socket.recovered, viewer.socket.id], [true, id]);
          said += 6;
          await hears(viewer, said);
        }
      });
    }

    test('a viewer that saw nothing yet comes back, too, and without joining anew', async (t) => {
      const rig = await Rig.start(broker);
      t.after(() => rig.stop());
      const proxy = await Proxy.start(rig.server.url);
      t.after(() => proxy.stop());
      const room = `${await rig.session()}/1`;
      const viewer = await rig.viewer({ url: proxy.url, auth });
      assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
      proxy.cut();
      await eventually('the loss', () => viewer.disconnects.length === 1, () => viewer.state());
      await say(rig, room, 0, 2);
      proxy.admit();
      await hears(viewer, 2);
      assert.equal(viewer.socket.recovered, true);
    });

    test('a string as last argument does not spoil the offset', async (t) => {
      const rig = await Rig.start(broker);
      t.after(() => rig.stop());
      const proxy = await Proxy.start(rig.server.url);
      t.after(() => proxy.stop());
      const room = `${await rig.session()}/1`;
      const viewer = await rig.viewer({ url: proxy.url, auth });
      assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
      await rig.publisher.say(room, 'final', 'a line of text');
      assert.deepEqual(await viewer.until('final'), ['a line of text']);
      proxy.cut();
      await eventually('the loss', () => viewer.disconnects.length === 1, () => viewer.state());
      await rig.publisher.say(room, 'final', 'another');
      proxy.admit();
      assert.deepEqual(await viewer.until('final', 2), ['a line of text', 'another']);
      assert.equal(viewer.socket.recovered, true);
    });

    test('a viewer finds its room and its finals again after the server was killed and started anew', async (t) => {
      const rig = await Rig.start(broker);
      t.after(() => rig.stop());
      const room = `${await rig.session()}/1`;
      const [viewer, other] = [await rig.viewer({ auth }), await rig.viewer()];
      for (const each of [viewer, other]) assert.deepEqual(await each.ask('join_room', room), { ok: true });
      await say(rig, room, 0, 3);
      await hears(viewer, 3);
      const stored = async () => (await rig.server.metric('switchboard_finals_stored_total')) === 3;
      await eventually('the finals in storage', stored, () => viewer.state());
      await rig.server.kill();
      await rig.server.run();
      await rig.server.ready();
      await rig.connectPublisher();
      await viewer.connected(2);
      assert.equal(viewer.socket.recovered, true);
      await eventually('the room', async () => (await rig.server.metric('switchboard_members')) === 1, () => viewer.state());
      await say(rig, room, 3, 5);
      await hears(viewer, 5);
      await other.connected(2);
      assert.ok(!other.socket.recovered);
    });
  });
}

test('somebody else gets nothing by a private id that was overheard', async (t) => {
  const rig = await Rig.start('the embedded broker');
  t.after(() => rig.stop());
  const room = `${await rig.session()}/1`;
  const ada = await rig.viewer({ auth });
  assert.deepEqual(await ada.ask('join_room', room), { ok: true });
  await say(rig, room, 0, 1);
  await hears(ada, 1);
  const { _pid: pid, _lastOffset: offset } = /** @type {any} */ (ada.socket);
  assert.ok(pid && offset);
  const bob = await rig.viewer({ auth: { token: userToken('bob'), recovery: true, pid, offset } });
  assert.notEqual(bob.socket.id, ada.socket.id);
  await say(rig, room, 1, 2);
  await hears(ada, 2);
  assert.deepEqual([bob.all('final'), ada.disconnects], [[], []]);
});

test('two switchboards on one broker and one database are restarted one after the other, and no final is lost', { skip: noMosquitto }, async (t) => {
  const rig = await Rig.start('mosquitto');
  t.after(() => rig.stop());
  const second = await Switchboard.start({
    mqttUrl: rig.mosquitto?.url,
    env: { SWITCHBOARD_DATABASE_URL: `sqlite://${rig.server.folder}/switchboard.db` },
  });
  t.after(() => second.stop());
  await second.ready();
  const proxy = await Proxy.start(rig.server.url);
  t.after(() => proxy.stop());
  const room = `${await rig.session()}/1`;
  const viewer = await rig.viewer({ url: proxy.url, auth });
  assert.deepEqual(await viewer.ask('join_room', room), { ok: true });

  let said = 0;
  let over = false;
  const speaking = (async () => {
    while (!over) {
      await rig.publisher.say(room, 'final', { number: said });
      said += 1;
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  })();
  t.after(() => { over = true; });
  const heard = async (count) => {
    await eventually(`${count} finals`, () => numbers(viewer).length >= count, () => viewer.state());
  };
  await heard(10);
  proxy.target = new URL(second.url);
  assert.deepEqual(await rig.server.terminate(), { code: 0, signal: null });
  await viewer.connected(2);
  await rig.server.run();
  await rig.server.ready();
  await heard(said + 10);
  proxy.target = new URL(rig.server.url);
  assert.deepEqual(await second.terminate(), { code: 0, signal: null });
  await viewer.connected(3);
  await heard(said + 10);
  over = true;
  await speaking;
  await hears(viewer, said);
  assert.equal(viewer.socket.recovered, true);
  assert.deepEqual(viewer.all('gap'), []);
});
