/** Somebody who looks at an organization's dashboard, and what its tests have to show. */

import { OrganizationServer } from './organization-server.js';

/** A token's form; the test server accepts any. */
export const TOKEN = 'aaa.bbb.ccc';

/** @param {number} index @param {string} name @param {'active' | 'inactive'} streamStatus @param {string[]} [languages] */
export const channel = (index, name, streamStatus, languages) => ({ index, name, streamStatus, languages });

/** A session with one channel. @param {string} id @param {string} name @param {'active' | 'inactive'} [streamStatus] */
export const session = (id, name, streamStatus = 'inactive') => ({
  id, name, status: 'ready', organizationId: 'acme', visibility: 'public', channels: [channel(1, 'Floor', streamStatus, ['en'])],
});

/** @param {string} id @param {string} name @param {string} state @param {number} progress */
export const upload = (id, name, state = 'processing', progress = 0) => ({ _id: id, name, jobs: { transcription: { state, progress } } });

/**
 * Opens the dashboard of the organization `acme` on a server of the test's own.
 *
 * @param {import('node:test').TestContext} t
 * @param {import('./browser.js').Browser} browser
 * @param {{sessions?: unknown[], uploads?: unknown[], prepare?: (server: OrganizationServer) => void, address?: string,
 *   context?: import('playwright-core').BrowserContextOptions}} [options] `prepare` sets the server up before the page is opened
 */
export async function watching(t, browser, { sessions = [], uploads = [], prepare, address = `?organization=acme#token=${TOKEN}`, context } = {}) {
  const server = await OrganizationServer.start();
  t.after(() => server.stop());
  Object.assign(server, { sessions, uploads });
  prepare?.(server);
  const reader = await browser.reader(context);
  t.after(() => reader.close());
  await reader.page.goto(`${server.url}/${address}`);
  const here = {
    server,
    reader,
    card: (id) => reader.page.locator(`[data-testid=session][data-session="${id}"]`),
    entry: (id) => reader.page.locator(`[data-testid=upload][data-upload="${id}"]`),
    list: (name) => reader.part(`uploads-${name}`),
    update: (change) => server.say('orga_acme_session_update', { added: [], removed: [], updated: [], ...change }),
  };
  return here;
}
