/** The form that opens a session's captions, an organization's dashboard or a project's chat by its id and a token. */

import { MOST_CHANNELS, isName, keepToken } from '../access.js';
import { h, setText } from '../dom.js';

/** @typedef {import('../access.js').Kind} Kind */

/** A compact JWT; what it says is the server's to judge. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** @type {Record<Kind, string>} what the choices say */
const CHOICES = { session: 'Captions', organization: 'Dashboard', project: 'Chat' };

/**
 * @param {import('../router.js').Router} router
 * @param {URLSearchParams} query what the fields start with: `session`, and `channel` as often as wanted, or `organization`, or `project`
 * @returns {HTMLFormElement}
 */
export function openForm(router, query) {
  const session = field('session', 'Session', 'The id in the link or the message you got.', { value: query.get('session') ?? '' });
  const channels = field('channels', 'Channels', 'One or several, separated by commas.', { value: query.getAll('channel').join(', ') || '1' });
  const organization = field('organization', 'Organization', 'Its id; the token has to be a member’s.', { value: query.get('organization') ?? '' });
  const project = field('project', 'Project', 'Its number; the token has to be that of a member of its organization.', { value: query.get('project') ?? '', inputmode: 'numeric' });
  const token = field('token', 'Access token', 'Kept in this tab only, and gone when you close it.', { type: 'password' });
  const submit = h('button', { type: 'submit', class: 'button primary' });
  /** @type {Kind} */
  let kind = 'session';
  const choose = (/** @type {Kind} */ chosen) => {
    kind = chosen;
    for (const { element } of [session, channels]) element.hidden = kind !== 'session';
    organization.element.hidden = kind !== 'organization';
    project.element.hidden = kind !== 'project';
    setText(submit, `Open ${CHOICES[kind].toLowerCase()}`);
  };
  choose(query.has('session') ? 'session' : query.has('project') ? 'project' : query.has('organization') ? 'organization' : 'session');
  const form = h('form', { class: 'open-form', novalidate: true, autocomplete: 'off' },
    choice(kind, choose), session.element, channels.element, organization.element, project.element, token.element, submit);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const id = { session, organization, project }[kind].value();
    const indexes = channels.value().split(',').map((part) => part.trim()).filter((part) => part !== '');
    const faults = [
      kind === 'session' ? session.check(isName(id), 'Enter the session’s id: no spaces, and none of / + # $.') : null,
      kind === 'organization' ? organization.check(isName(id), 'Enter the organization’s id: no spaces, and none of / + # $.') : null,
      kind === 'project' ? project.check(/^[1-9]\d{0,15}$/.test(id), 'Enter the project’s number, such as 1.') : null,
      kind !== 'session' ? null : channels.check(indexes.length > 0 && indexes.length <= MOST_CHANNELS && indexes.every(isName),
        `Enter 1 to ${MOST_CHANNELS} channels, such as 1, 2.`),
      token.check(TOKEN.test(token.value()), 'Enter the whole token: three parts, separated by dots.'),
    ];
    const first = faults.find((input) => input !== null);
    if (first) return first.focus();
    keepToken(kind, id, token.value());
    const rooms = kind === 'session' ? indexes.map((index) => ['channel', index]) : [];
    router.navigate(`?${new URLSearchParams([[kind, id], ...rooms])}`);
  });
  return form;
}

/** @param {Kind} start @param {(kind: Kind) => void} choose @returns {HTMLElement} */
function choice(start, choose) {
  const options = Object.entries(CHOICES).map(([kind, label]) => {
    const input = h('input', { type: 'radio', name: 'kind', value: kind, checked: kind === start, 'data-testid': `open-kind-${kind}` });
    input.addEventListener('change', () => choose(/** @type {Kind} */ (kind)));
    return h('label', { class: 'segment' }, input, h('span', {}, label));
  });
  return h('fieldset', {}, h('legend', {}, 'What to open'), h('div', { class: 'segments' }, ...options));
}

/**
 * @param {string} name
 * @param {string} label
 * @param {string} hint
 * @param {Record<string, string>} attributes of the input
 */
function field(name, label, hint, attributes) {
  const input = h('input', {
    id: `open-${name}`, name, type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false',
    'aria-describedby': `open-${name}-hint`, 'data-testid': `open-${name}`, ...attributes,
  });
  const note = h('p', { id: `open-${name}-hint`, class: 'hint' }, hint);
  return {
    element: h('div', { class: 'field' }, h('label', { for: input.id }, label), input, note),
    value: () => input.value.trim(),
    /** @param {boolean} sound @param {string} complaint @returns {HTMLInputElement | null} the input if it is at fault */
    check(sound, complaint) {
      input.setAttribute('aria-invalid', String(!sound));
      note.textContent = sound ? hint : complaint;
      return sound ? null : input;
    },
  };
}
