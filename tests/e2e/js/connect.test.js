/** Who may connect, where the token may be, and how a connection is refused. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Rig } from '../support/rig.js';
import { adminToken, inSeconds, mint, userToken } from '../support/tokens.js';
import { TRANSPORTS } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

const token = userToken('ada');

/** Where a token may be. */
const PLACES = {
  'auth.token': { auth: { token } },
  'auth.publicToken': { auth: { publicToken: token } },
  "the query's token": { auth: {}, query: { token } },
  'Authorization: Bearer': { auth: {}, extraHeaders: { Authorization: `Bearer ${token}` } },
};

/** Tokens that vouch for nobody. */
const BAD_TOKENS = {
  'that is no JWT': 'nonsense',
  'signed with another key': mint({ sub: 'ada' }, { secret: 'another key of more than thirty-two bytes' }),
  'that has expired': mint({ sub: 'ada', exp: inSeconds(-60) }),
  'that never expires': mint({ sub: 'ada', exp: undefined }),
  'that names nobody': mint({}),
  'without a signature': mint({ sub: 'ada' }, { alg: 'none' }),
  'that is a number': 42,
};

describe('connecting', () => {
  /** @type {Rig} */
  let rig;
  before(async () => { rig = await Rig.start('the embedded broker'); });
  afterEach(() => rig.closeViewers());
  after(() => rig?.stop());

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    for (const [place, options] of Object.entries(PLACES)) {
      test(`a token in ${place} admits, ${name}`, async () => {
        const viewer = await rig.viewer({ transports, ...options });
        assert.equal((await viewer.ask('join_room', `${await rig.session()}/1`)).ok, true);
      });
    }

    test(`without a token: Authentication required, ${name}`, async () => {
      assert.equal(await refusal(rig, { transports, auth: {} }), 'Authentication required');
    });

    for (const [what, bad] of Object.entries(BAD_TOKENS)) {
      test(`a token ${what}: Invalid token, ${name}`, async () => {
        assert.equal(await refusal(rig, { transports, auth: { token: bad } }), 'Invalid token');
      });
    }

    test(`an unknown namespace: Invalid namespace, ${name}`, async () => {
      assert.equal(await refusal(rig, { transports, url: `${rig.server.url}/nowhere` }), 'Invalid namespace');
    });

    test(`the default transport ends as expected, ${name}`, async () => {
      const viewer = await rig.viewer({ transports });
      await eventually('the last transport', () => viewer.transport === transports.at(-1), () => viewer.transport);
    });
  }

  test('a refused socket can connect again with a good token', async () => {
    const viewer = rig.newViewer({ auth: { token: 'nonsense' } });
    await eventually('a refusal', () => viewer.refusals.length > 0, () => viewer.state());
    viewer.socket.auth = { token };
    viewer.socket.connect();
    await viewer.connected();
  });

  test('a guest and an administrator connect too', async () => {
    const session = await rig.session();
    const guest = await rig.viewer({ auth: { token: mint({ guest: true, session, organization: 'acme' }) } });
    assert.equal((await guest.ask('join_room', `${session}/1`)).ok, true);
    const admin = await rig.viewer({ auth: { token: adminToken() } });
    assert.equal((await admin.ask('join_room', `${session}/1`)).ok, true);
  });
});

describe('connecting with SWITCHBOARD_REFUSAL=unauthorized', () => {
  /** @type {Rig} */
  let rig;
  before(async () => {
    rig = await Rig.start('the embedded broker', { env: { SWITCHBOARD_REFUSAL: 'unauthorized' } });
  });
  afterEach(() => rig.closeViewers());
  after(() => rig?.stop());

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`a bad token hears unauthorized and is disconnected, ${name}`, async () => {
      const viewer = rig.newViewer({ transports, auth: { token: 'nonsense' } });
      await eventually('the disconnect', () => viewer.disconnects.length > 0, () => viewer.state());
      assert.deepEqual(viewer.heard.map(([event]) => event), ['unauthorized']);
      assert.deepEqual([viewer.connects, viewer.disconnects, viewer.refusals], [1, ['io server disconnect'], []]);
    });
  }
});

/** Connects in vain. @param {Rig} rig @returns {Promise<string>} the only message of the refusal */
async function refusal(rig, options) {
  const viewer = rig.newViewer(options);
  await eventually('a refusal', () => viewer.refusals.length > 0, () => viewer.state());
  assert.deepEqual([viewer.connects, viewer.refusals.length], [0, 1]);
  return viewer.refusals[0];
}
