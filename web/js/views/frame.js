/** What several views have in common: the way back, and the form that asks for a missing token. */

import { h } from '../dom.js';
import { openForm } from './open-form.js';

/** @typedef {import('../access.js').Kind} Kind */

/** @param {string | null} [organization] whose dashboard led here; else the way leads to the first view @returns {HTMLElement} */
export function homeLink(organization = null) {
  const [label, href] = organization === null ? ['All sessions', './'] : ['Back to the dashboard', `?${new URLSearchParams({ organization })}`];
  const mark = h('img', { src: 'web/favicon.svg', alt: '', width: 28, height: 28 });
  return h('a', { class: 'home-link', href, 'data-route': true, 'data-testid': 'home-link', 'aria-label': label, title: label }, mark);
}

/**
 * Asks for the token of what the address names.
 *
 * @param {import('../router.js').Stage} stage
 * @param {URLSearchParams} query what the form starts with
 * @param {Kind} kind
 */
export function showTokenForm(stage, query, kind) {
  stage.header.replaceChildren(h('div', { class: 'topbar' }, homeLink(), h('h1', { tabindex: -1 }, `Open ${kind === 'organization' ? 'an organization' : `a ${kind}`}`)));
  const lead = h('p', { class: 'lead' }, `This ${kind} needs an access token. Open it with the link you were given, or enter the token here.`);
  stage.main.replaceChildren(h('div', { class: 'home' }, lead, openForm(stage.router, query)));
}
