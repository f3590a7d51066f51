/** Who may join a room, what becomes of those who may not, and of tokens that end. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Rig } from '../support/rig.js';
import { inSeconds, mint, userToken } from '../support/tokens.js';
import { TRANSPORTS } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

/** Values that are no room's name. */
const MALFORMED = [null, 7, {}, [], '', 'session', 'a/b/c', 'a/+', '#', 'a/$b', 'a/\u0000', '../1', `${'x'.repeat(1_000)}/1`];

describe('access', () => {
  /** @type {Rig} */
  let rig;
  before(async () => { rig = await Rig.start('the embedded broker'); });
  afterEach(() => rig.closeViewers());
  after(() => rig?.stop());

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`a join that is denied: unauthorized, then io server disconnect, ${name}`, async () => {
      const session = await rig.session({ visibility: 'organization' });
      await assertDenied(await rig.viewer({ transports }), `${session}/1`);
    });

    test(`a session that does not exist is denied like one that is closed, ${name}`, async () => {
      await assertDenied(await rig.viewer({ transports }), 'no-such-session/1');
    });

    test(`a malformed room is an error and the socket stays, ${name}`, async () => {
      const session = await rig.session();
      const viewer = await rig.viewer({ transports });
      for (const room of MALFORMED) {
        const answer = await viewer.ask('join_room', room);
        assert.equal(answer.ok, false, JSON.stringify(room));
        assert.equal(typeof answer.error, 'string');
      }
      viewer.socket.emit('join_room');
      const [error] = await viewer.until('error');
      assert.equal(typeof (/** @type {any} */ (error).message), 'string');
      assert.equal((await viewer.ask('join_room', `${session}/1`)).ok, true);
      assert.deepEqual(viewer.disconnects, []);
    });
  }

  test('members and the owner join what others may not', async () => {
    const session = await rig.session({ visibility: 'private', owner: 'owner' });
    await rig.server.rest('PUT', '/organizations/acme/members/member', { role: 'member' });
    for (const id of ['owner', 'member']) {
      const viewer = await rig.viewer({ auth: { token: userToken(id) } });
      assert.deepEqual(await viewer.ask('join_room', `${session}/1`), { ok: true });
    }
    await assertDenied(await rig.viewer(), `${session}/1`);
  });

  test('a guest of a session with a password joins that session alone', async () => {
    const [session, other] = [await rig.session({ password: 'open sesame' }), await rig.session({ password: 'open sesame' })];
    const { token } = await rig.server.rest('POST', `/sessions/${session}/guest-token`, { password: 'open sesame' });
    const guest = await rig.viewer({ auth: { token } });
    assert.deepEqual(await guest.ask('join_room', `${session}/1`), { ok: true });
    await assertDenied(guest, `${other}/1`);
    await assertDenied(await rig.viewer(), `${session}/1`);
  });

  test('the end of one viewer is no business of the others', async () => {
    const session = await rig.session();
    const [viewer, denied] = [await rig.viewer(), await rig.viewer()];
    for (const each of [viewer, denied]) await each.ask('join_room', `${session}/1`);
    await assertDenied(denied, 'no-such-session/1');
    await rig.publisher.say(`${session}/1`, 'final', { text: 'going on' });
    assert.deepEqual(await viewer.until('final'), [{ text: 'going on' }]);
  });

  test('an expired token ends its socket', async () => {
    const session = await rig.session();
    const viewer = await rig.viewer({ auth: { token: mint({ sub: 'ada', exp: inSeconds(2) }) } });
    await viewer.ask('join_room', `${session}/1`);
    await eventually('the disconnect', () => viewer.disconnects.length > 0, () => viewer.state());
    assert.deepEqual(viewer.heard.map(([event]) => event), ['token_expiring', 'unauthorized']);
    assert.deepEqual(viewer.disconnects, ['io server disconnect']);
  });

  test('authenticate with a fresh token carries on beyond the first one', async () => {
    const session = await rig.session();
    const exp = inSeconds(3);
    const viewer = await rig.viewer({ auth: { token: mint({ sub: 'ada', exp }) } });
    const other = await rig.viewer({ auth: { token: mint({ sub: 'bob', exp }) } });
    await viewer.ask('join_room', `${session}/1`);
    assert.deepEqual(await viewer.until('token_expiring'), [{ expires_at: exp * 1_000 }]);
    assert.equal((await viewer.ask('authenticate', { token: mint({ sub: 'eve' }) })).ok, false);
    assert.equal((await viewer.ask('authenticate', { token: userToken('ada') })).ok, true);
    // Its token ended at the same moment, and it did not renew it.
    await eventually('the end of the other', () => other.disconnects.length > 0, () => other.state());
    await rig.publisher.say(`${session}/1`, 'final', { text: 'still here' });
    assert.deepEqual(await viewer.until('final'), [{ text: 'still here' }]);
    assert.deepEqual(viewer.disconnects, []);
  });
});

/** @param {import('../support/viewer.js').Viewer} viewer @param {string} room */
async function assertDenied(viewer, room) {
  viewer.socket.emit('join_room', room);
  await eventually('the disconnect', () => viewer.disconnects.length > 0, () => viewer.state());
  assert.deepEqual(viewer.heard.at(-1), ['unauthorized']);
  assert.deepEqual(viewer.disconnects, ['io server disconnect']);
  assert.equal(viewer.connects, 1);
}
