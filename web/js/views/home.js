/** The first view: the demo's sessions as cards, or a form for a session and its token. */

import { loadDemo } from '../access.js';
import { h } from '../dom.js';
import { languageName } from '../format.js';
import { displayPanel } from './display-panel.js';
import { openForm } from './open-form.js';
import { showUnreachable } from './troubles.js';

/**
 * @typedef {import('../access.js').Demo} Demo
 * @typedef {import('../access.js').DemoOrganization} DemoOrganization
 * @typedef {import('../access.js').DemoProject} DemoProject
 * @typedef {import('../access.js').DemoSession} DemoSession
 */

/** @type {import('../router.js').View} */
export async function homeView(stage, _query, signal) {
  document.title = 'Live captions · switchboard';
  const { opener, panel } = displayPanel(stage.preferences);
  const brand = h('p', { class: 'brand' }, h('img', { src: 'web/favicon.svg', alt: '', width: 28, height: 28 }), 'switchboard');
  stage.header.append(h('div', { class: 'topbar' }, brand, opener, panel));
  const page = h('div', { class: 'home', 'aria-busy': 'true' }, h('h1', { tabindex: -1 }, 'Live captions'));
  stage.main.replaceChildren(page);
  try {
    const demo = await loadDemo();
    if (signal.aborted) return;
    page.append(...(demo ? demoContent(demo, stage.router) : formContent(stage.router)));
  } catch {
    if (signal.aborted) return;
    showUnreachable(stage);
  }
  page.removeAttribute('aria-busy');
}

/** @param {Demo} demo @param {import('../router.js').Router} router @returns {Node[]} */
function demoContent(demo, router) {
  const lead = demo.sessions.length > 0
    ? 'Choose a session to read along.'
    : 'No session is live right now. Come back later, or open one below.';
  const cards = h('ul', { class: 'cards', role: 'list' }, ...demo.sessions.map(sessionCard));
  const other = h('details', { class: 'other' }, h('summary', {}, 'Open something else'), openForm(router, new URLSearchParams()));
  return [h('p', { class: 'lead' }, lead), cards, ...projectContent(demo.projects), ...(demo.dashboard ? organizationContent(demo.dashboard) : []), other];
}

/** @param {DemoProject[]} projects @returns {Node[]} */
function projectContent(projects) {
  if (projects.length === 0) return [];
  const card = (/** @type {DemoProject} */ { id, name, description }) => h('li', {},
    h('a', { class: 'card', href: `?${new URLSearchParams({ project: String(id) })}`, 'data-route': true, 'data-testid': 'project-card' },
      h('span', { class: 'card-title' }, name),
      description ? h('span', { class: 'card-description' }, description) : null));
  return [h('h2', {}, 'Chat over documents'), h('ul', { class: 'cards', role: 'list' }, ...projects.map(card))];
}

/** @param {DemoOrganization} organization @returns {Node[]} */
function organizationContent({ id, name, description }) {
  const card = h('a', { class: 'card', href: `?${new URLSearchParams({ organization: id })}`, 'data-route': true, 'data-testid': 'organization-card' },
    h('span', { class: 'card-title' }, name),
    description ? h('span', { class: 'card-description' }, description) : null);
  return [h('h2', {}, 'Organization dashboard'), h('ul', { class: 'cards', role: 'list' }, h('li', {}, card))];
}

/** @param {import('../router.js').Router} router @returns {Node[]} */
function formContent(router) {
  return [h('p', { class: 'lead' }, 'Enter what you were given by the organizer.'), openForm(router, new URLSearchParams())];
}

/** @param {DemoSession} session @returns {HTMLElement} */
function sessionCard({ id, name, description, channels }) {
  const query = new URLSearchParams([['session', id], ...channels.map(({ index }) => ['channel', index])]);
  const tags = channels.map((channel) => h('li', { class: 'tag' }, channelLabel(channel)));
  return h('li', {},
    h('a', { class: 'card', href: `?${query}`, 'data-route': true, 'data-testid': 'session-card', 'data-session': id },
      h('span', { class: 'card-title' }, name),
      description ? h('span', { class: 'card-description' }, description) : null),
    h('ul', { class: 'tags', role: 'list', 'aria-label': `Channels of ${name}` }, ...tags));
}

/** @param {import('../access.js').Channel} channel @returns {string} */
function channelLabel({ name, language }) {
  if (language === null) return name;
  const spoken = languageName(language);
  return spoken.toLowerCase() === name.toLowerCase() ? name : `${name} · ${spoken}`;
}
