/** Somebody who chats over a project's documents, on the real program. */

import { userToken } from './tokens.js';

/** A text with something to ask about. */
export const NOTES = `The lighthouse of Morgat was built in 1872 by the brothers Le Goff.
Its lamp burns rapeseed oil and is seen from nineteen miles away.
The keeper's cat is called Admiral and sleeps beside the foghorn.
`;

/** @param {import('./switchboard.js').Switchboard} server @param {string} [name] @returns {Promise<number>} the id of a new project of the organization `acme`, of which `ada` and `bob` are members */
export async function createProject(server, name = 'Lighthouses') {
  await server.rest('PUT', '/organizations/acme', { name: 'Acme' });
  for (const user of ['ada', 'bob']) await server.rest('PUT', `/organizations/acme/members/${user}`, { role: 'member' });
  return (await server.rest('POST', '/projects', { name, organization: 'acme' })).id;
}

/** Somebody in front of the page. */
export class Chatter {
  /** @param {import('./browser.js').Reader} reader */
  constructor(reader) {
    this.reader = reader;
    this.page = reader.page;
    this.documents = reader.part('document');
    this.turns = reader.part('turn');
    this.question = reader.part('question');
  }

  /**
   * Opens a project's chat and waits until it is ready.
   *
   * @param {import('node:test').TestContext} t
   * @param {import('./browser.js').Browser} browser
   * @param {string} url the server's
   * @param {number} project
   * @param {{user?: string, context?: import('playwright-core').BrowserContextOptions}} [options]
   */
  static async open(t, browser, url, project, { user = 'ada', context } = {}) {
    const reader = await browser.reader(context);
    t.after(() => reader.close());
    await reader.page.goto(`${url}/?project=${project}#token=${userToken(user)}`);
    const chatter = new Chatter(reader);
    await chatter.isReady();
    return chatter;
  }

  /** Waits until a question can be asked. */
  async isReady() {
    await this.page.locator('.question-box[data-state=ready]').waitFor();
  }

  /** Chooses files to upload. @param {...{name: string, content: string | Buffer}} files */
  async upload(...files) {
    const payload = files.map(({ name, content }) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) }));
    await this.reader.part('file-input').setInputFiles(payload);
  }

  /** The document of this name. @param {string} name */
  document(name) {
    return this.documents.filter({ hasText: name });
  }

  /** Waits until a document is in this state. @param {string} name @param {string} state */
  async documentIs(name, state) {
    await this.page.locator(`[data-testid=document][data-state=${state}]`).filter({ hasText: name }).waitFor();
  }

  /** @param {string} question */
  async ask(question) {
    await this.question.fill(question);
    await this.question.press('Enter');
  }

  /** Waits until the last of `count` turns is in this state. @param {number} count @param {string} state */
  async turnIs(count, state) {
    await this.page.locator(`[data-testid=turn][data-state=${state}]:nth-child(${count}):last-child`).waitFor();
  }

  /** What the last answer says. */
  get answer() {
    return this.turns.last().getByTestId('answer-text');
  }
}
