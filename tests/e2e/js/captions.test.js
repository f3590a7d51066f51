/** Live captions as the official Socket.IO client sees them, over each transport and with each broker. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { BROKERS, Rig } from '../support/rig.js';
import { TRANSPORTS } from '../support/viewer.js';

/** What a transcriber of LinTO's sends for one sentence; numbers, nesting and non-ASCII must come through untouched. */
const SPEECH = [
  ['partial', { segmentId: 1, text: 'Bonsoir', start: 0.1, lang: 'fr-FR', locutor: null }],
  ['partial', { segmentId: 1, text: 'Bonsoir à tou', start: 0.1, lang: 'fr-FR', locutor: null }],
  ['final', { segmentId: 1, text: 'Bonsoir à tous 👋', start: 0.1, end: 1.25, locutor: 'Ève', words: [{ word: 'Bonsoir', conf: 0.98 }] }],
];
const TRANSLATION = { segmentId: 1, text: 'Good evening everybody', sourceLang: 'fr', targetLang: 'en', final: true };

for (const [broker, skip] of BROKERS) {
  describe(`captions through ${broker}`, { skip }, () => {
    /** @type {Rig} */
    let rig;
    before(async () => { rig = await Rig.start(broker); });
    afterEach(() => rig.closeViewers());
    after(() => rig?.stop());

    for (const [name, transports] of Object.entries(TRANSPORTS)) describe(name, () => captions(() => rig, transports));

    test('fifty_viewers_all_hear_every_final_in_order', async () => {
      const session = await rig.session();
      const viewers = await Promise.all(Array.from({ length: 50 }, (_, i) =>
        rig.viewer({ transports: Object.values(TRANSPORTS)[i % 3] })));
      await Promise.all(viewers.map((viewer) => viewer.ask('join_room', `${session}/1`)));
      await rig.publisher.sayFinals(`${session}/1`, 0, 100);
      for (const viewer of viewers) await viewer.until('final', 100);
      for (const viewer of viewers) assertNumbered(viewer.all('final'), 100);
    });
  });
}

/** The promises that hold over every transport. @param {() => Rig} rig @param {string[]} transports */
function captions(rig, transports) {
  test('join_with_ack_brings_what_is_said_after_it', async () => {
    const session = await rig().session();
    const viewer = await rig().viewer({ transports });
    assert.deepEqual(await viewer.ask('join_room', `${session}/1`), { ok: true });
    await rig().publisher.say(`${session}/1`, 'final', { text: 'at once' });
    assert.deepEqual(await viewer.until('final'), [{ text: 'at once' }]);
  });

  test('join_without_ack_works_too', async () => {
    const session = await rig().session();
    const viewer = await rig().viewer({ transports });
    viewer.socket.emit('join_room', `${session}/1`);
    // Events are served in order: the second join's acknowledgement says that the first was served.
    await viewer.ask('join_room', `${session}/1`);
    await rig().publisher.say(`${session}/1`, 'final', { text: 'heard' });
    assert.deepEqual(await viewer.until('final'), [{ text: 'heard' }]);
  });

  test('partials_and_finals_arrive_untouched_and_each_in_order', async () => {
    const session = await rig().session();
    const viewer = await rig().viewer({ transports });
    await viewer.ask('join_room', `${session}/1`);
    for (const [kind, payload] of SPEECH) await rig().publisher.say(`${session}/1`, kind, payload);
    await viewer.until('final');
    await viewer.until('partial', 2);
    for (const kind of ['partial', 'final']) {
      assert.deepEqual(viewer.all(kind), SPEECH.filter(([each]) => each === kind).map(([, payload]) => payload));
    }
  });

  test('translations_of_partials_and_finals_arrive_as_translation', async () => {
    const session = await rig().session();
    const viewer = await rig().viewer({ transports });
    await viewer.ask('join_room', `${session}/1`);
    await rig().publisher.say(`${session}/1`, 'partial/translations', { ...TRANSLATION, final: false });
    await viewer.until('translation');
    await rig().publisher.say(`${session}/1`, 'final/translations', TRANSLATION);
    assert.deepEqual(await viewer.until('translation', 2), [{ ...TRANSLATION, final: false }, TRANSLATION]);
  });

  test('a_room_hears_nothing_of_its_neighbours', async () => {
    const [session, other] = [await rig().session(), await rig().session()];
    const viewer = await rig().viewer({ transports });
    await viewer.ask('join_room', `${session}/1`);
    const neighbour = await rig().viewer({ transports });
    await neighbour.ask('join_room', `${other}/1`);
    await neighbour.ask('join_room', `${session}/2`);
    await rig().publisher.say(`${other}/1`, 'final', { text: 'another session' });
    await rig().publisher.say(`${session}/2`, 'final', { text: 'another channel' });
    await neighbour.until('final', 2);
    await rig().publisher.say(`${session}/1`, 'final', { text: 'fence' });
    assert.deepEqual(await viewer.until('final'), [{ text: 'fence' }]);
  });

  test('after_leave_is_acknowledged_the_room_is_silent', async () => {
    const session = await rig().session();
    const viewer = await rig().viewer({ transports });
    const witness = await rig().viewer({ transports });
    for (const each of [viewer, witness]) await each.ask('join_room', `${session}/1`);
    await viewer.ask('join_room', `${session}/2`);
    assert.deepEqual(await viewer.ask('leave_room', `${session}/1`), { ok: true });
    await rig().publisher.say(`${session}/1`, 'final', { text: 'not for those who left' });
    await witness.until('final');
    await rig().publisher.say(`${session}/2`, 'final', { text: 'fence' });
    assert.deepEqual(await viewer.until('final'), [{ text: 'fence' }]);
  });

  test('a_thousand_finals_in_a_burst_arrive_in_order', async () => {
    const session = await rig().session();
    const viewer = await rig().viewer({ transports });
    await viewer.ask('join_room', `${session}/1`);
    await rig().publisher.sayFinals(`${session}/1`, 0, 1_000);
    assertNumbered(await viewer.until('final', 1_000), 1_000);
  });
}

/** Asserts that these are finals 0, 1, 2 … without a gap or a repeat. @param {any[]} finals @param {number} count */
function assertNumbered(finals, count) {
  assert.deepEqual(finals.map(({ segmentId }) => segmentId), Array.from({ length: count }, (_, i) => i));
}
