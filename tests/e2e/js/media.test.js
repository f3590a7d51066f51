/** What an organization has in processing, what its language models do, and the events of its folders. */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { BROKERS, Rig } from '../support/rig.js';
import { mint, userToken } from '../support/tokens.js';
import { eventually } from '../support/wait.js';

/** Pause between two polls, in ms. */
const POLL = 100;

const job = (state, progress) => ({ transcription: { state, progress } });

for (const [broker, skip] of BROKERS) {
  describe(`an organization's media on ${broker}`, { skip }, () => {
    /** @type {Rig} */
    let rig;
    let organizations = 0;
    before(async () => { rig = await Rig.start(broker, { env: { SWITCHBOARD_MEDIA_POLL_MS: String(POLL) } }); });
    afterEach(() => rig.closeViewers());
    after(() => rig?.stop());

    /** An organization of its own for each test, whose member ada is. */
    async function organization() {
      organizations += 1;
      const id = `org-${organizations}`;
      await rig.server.rest('PUT', `/organizations/${id}`, { name: id });
      await rig.server.rest('PUT', `/organizations/${id}/members/ada`, { role: 'member' });
      return id;
    }
    const create = (id, org, jobs) => rig.server.rest('POST', '/conversations', { _id: id, name: `Recording ${id}`, organization: org, jobs });
    const patch = (id, jobs) => rig.server.rest('PATCH', `/conversations/${id}`, { jobs });

    test('a watcher gets the list at once, progress with the next poll, and each end exactly once', async () => {
      const org = await organization();
      for (const id of ['x', 'y']) await create(`${org}-${id}`, org, job('processing', 10));
      const ada = await rig.viewer();
      assert.equal((await ada.ask('watch_organization_media', org)).ok, true);
      const [list] = /** @type {any[]} */ (await ada.until('conversation_processing'));
      assert.deepEqual(list, ['x', 'y'].map((id) => ({ _id: `${org}-${id}`, name: `Recording ${org}-${id}`, jobs: job('processing', 10) })));
      await patch(`${org}-x`, job('processing', 45));
      await eventually('45 %', () => ada.all('conversation_processing').some((all) => all[0]?.jobs.transcription.progress === 45), () => ada.state());
      await patch(`${org}-x`, job('done', 100));
      await patch(`${org}-y`, job('error', 45));
      assert.deepEqual(await ada.until('conversation_processing_done'), [`${org}-x`]);
      assert.deepEqual(await ada.until('conversation_processing_error'), [`${org}-y`]);
      // A fence, several polls later: a third conversation comes and goes.
      await create(`${org}-z`, org, job('processing', 1));
      await ada.until('conversation_created');
      await patch(`${org}-z`, job('done', 100));
      assert.deepEqual(await ada.until('conversation_processing_done', 2), [`${org}-x`, `${org}-z`]);
      assert.equal(ada.all('conversation_processing_error').length, 1);
    });

    test('what is created and deleted is told with the documented fields alone', async () => {
      const org = await organization();
      const ada = await rig.viewer();
      await ada.ask('watch_organization_media', org);
      await create(`${org}-a`, org, job('processing', 5));
      assert.deepEqual(await ada.until('conversation_created'), [{ _id: `${org}-a`, name: `Recording ${org}-a`, organization: org, jobs: job('processing', 5) }]);
      await rig.server.rest('DELETE', `/conversations/${org}-a`);
      assert.deepEqual(await ada.until('conversation_deleted'), [{ id: `${org}-a`, status: 'deleted' }]);
      await rig.publisher.organizationEvent(org, 'conversation_created', { _id: 'b', name: 'B', organization: org, jobs: job('pending', 0), text: 'the whole text', owner: 'eve' });
      assert.deepEqual((await ada.until('conversation_created', 2))[1], { _id: 'b', name: 'B', organization: org, jobs: job('pending', 0) });
    });

    test('session watch and media watch are counted apart', async () => {
      const org = await organization();
      const ada = await rig.viewer();
      for (const what of ['session', 'media']) await ada.ask(`watch_organization_${what}`, org);
      const name = `orga_${org}_session_update`;
      await ada.ask('unwatch_organization_media', org);
      await rig.publisher.list([{ id: `${org}-s`, organizationId: org, channels: [] }]);
      await ada.until(name);
      await ada.ask('watch_organization_media', org);
      await ada.ask('unwatch_organization_session', org);
      await rig.publisher.list([]);
      await create(`${org}-c`, org, job('processing', 5));
      await ada.until('conversation_created');
      assert.equal(ada.all(name).length, 1);
    });

    test('a change at one switchboard reaches the watchers of another, once', { skip: broker === 'mosquitto' ? false : 'two switchboards need a broker outside both' }, async () => {
      const org = await organization();
      const second = await rig.server.constructor.start({ mqttUrl: rig.mosquitto?.url, env: { SWITCHBOARD_NODE: 'second' } });
      try {
        await second.ready();
        await second.rest('PUT', `/organizations/${org}`, { name: org });
        await second.rest('PUT', `/organizations/${org}/members/ada`, { role: 'member' });
        const [here, there] = [await rig.viewer(), await rig.viewer({ url: second.url })];
        for (const viewer of [here, there]) await viewer.ask('watch_organization_media', org);
        await create(`${org}-a`, org, job('processing', 5));
        await rig.server.rest('DELETE', `/conversations/${org}-a`);
        for (const viewer of [here, there]) {
          await viewer.until('conversation_deleted');
          assert.equal(viewer.all('conversation_created').length, 1);
          viewer.close();
        }
      } finally {
        await second.stop();
      }
    });

    test('a job is named by its status, reaches each follower once, and nobody after llm:leave', async () => {
      const org = await organization();
      const ada = await rig.viewer();
      assert.equal((await ada.ask('llm:join', { organizationId: org, conversationId: 'c' })).ok, true);
      const say = (status, fields = {}) => rig.publisher.organizationEvent(org, 'llm:job:update', { organizationId: org, conversationId: 'c', jobId: 'j', status, ...fields });
      await say('processing', { progress: 40 });
      await say('completed', { result: 'a summary' });
      await say('failed', { error: { message: 'no' } });
      await say('cancelled');
      await ada.until('llm:job:update', 2);
      assert.deepEqual(ada.heard.map(([name, { status }]) => [name, status]), [
        ['llm:job:update', 'processing'], ['llm:job:complete', 'completed'], ['llm:job:error', 'failed'], ['llm:job:update', 'cancelled'],
      ]);
      assert.equal((await ada.ask('llm:leave', { organizationId: org, conversationId: 'c' })).ok, true);
      const witness = await rig.viewer();
      await witness.ask('llm:join', { organizationId: org });
      await say('processing');
      await witness.until('llm:job:update');
      assert.equal(ada.heard.length, 4);
    });

    test('who may not follow an organization\'s jobs is told so, and stays', async () => {
      const org = await organization();
      const stranger = await rig.viewer({ auth: { token: userToken('eve') } });
      const answer = await stranger.ask('llm:join', { organizationId: org });
      assert.equal(answer.ok, false);
      const [refusal] = /** @type {any[]} */ (await stranger.until('llm:job:error'));
      assert.deepEqual(Object.keys(refusal), ['error']);
      for (const bad of [undefined, null, 7, 'x', {}, { organizationId: 7 }, { organizationId: 'a/b' }, { organizationId: org, conversationId: {} }]) {
        assert.equal((await stranger.ask('llm:join', bad)).ok, false, JSON.stringify(bad));
      }
      const guest = await rig.viewer({ auth: { token: mint({ guest: true, session: 's', organization: org }) } });
      assert.equal((await guest.ask('llm:join', { organizationId: org })).ok, true);
      await rig.publisher.organizationEvent(org, 'llm:job:update', { organizationId: org, jobId: 'j', status: 'processing' });
      await guest.until('llm:job:update');
      assert.equal(stranger.all('llm:job:update').length, 0);
      assert.deepEqual(stranger.disconnects, []);
    });

    test('a private folder is shown to its owner alone', async () => {
      const org = await organization();
      await rig.server.rest('PUT', `/organizations/${org}/members/bob`, { role: 'member' });
      const [ada, bob] = [await rig.viewer(), await rig.viewer({ auth: { token: userToken('bob') } })];
      for (const viewer of [ada, bob]) await viewer.ask('watch_organization_media', org);
      const folder = { _id: 'f', name: 'Mine', organizationId: org, visibility: 'private', owner: 'bob', members: [] };
      await rig.publisher.organizationEvent(org, 'folder_created', folder);
      await rig.publisher.organizationEvent(org, 'folders_refresh');
      for (const viewer of [ada, bob]) await viewer.until('folders_refresh');
      assert.deepEqual(bob.all('folder_created'), [folder]);
      assert.deepEqual(ada.all('folder_created'), []);
    });
  });
}
