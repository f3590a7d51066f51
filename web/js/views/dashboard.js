/** The dashboard of one organization: who is live, and what is being transcribed. */

import { findOrganizationAccess } from '../access.js';
import { button, h } from '../dom.js';
import { listen } from '../live.js';
import { LiveOrganization } from '../live-organization.js';
import { Announcer } from './announcer.js';
import { displayPanel } from './display-panel.js';
import { homeLink, showTokenForm } from './frame.js';
import { MediaPanel } from './media-panel.js';
import { SessionsPanel } from './sessions-panel.js';
import { statusSigns } from './status.js';
import { reportTroubles, showUnreachable } from './troubles.js';

/**
 * @typedef {import('../router.js').Stage} Stage
 * @typedef {import('../live.js').ConnectionState} ConnectionState
 */

/** @type {import('./troubles.js').Wording} */
const WORDING = {
  thing: 'organization',
  continues: 'The dashboard continues by itself in a moment.',
  brokerLost: 'Sessions may be out of date.',
  brokerHint: 'The server has lost the service that tells of them. They are brought up to date by themselves as soon as it is back.',
};

/** What is wrong with a watch. */
const FAULTS = { sessions: 'Sessions cannot be followed just now.', media: 'Uploads cannot be followed just now.' };

/** @type {import('../router.js').View} */
export async function dashboardView(stage, query, signal) {
  document.title = 'Dashboard · switchboard';
  stage.main.replaceChildren(h('p', { class: 'plain-note' }, 'Opening the dashboard…'));
  let access;
  try {
    access = await findOrganizationAccess(query);
  } catch {
    if (signal.aborted) return;
    stage.header.replaceChildren(h('div', { class: 'topbar' }, homeLink(), h('h1', { tabindex: -1 }, 'Dashboard')));
    stage.main.replaceChildren();
    showUnreachable(stage);
    return;
  }
  if (signal.aborted) return;
  if (access) showOrganization(stage, access, signal);
  else showTokenForm(stage, query, 'organization');
}

/** @param {Stage} stage @param {import('../access.js').OrganizationAccess} access @param {AbortSignal} signal */
function showOrganization(stage, access, signal) {
  const live = new LiveOrganization(access);
  const signs = statusSigns();
  const display = displayPanel(stage.preferences);
  const announcer = new Announcer(signal);
  const panels = {
    sessions: new SessionsPanel(live.sessions, access.id, announcer, signal),
    media: new MediaPanel(live.media, announcer, signal),
  };
  stage.header.replaceChildren(h('div', { class: 'topbar' },
    homeLink(), h('h1', { tabindex: -1 }, access.name), signs.element, display.opener, display.panel));
  panels.sessions.title.after(button('Uploads', () => panels.media.title.focus(), { class: 'button jump-uploads', 'data-testid': 'jump-uploads' }));
  const page = h('div', { class: 'dashboard' }, panels.sessions.element, panels.media.element, announcer.element);
  stage.main.replaceChildren(page);
  let connected = false;
  const setTitle = () => {
    const count = connected ? live.sessions.live : 0;
    document.title = `${count > 0 ? `(${count} live) ` : ''}${access.name} · Dashboard`;
  };
  setTitle();

  const again = (/** @type {boolean} */ refused) => {
    if (refused) access.forget();
    stage.router.show(true);
  };
  listen(live, 'connection', (/** @type {ConnectionState} */ state) => {
    signs.setConnection(state);
    connected = state.phase === 'connected';
    page.toggleAttribute('data-stale', !connected);
    panels.sessions.setStale(!connected);
    setTitle();
    if (state.phase === 'ended') for (const panel of Object.values(panels)) panel.explain('Not connected.');
  });
  listen(live, 'broker', signs.setBroker);
  listen(live, 'sessions', ({ change, picture }) => {
    panels.sessions.apply(change, picture);
    setTitle();
  });
  listen(live, 'media', (/** @type {import('../media.js').Upload[]} */ uploads) => panels.media.apply(uploads));
  listen(live, 'fault', (/** @type {{what: 'sessions' | 'media', error: string | null}} */ { what, error }) => {
    if (error === null) stage.notices.clear(`fault-${what}`);
    else stage.notices.show(`fault-${what}`, { tone: 'warning', title: FAULTS[what], hint: `Trying again by itself. The server says: ${error}.` });
  });
  reportTroubles(live, stage.notices, WORDING, again);
  signal.addEventListener('abort', () => live.close());
  live.open();
}
