/** Chat over documents with the official client, as a front of its own kind uses it: events alone, no acknowledgements. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Proxy } from '../support/proxy.js';
import { BROKERS, Rig } from '../support/rig.js';
import { Switchboard } from '../support/switchboard.js';
import { adminToken, userToken } from '../support/tokens.js';
import { TRANSPORTS } from '../support/viewer.js';
import { eventually } from '../support/wait.js';

const TEXT = 'The lighthouse keeper is called Marguerite. She paints the tower every spring.\n\nHer dog is called Pilot.';

/** @param {Switchboard} server @param {number} project @param {string} name @param {string} text */
async function upload(server, project, name, text) {
  const body = new FormData();
  body.append('file', new Blob([text]), name);
  const headers = { Authorization: `Bearer ${adminToken()}` };
  const answer = await fetch(`${server.url}/api/v1/projects/${project}/documents`, { method: 'POST', headers, body });
  assert.equal(answer.status, 201);
  return (await answer.json()).id;
}

/** @param {Switchboard} server @param {number} id @param {string} [organization] @returns {Promise<number>} a chat in it */
async function project(server, id, organization = 'acme') {
  await server.rest('PUT', `/organizations/${organization}`, { name: organization });
  const user = organization === 'acme' ? 'ada' : 'bob';
  await server.rest('PUT', `/organizations/${organization}/members/${user}`, { role: 'member' });
  await server.rest('POST', '/projects', { id, name: `Project ${id}`, organization });
  return (await server.rest('POST', `/projects/${id}/chats`, {})).id;
}

/** What a viewer was told of one chat's answers. @param {import('../support/viewer.js').Viewer} viewer @param {number} chat */
const told = (viewer, chat) => viewer.heard.filter(([, data]) => /** @type {any} */ (data)?.chat_id === chat);

for (const [broker, skip] of BROKERS) {
  describe(`chat on ${broker}`, { skip }, () => {
    /** @type {Rig} */
    let rig;
    /** @type {number} */
    let chat;
    /** @type {number} */
    let foreign;
    before(async () => {
      rig = await Rig.start(broker);
      chat = await project(rig.server, 1);
      await project(rig.server, 2);
      foreign = await project(rig.server, 3, 'umbrella');
    });
    afterEach(() => rig.closeViewers());
    after(() => rig?.stop());

    for (const [name, transports] of Object.entries(TRANSPORTS)) {
      test(`a document is processed, and an answer grows from it, ${name}`, async () => {
        const ada = await rig.viewer({ transports });
        assert.deepEqual(ada.greetings, [['connection_status', { status: 'connected' }]]);
        ada.socket.emit('join_project', { project_id: 1 });
        assert.deepEqual(await ada.until('project_joined'), [{ project_id: 1, status: 'success' }]);
        const document = await upload(rig.server, 1, 'keeper.txt', TEXT);
        await eventually('the document', () => /** @type {any[]} */ (ada.all('document_status')).some((s) => s.status === 'completed'), () => ada.state());
        const steps = /** @type {any[]} */ (ada.all('document_status')).filter((s) => s.document_id === document);
        assert.ok(steps.every((step, n) => n === 0 || step.progress >= steps[n - 1].progress), JSON.stringify(steps));
        assert.equal(steps.at(-1).progress, 100);
        const [added] = /** @type {any[]} */ (ada.all('project_update'));
        assert.deepEqual(added, { type: 'document_added', data: { project_id: 1, document_id: document, filename: 'keeper.txt' } });

        ada.socket.emit('send_message', { chat_id: chat, message: 'What is the lighthouse keeper called?', temperature: 0.7, include_history: true });
        const [complete] = /** @type {any[]} */ (await ada.until('message_complete'));
        const events = told(ada, chat);
        const names = events.map(([event]) => event);
        assert.deepEqual([names[0], names[1], names.at(-1)], ['message_received', 'message_sources', 'message_complete']);
        assert.ok(names.slice(2, -1).length > 1 && names.slice(2, -1).every((event) => event === 'message_token'));
        const [{ sources }] = /** @type {any[]} */ (ada.all('message_sources'));
        assert.ok(sources.length > 0 && sources.every(({ score }) => score >= 0 && score <= 1));
        assert.match(sources[0].content, /Marguerite/);
        const answer = /** @type {any[]} */ (ada.all('message_token')).map(({ token }) => token).join('');
        assert.match(answer, /Marguerite/);
        assert.deepEqual(complete.metadata, { model: 'extractive', sources_count: sources.length });
        assert.equal(new Set(events.map(([, data]) => /** @type {any} */ (data).message_id)).size, 1);
        const { items } = await rig.server.rest('GET', `/projects/1/chats/${chat}/messages?limit=200`);
        assert.equal(items.at(-1).content, answer);
        assert.deepEqual(items.at(-1).sources, sources);
        await rig.server.rest('DELETE', `/projects/1/documents/${document}`);
        await eventually('the deletion', () => /** @type {any[]} */ (ada.all('project_update')).some((u) => u.type === 'document_deleted'), () => ada.state());
      });
    }

    test('one project at a time, and nothing of others', async () => {
      const ada = await rig.viewer();
      for (const id of [1, 2]) ada.socket.emit('join_project', { project_id: id });
      await ada.until('project_joined', 2);
      for (const id of [1, 2]) await rig.server.rest('POST', `/projects/${id}/events`, { event: 'custom_event', data: { id } });
      assert.deepEqual(await ada.until('custom_event'), [{ id: 2 }]);
      ada.socket.emit('leave_project', { project_id: 2 });
      await ada.until('project_left');
      await rig.server.rest('POST', '/projects/2/events', { event: 'custom_event', data: { id: 3 } });
      ada.socket.emit('join_project', { project_id: 3 });
      const [error] = /** @type {any[]} */ (await ada.until('error'));
      assert.equal(error.message, 'there is no such project');
      assert.equal(ada.all('custom_event').length, 1);
      assert.equal(ada.socket.connected, true);
    });

    test('what is wrong is an error event with the chat, and the socket stays', async () => {
      const ada = await rig.viewer();
      for (const question of [{}, { chat_id: String(chat), message: 'a' }, { chat_id: chat }, { chat_id: foreign, message: 'a' }]) {
        ada.socket.emit('send_message', question);
      }
      const errors = /** @type {any[]} */ (await ada.until('error', 4));
      assert.deepEqual(errors.map(({ message }) => message), [
        'chat_id is required',
        'chat_id must be a whole number from 1 to 9007199254740991',
        'message is required',
        'there is no such chat',
      ]);
      assert.deepEqual(errors.map(({ chat_id }) => chat_id), [undefined, undefined, chat, foreign]);
      ada.socket.emit('ping', {});
      const [pong] = /** @type {any[]} */ (await ada.until('pong'));
      assert.ok(Math.abs(Date.now() - pong.timestamp) < 60_000);
    });
  });
}

test('a member is in its project again after a lost link, without asking', async (t) => {
  const rig = await Rig.start('the embedded broker', { env: { SWITCHBOARD_RECOVERY: 'on' } });
  t.after(() => rig.stop());
  await project(rig.server, 1);
  const proxy = await Proxy.start(rig.server.url);
  t.after(() => proxy.stop());
  const ada = await rig.viewer({ url: proxy.url });
  ada.socket.emit('join_project', { project_id: 1 });
  await ada.until('project_joined');
  proxy.cut();
  await eventually('the loss', () => ada.disconnects.length === 1, () => ada.state());
  await rig.server.rest('POST', '/projects/1/events', { event: 'custom_event', data: 1 });
  proxy.admit();
  assert.deepEqual(await ada.until('custom_event'), [1]);
  await rig.server.rest('POST', '/projects/1/events', { event: 'custom_event', data: 2 });
  assert.deepEqual(await ada.until('custom_event', 2), [1, 2]);
});

test('without a token a client may chat in the open mode, and nothing else', async (t) => {
  const rig = await Rig.start('the embedded broker', { env: { SWITCHBOARD_ANONYMOUS: 'chat' } });
  t.after(() => rig.stop());
  const chat = await project(rig.server, 1);
  const session = await rig.session();
  const viewer = await rig.viewer({ auth: {} });
  viewer.socket.emit('join_project', { project_id: 1 });
  await viewer.until('project_joined');
  viewer.socket.emit('send_message', { chat_id: chat, message: 'Is anybody there?' });
  await viewer.until('message_complete');
  // The session is public; that is for those with a token.
  viewer.socket.emit('join_room', `${session}/1`);
  await viewer.until('unauthorized');
  const closed = await Rig.start('the embedded broker');
  t.after(() => closed.stop());
  const refused = closed.newViewer({ auth: {} });
  await eventually('the refusal', () => refused.refusals.includes('Authentication required'), () => refused.state());
});

test('an event raised at one switchboard reaches members at another', async (t) => {
  const rig = await Rig.start('the embedded broker');
  t.after(() => rig.stop());
  await project(rig.server, 1);
  const other = await Switchboard.start({ mqttUrl: rig.server.mqttUrl, env: { SWITCHBOARD_DATABASE_URL: `sqlite://${rig.server.folder}/switchboard.db` } });
  t.after(() => other.stop());
  await other.ready();
  const ada = await rig.viewer({ url: other.url, auth: { token: userToken('ada') } });
  ada.socket.emit('join_project', { project_id: 1 });
  await ada.until('project_joined');
  await rig.server.rest('POST', '/projects/1/events', { event: 'custom_event', data: { a: [1] } });
  assert.deepEqual(await ada.until('custom_event'), [{ a: [1] }]);
});
