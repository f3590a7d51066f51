/** The captions of one session, a column per channel. */

import { findAccess } from '../access.js';
import { button, h } from '../dom.js';
import { listen } from '../live.js';
import { LiveSession } from '../live-session.js';
import { LARGEST_TEXT } from '../preferences.js';
import { Column } from './column.js';
import { displayPanel } from './display-panel.js';
import { homeLink, showTokenForm } from './frame.js';
import { readingModeButton } from './reading-mode.js';
import { statusSigns } from './status.js';
import { reportTroubles, showUnreachable } from './troubles.js';
import { explainWaiting } from './waiting.js';

/**
 * @typedef {import('../router.js').Stage} Stage
 * @typedef {import('../access.js').Access} Access
 * @typedef {import('../preferences.js').Preferences} Preferences
 */

/** @type {import('./troubles.js').Wording} */
const WORDING = {
  thing: 'session',
  continues: 'Captions continue by themselves in a moment.',
  brokerLost: 'Captions are interrupted.',
  brokerHint: 'The server has lost the service that delivers them. They continue by themselves as soon as it is back.',
};

/** @type {import('../router.js').View} */
export async function captionsView(stage, query, signal) {
  document.title = 'Live captions · switchboard';
  stage.main.replaceChildren(h('p', { class: 'plain-note' }, 'Opening the session…'));
  let access;
  try {
    access = await findAccess(query);
  } catch {
    if (signal.aborted) return;
    stage.header.replaceChildren(h('div', { class: 'topbar' }, homeLink(), h('h1', { tabindex: -1 }, 'Live captions')));
    stage.main.replaceChildren();
    showUnreachable(stage);
    return;
  }
  if (signal.aborted) return;
  if (access) showSession(stage, access, query.get('organization'), signal);
  else showTokenForm(stage, query, 'session');
}

/** @param {Stage} stage @param {Access} access @param {string | null} organization where it was chosen @param {AbortSignal} signal */
function showSession(stage, access, organization, signal) {
  document.title = `${access.name} · Live captions`;
  const { preferences } = stage;
  const columns = new Map(access.channels.map((channel) => [channel.index, new Column(channel, preferences.values.translations)]));
  const signs = statusSigns();
  const display = displayPanel(preferences);
  const title = h('h1', { tabindex: -1 }, access.name);
  stage.header.replaceChildren(
    h('div', { class: 'topbar' }, homeLink(organization), title, signs.element),
    h('div', { class: 'toolbar' }, channelSwitches([...columns.values()]), h('div', { class: 'tools', role: 'group', 'aria-label': 'Reading' },
      ...sizeButtons(preferences, signal), display.opener, readingModeButton(signal)), display.panel),
  );
  const grid = h('div', { class: 'columns', 'data-count': columns.size }, ...[...columns.values()].map(({ element }) => element));
  stage.main.replaceChildren(grid);

  const live = new LiveSession(access);
  const again = (/** @type {boolean} */ refused) => {
    if (refused) access.forget();
    stage.router.show(true);
  };
  listen(live, 'connection', signs.setConnection);
  listen(live, 'broker', signs.setBroker);
  listen(live, 'caption', ({ channel, name, payload }) => {
    const column = columns.get(channel);
    if (!column) return;
    column.apply(name, payload);
    display.offerTranslations(column.languages);
  });
  preferences.addEventListener('change', () => {
    for (const column of columns.values()) column.chooseTranslations(preferences.values.translations);
  }, { signal });
  explainWaiting(live, columns);
  reportTroubles(live, stage.notices, WORDING, again);
  signal.addEventListener('abort', () => live.close());
  live.open();
}

/** @param {Preferences} preferences @param {AbortSignal} signal @returns {HTMLElement[]} */
function sizeButtons(preferences, signal) {
  const smaller = button('A−', () => preferences.resizeText(-1), { 'aria-label': 'A−, smaller text', 'data-testid': 'font-smaller' });
  const larger = button('A+', () => preferences.resizeText(1), { 'aria-label': 'A+, larger text', 'data-testid': 'font-larger' });
  // `aria-disabled` rather than `disabled`: the focus stays on the button at the last step.
  const mark = () => {
    smaller.setAttribute('aria-disabled', String(preferences.values.textSize === 0));
    larger.setAttribute('aria-disabled', String(preferences.values.textSize === LARGEST_TEXT));
  };
  preferences.addEventListener('change', mark, { signal });
  mark();
  return [smaller, larger];
}

/** Buttons that show and hide channels; none where there is only one. @param {Column[]} columns @returns {HTMLElement} */
function channelSwitches(columns) {
  const group = h('div', { class: 'channels', role: 'group', 'aria-label': 'Channels shown' });
  if (columns.length < 2) return group;
  for (const { channel, element } of columns) {
    const toggle = button(channel.name, () => {
      element.hidden = !element.hidden;
      toggle.setAttribute('aria-pressed', String(!element.hidden));
    }, { class: 'button chip', 'aria-pressed': 'true', 'data-testid': 'channel-toggle', 'data-channel': channel.index });
    group.append(toggle);
  }
  return group;
}
