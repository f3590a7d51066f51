/**
 * A list that is read from REST and kept up to date by events. A list that was asked for may arrive after events that are
 * newer than it: those are not undone. Ids are never given twice, so what was deleted stays deleted.
 */

/** @template {{id: number}} Item */
export class Listing {
  /** @type {Map<number, Item>} by id, in the order in which they came */
  byId = new Map();
  /** @type {Set<number>} */
  #deleted = new Set();

  /** @param {(one: Item, other: Item) => Item} newer which of two states of the same item is shown */
  constructor(newer) {
    this.newer = newer;
  }

  /**
   * Reads the whole list anew.
   *
   * @param {() => Promise<(Item | null)[]>} read
   * @returns {Promise<void>} rejects as `read` does, and nothing has changed then
   */
  async refresh(read) {
    const before = [...this.byId.keys()];
    const items = await read();
    const present = new Set(items.map((item) => item?.id));
    for (const id of before) if (!present.has(id)) this.byId.delete(id);
    for (const item of items) if (item !== null) this.put(item);
  }

  /** Takes what the server said of one, if it is news. @param {Item} item */
  put(item) {
    if (this.#deleted.has(item.id)) return;
    const known = this.byId.get(item.id);
    this.byId.set(item.id, known === undefined ? item : this.newer(item, known));
  }

  /** @param {number} id */
  delete(id) {
    this.#deleted.add(id);
    this.byId.delete(id);
  }
}
