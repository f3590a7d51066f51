/** Finals that are kept: what newcomers get first, and transcripts. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { BROKERS, Rig } from '../support/rig.js';
import { userToken } from '../support/tokens.js';
import { TRANSPORTS } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

/** The numbers of finals that `from`, `to` bound; `to` is not one of them. */
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const numbers = (finals) => finals.map(({ segmentId }) => segmentId);

for (const [broker, skip] of BROKERS) {
  describe(`finals that are kept on ${broker}`, { skip }, () => {
    /** @type {Rig} */
    let rig;
    before(async () => { rig = await Rig.start(broker); });
    afterEach(() => rig.closeViewers());
    after(() => rig?.stop());

    for (const [name, transports] of Object.entries(TRANSPORTS)) {
      test(`a newcomer gets the last finals first, then the live flow, ${name}`, async () => {
        const room = `${await rig.session()}/1`;
        const first = await rig.viewer();
        await first.ask('join_room', room);
        await rig.publisher.sayFinals(room, 0, 30);
        await rig.publisher.say(room, 'partial', { text: 'never kept' });
        await first.until('partial');
        const newcomer = await rig.viewer({ transports });
        assert.deepEqual(await newcomer.ask('join_room', room, { history: 20 }), { ok: true, history: 20 });
        await rig.publisher.sayFinals(room, 30, 40);
        assert.deepEqual(numbers(await newcomer.until('final', 30)), range(10, 40));
        assert.deepEqual(newcomer.all('partial'), []);
        assert.deepEqual(await newcomer.ask('join_room', room, { history: 1.5 }).then(({ ok }) => ok), false);
      });
    }

    test('whoever joins in the middle of a burst sees neither gap nor repeat', async () => {
      const room = `${await rig.session()}/1`;
      const first = await rig.viewer();
      await first.ask('join_room', room);
      const burst = rig.publisher.sayFinals(room, 0, 400);
      const crowd = await Promise.all(range(0, 20).map(async () => {
        const viewer = await rig.viewer();
        await viewer.ask('join_room', room, { history: 500 });
        return viewer;
      }));
      await burst;
      for (const viewer of crowd) assert.deepEqual(numbers(await viewer.until('final', 400)), range(0, 400));
    });

    test('a recorded session is kept while nobody looks, over a restart, and served as a transcript', async () => {
      const session = await rig.session({ record: true });
      await eventually('the recording', async () => /switchboard_rooms_recorded [1-9]/.test(await (await fetch(`${rig.server.url}/metrics`)).text()));
      const lines = [['ada', 'Good evening.'], ['bob', 'Is <this> on?']];
      for (const [i, [speaker, text]] of lines.entries()) await rig.publisher.say(`${session}/1`, 'final', { segmentId: i, text, start: i * 2_000, end: i * 2_000 + 1_500, speaker });
      const read = async (query, token = userToken('eve')) => fetch(`${rig.server.url}/api/v1/sessions/${session}/channels/1/transcript${query}`, { headers: { Authorization: `Bearer ${token}` } });
      const items = async () => (await (await read('')).json()).items;
      await eventually('both lines', async () => (await items()).length === 2);
      assert.equal((await rig.server.terminate()).code, 0);
      await rig.server.run();
      await rig.server.ready();
      await rig.connectPublisher();
      assert.deepEqual((await items()).map(({ text }) => text), lines.map(([, text]) => text));
      assert.equal(await (await read('?format=txt')).text(), 'ada: Good evening.\nbob: Is <this> on?\n');
      assert.match(await (await read('?format=srt')).text(), /^1\r?\n00:00:00,000 --> 00:00:01,500\r?\n/);
      const vtt = await read('?format=vtt');
      assert.match(vtt.headers.get('content-type') ?? '', /^text\/vtt/);
      assert.match(await vtt.text(), /^WEBVTT\n[\s\S]*00:00:02\.000 --> 00:00:03\.500\n[\s\S]*&lt;this&gt;/);
      assert.equal((await read('?format=pdf')).status, 400);
      const viewer = await rig.viewer();
      assert.deepEqual(await viewer.ask('join_room', `${session}/1`, { history: 1 }), { ok: true, history: 1 });
      assert.deepEqual(numbers(await viewer.until('final')), [1]);
    });

    test('who may not join may not read, and learns nothing', async () => {
      const session = await rig.session({ visibility: 'organization' });
      for (const id of [session, 'unknown']) {
        const answer = await fetch(`${rig.server.url}/api/v1/sessions/${id}/channels/1/transcript`, { headers: { Authorization: `Bearer ${userToken('eve')}` } });
        assert.equal(answer.status, 404);
        assert.equal((await answer.json()).error.code, 'not_found');
      }
    });
  });
}
