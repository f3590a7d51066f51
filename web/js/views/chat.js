/** A project: its documents, its chats, and the conversation about them. */

import { findProjectAccess } from '../access.js';
import { button, h, setText } from '../dom.js';
import { listen } from '../live.js';
import { LiveProject } from '../live-project.js';
import { readWords } from '../payload.js';
import { readNumber } from '../project.js';
import { Rest, RestError } from '../rest.js';
import { isObject } from '../wire.js';
import { Announcer } from './announcer.js';
import { ChatsPanel } from './chats-panel.js';
import { ConversationPanel } from './conversation-panel.js';
import { displayPanel } from './display-panel.js';
import { DocumentsPanel } from './documents-panel.js';
import { acceptDrops } from './drops.js';
import { homeLink, showTokenForm } from './frame.js';
import { openForm } from './open-form.js';
import { statusSigns } from './status.js';
import { reportTroubles, showUnreachable } from './troubles.js';

/**
 * @typedef {import('../router.js').Stage} Stage
 * @typedef {import('../access.js').ProjectAccess} ProjectAccess
 * @typedef {import('../live.js').ConnectionState} ConnectionState
 */

/** @type {import('./troubles.js').Wording} */
const WORDING = {
  thing: 'project',
  continues: 'The chat continues by itself in a moment.',
  brokerLost: 'Progress of documents is not told just now.',
  brokerHint: 'Questions are answered as ever. The list is brought up to date by itself as soon as the service is back.',
};

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
    await showProject(stage, { access, rest, name, wanted: readNumber(Number(query.get('chat'))) }, signal);
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

/**
 * @param {Stage} stage
 * @param {{access: ProjectAccess, rest: Rest, name: string, wanted: number | null}} project `wanted`: the address's chat
 * @param {AbortSignal} signal
 */
async function showProject(stage, { access, rest, name, wanted }, signal) {
  const live = new LiveProject(access);
  const announcer = new Announcer(signal, 'in this project');
  const signs = statusSigns(false);
  const display = displayPanel(stage.preferences);

  const show = (/** @type {number | null} */ chat, isChosen = true) => {
    const href = new URLSearchParams([['project', String(access.id)], ...(chat === null ? [] : [['chat', String(chat)]])]);
    stage.router.moved(`?${href}`, isChosen && chat !== talk.chat);
    chats.setCurrent(chat);
    talk.setTitle(chats.title(chat));
    document.title = `${chats.title(chat)} · ${name}`;
    showSide(false);
  };
  const open = (/** @type {number | null} */ chat, isChosen = true) => {
    show(chat, isChosen);
    talk.open(chat);
    if (isChosen) talk.box.focus();
  };
  const documents = new DocumentsPanel(rest, access.id, announcer, () => invite(), signal);
  const chats = new ChatsPanel(rest, access.id, open);
  const talk = new ConversationPanel(live, rest, {
    async created() {
      const chat = await chats.create();
      show(chat);
      return chat;
    },
    async asked(chat) {
      await chats.refreshOne(chat);
      if (talk.chat === chat) show(chat, false);
    },
    gone(chat) {
      chats.update('chat_deleted', { chat_id: chat });
      open(chats.last, false);
    },
  }, signal);
  const invite = () => {
    nameToggle();
    if (documents.documents.byId.size > 0) talk.invite('Ask about the documents', 'The answer comes with the places that it is based on.');
    else talk.invite('Add a document first', 'Text, Markdown, HTML or PDF. Then ask what it says.');
  };
  // On a phone there is room for the conversation or for what is beside it.
  const toggle = button('', () => showSide(!page.hasAttribute('data-side')), { class: 'button side-toggle', 'data-testid': 'side-toggle' });
  const nameToggle = () => setText(toggle, page.hasAttribute('data-side') ? 'Back to the chat' : `Documents (${documents.documents.byId.size}) and chats`);
  const showSide = (/** @type {boolean} */ isShown) => {
    page.toggleAttribute('data-side', isShown);
    nameToggle();
  };
  const side = h('div', { class: 'side' }, documents.element, chats.element);
  const page = h('div', { class: 'chat', 'data-testid': 'chat' }, side, talk.element, announcer.element);
  stage.header.replaceChildren(
    h('div', { class: 'topbar' }, homeLink(), h('h1', { tabindex: -1 }, name), signs.element, display.opener, display.panel), toggle);
  stage.main.replaceChildren(page);
  acceptDrops(page, (files) => documents.add(files), signal);
  invite();

  /** Reads all that may have been missed. */
  const refresh = async () => {
    try {
      await Promise.all([documents.refresh(), chats.refresh(), talk.refresh()]);
      stage.notices.clear('stale');
    } catch (error) {
      if (signal.aborted) return;
      const hint = error instanceof RestError ? error.message : String(error);
      stage.notices.show('stale', { tone: 'warning', title: 'The lists could not be read.', hint, actions: [{ label: 'Try again', press: refresh }] });
    }
  };
  wire(stage, live, { documents, chats, talk, signs, refresh });
  signal.addEventListener('abort', () => live.close());
  live.open();
  await refresh();
  if (!signal.aborted) open(wanted ?? chats.last, false);
}

/**
 * Lets what is heard reach the panels.
 *
 * @param {Stage} stage
 * @param {LiveProject} live
 * @param {{documents: DocumentsPanel, chats: ChatsPanel, talk: ConversationPanel, signs: ReturnType<typeof statusSigns>, refresh: () => Promise<void>}} parts
 */
function wire(stage, live, { documents, chats, talk, signs, refresh }) {
  let joined = 0;
  listen(live, 'connection', (/** @type {ConnectionState} */ state) => {
    signs.setConnection(state);
    talk.setConnected(state.phase === 'connected');
  });
  listen(live, 'broker', (/** @type {import('../live.js').BrokerState} */ state) => {
    signs.setBroker(state);
    if (state === 'ok' && joined > 0) refresh();
  });
  listen(live, 'joined', (/** @type {{ok: boolean, error?: string, lasting: boolean}} */ { ok, error, lasting }) => {
    joined += 1;
    if (ok) stage.notices.clear('room');
    else if (lasting) stage.router.show(true);
    else stage.notices.show('room', { tone: 'warning', title: 'The project cannot be followed just now.', hint: `Trying again by itself. The server says: ${error ?? 'no'}.` });
    if (ok) refresh();
  });
  listen(live, 'answer', ({ chat, name, payload }) => talk.apply(chat, name, payload));
  listen(live, 'document', (/** @type {Record<string, unknown>} */ status) => documents.apply(status));
  listen(live, 'update', ({ type, data }) => {
    documents.update(type, data);
    chats.update(type, data);
    if (type === 'chat_deleted' && readNumber(data.chat_id) === talk.chat) stage.notices.show('gone', { tone: 'info', title: 'Somebody has deleted this chat.', hint: 'Choose another one, or begin a new one.' });
  });
  reportTroubles(live, stage.notices, WORDING, (refused) => {
    if (refused) live.access.forget();
    stage.router.show(true);
  });
}
