/** A deploy, as the official client goes through it: told, closed, and back by itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rig } from '../support/rig.js';
import { eventually } from '../support/wait.js';

for (const transports of [['websocket'], ['polling', 'websocket']]) {
  test(`viewers are told to come back, each at its moment, and do so by themselves, over ${transports}`, async (t) => {
    const rig = await Rig.start('the embedded broker');
    t.after(() => rig.stop());
    const room = `${await rig.session()}/1`;
    const viewers = await Promise.all(Array.from({ length: 5 }, () => rig.viewer({ transports })));
    for (const viewer of viewers) {
      await eventually('the upgrade', () => viewer.transport === 'websocket', () => viewer.transport);
      assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
    }
    await rig.publisher.say(room, 'final', { text: 'before' });
    for (const viewer of viewers) await viewer.until('final');

    assert.deepEqual(await rig.server.terminate(), { code: 0, signal: null });
    for (const viewer of viewers) {
      await eventually('the loss', () => viewer.disconnects.length > 0, () => viewer.state());
      // After a DISCONNECT packet it would be "io server disconnect", and the client would stay away.
      assert.deepEqual(viewer.disconnects, ['transport close']);
      assert.equal(viewer.all('draining').length, 1);
    }
    const told = viewers.map((viewer) => /** @type {any} */ (viewer.all('draining')[0]).reconnect_in_ms);
    assert.deepEqual(told.toSorted((a, b) => a - b), [0, 1, 2, 3, 4]);

    await rig.server.run();
    await rig.server.ready();
    await rig.connectPublisher();
    for (const viewer of viewers) {
      await viewer.connected(2);
      assert.deepEqual(await viewer.ask('join_room', room), { ok: true });
    }
    await rig.publisher.say(room, 'final', { text: 'after' });
    for (const viewer of viewers) assert.deepEqual((await viewer.until('final', 2))[1], { text: 'after' });
  });
}
