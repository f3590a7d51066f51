/** The program's commands, as their users run them, with the official client as the viewer. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Program } from '../support/process.js';
import { Rig } from '../support/rig.js';
import { BINARY, Switchboard } from '../support/switchboard.js';
import { SECRET } from '../support/tokens.js';
import { Viewer } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

const SUBTITLES = `WEBVTT

00:00:00.100 --> 00:00:00.300
One line.

00:00:00.300 --> 00:00:00.600
Another line.
`;

describe('commands beside a server', () => {
  /** @type {Rig} */
  let rig;
  before(async () => { rig = await Rig.start('the embedded broker'); });
  afterEach(() => rig.closeViewers());
  after(() => rig?.stop());

  /** Runs a command to its end. @returns {Promise<string>} its standard output */
  async function run(...args) {
    const program = new Program(BINARY, args, {
      SWITCHBOARD_JWT_SECRET: SECRET,
      SWITCHBOARD_DATABASE_URL: `sqlite://${join(rig.server.folder, 'switchboard.db')}`,
      SWITCHBOARD_MQTT_URL: rig.server.mqttUrl,
    });
    const { code } = await program.exit();
    assert.equal(code, 0, program.stderr);
    return program.stdout;
  }

  test('each kind of token is printed alone on a line, and is accepted', async () => {
    const session = await rig.session();
    for (const whom of [['user', 'ada'], ['guest', '--session', session], ['admin']]) {
      const printed = await run('token', ...whom);
      assert.match(printed, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      const viewer = await rig.viewer({ auth: { token: printed.trim() } });
      assert.deepEqual(await viewer.ask('join_room', `${session}/1`), { ok: true });
    }
  });

  test('replay publishes a recording to whoever watches', async () => {
    const session = await rig.session();
    const viewer = await rig.viewer();
    await viewer.ask('join_room', `${session}/1`);
    const file = join(rig.server.folder, 'talk.vtt');
    await writeFile(file, SUBTITLES);
    await run('replay', file, '--session', session, '--channel', '1');
    const finals = /** @type {any[]} */ (await viewer.until('final', 2));
    assert.deepEqual(finals.map(({ text }) => text), ['One line.', 'Another line.']);
    assert.ok(viewer.all('partial').length > 0);
  });

  test('watch shows in a terminal what is said', async (t) => {
    const session = await rig.session();
    const token = await run('token', 'user', 'ada');
    const watch = new Program(BINARY, ['watch', `${session}/1`, '--url', rig.server.url, '--token', token.trim()], {});
    t.after(() => watch.kill());
    // It does not say when it has joined: speak until it shows something.
    await eventually('the words in the terminal', async () => {
      await rig.publisher.say(`${session}/1`, 'final', { text: 'Spoken words.' });
      return watch.stdout.includes('Spoken words.');
    }, () => watch);
  });
});

test('demo speaks to the official client with the tokens it prints, and ends at SIGTERM with 0', async (t) => {
  const server = await Switchboard.start({ command: 'demo' });
  t.after(() => server.stop());
  for (const kind of ['user', 'guest', 'admin']) {
    const [, token] = await server.program.says(new RegExp(`^${kind} token: (\\S+)$`, 'm'));
    const viewer = await Viewer.connect(server.url, { auth: { token } });
    t.after(() => viewer.close());
    assert.deepEqual(await viewer.ask('join_room', 'demo-lecture/1'), { ok: true });
    await viewer.until('partial', 2);
  }
  assert.deepEqual(await server.terminate(), { code: 0, signal: null });
});
