/** The chat over a project's documents: finds out whether the reader may, and shows the project, or why not. */

import { findProjectAccess } from '../access.js';
import { h } from '../dom.js';
import { readWords } from '../payload.js';
import { readNumber } from '../project.js';
import { Rest, RestError } from '../rest.js';
import { isObject } from '../wire.js';
import { homeLink, showTokenForm } from './frame.js';
import { openForm } from './open-form.js';
import { ProjectPage } from './project-page.js';
import { showUnreachable } from './troubles.js';

/** @typedef {import('../router.js').Stage} Stage */

/** @type {import('../router.js').View} */
export async function chatView(stage, query, signal) {
  document.title = 'Chat · switchboard';
  stage.main.replaceChildren(h('p', { class: 'plain-note' }, 'Opening the project…'));
  try {
    const access = await findProjectAccess(query);
    if (signal.aborted) return;
    if (!access) return showTokenForm(stage, query, 'project');
    const rest = new Rest(access);
    const project = await rest.call(`/projects/${access.id}`);
    if (signal.aborted) return;
    const name = (isObject(project) && readWords(project.name)) || `Project ${access.id}`;
    await new ProjectPage(stage, { access, rest, name }, signal).show(readNumber(Number(query.get('chat'))));
  } catch (error) {
    if (!signal.aborted) showFault(stage, query, error);
  }
}

/** @param {Stage} stage @param {URLSearchParams} query @param {unknown} error */
function showFault(stage, query, error) {
  const status = error instanceof RestError ? error.status : 0;
  if (status === 401 || status === 400) {
    showTokenForm(stage, query, 'project');
    stage.notices.show('refused', { tone: 'error', title: 'The access token was not accepted.', hint: 'It may have expired or be incomplete. Ask for a fresh link.' });
    return;
  }
  stage.header.replaceChildren(h('div', { class: 'topbar' }, homeLink(), h('h1', { tabindex: -1 }, 'Chat')));
  stage.main.replaceChildren();
  if (status === 404 || status === 403) showUnknown(stage, query);
  else showUnreachable(stage);
}

/** Another organization's project looks like one that is not there. @param {Stage} stage @param {URLSearchParams} query */
function showUnknown(stage, query) {
  const lead = h('p', { class: 'lead', 'data-testid': 'unknown-project' }, 'There is no such project, or it belongs to others. Check the link, or ask whoever gave it to you for access.');
  stage.main.replaceChildren(h('div', { class: 'home' }, lead, openForm(stage.router, query)));
}
