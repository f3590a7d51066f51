/** The official client over HTTPS and WSS, trusting the server's certificate as it should: because it was told to. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Switchboard } from '../support/switchboard.js';
import { TRANSPORTS, Viewer } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

const file = (name) => fileURLToPath(new URL(`../support/certificate/${name}.pem`, import.meta.url));
const ca = readFileSync(file('cert'));

describe('over TLS', () => {
  /** @type {Switchboard} the demo, in which somebody always speaks */
  let server;
  let token;
  before(async () => {
    const env = { SWITCHBOARD_TLS_CERT: file('cert'), SWITCHBOARD_TLS_KEY: file('key') };
    server = await Switchboard.start({ command: 'demo', env });
    [, token] = await server.program.says(/^guest token: (\S+)$/m);
  });
  after(() => server?.stop());

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`captions arrive, ${name}`, async (t) => {
      assert.match(server.url, /^https:/);
      const viewer = await Viewer.connect(server.url, { transports, auth: { token }, ca, rejectUnauthorized: true });
      t.after(() => viewer.close());
      await eventually('the last transport', () => viewer.transport === transports.at(-1), () => viewer.transport);
      assert.deepEqual(await viewer.ask('join_room', 'demo-lecture/1'), { ok: true });
      await viewer.until('partial', 3);
      assert.deepEqual(viewer.disconnects, []);
    });

    test(`a client that was not told to trust the certificate does not connect, ${name}`, async (t) => {
      const viewer = new Viewer(server.url, { transports, auth: { token }, rejectUnauthorized: true });
      t.after(() => viewer.close());
      await eventually('a refusal', () => viewer.refusals.length > 0, () => viewer.state());
      assert.equal(viewer.connects, 0);
    });
  }
});
