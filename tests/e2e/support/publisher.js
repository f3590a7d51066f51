/** A transcriber: an MQTT client that publishes captions. */

import mqtt from 'mqtt';
import { within } from './wait.js';

export class Publisher {
  /** @param {import('mqtt').MqttClient} client */
  constructor(client) {
    this.client = client;
  }

  /** @param {string} url the broker @returns {Promise<Publisher>} */
  static async connect(url) {
    const connecting = mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5_000 });
    return new Publisher(await within('the broker to admit the publisher', connecting));
  }

  /**
   * Publishes what a transcriber says in a room.
   *
   * @param {string} room `{session}/{channel}`
   * @param {string} kind `partial`, `final`, `partial/translations` or `final/translations`
   * @param {unknown} payload becomes JSON
   */
  async say(room, kind, payload) {
    const sent = this.client.publishAsync(`transcriber/out/${room}/${kind}`, JSON.stringify(payload), { qos: 1 });
    await within(`the broker to take a ${kind}`, sent);
  }

  /** Publishes finals numbered from `from` up to but without `to`, as fast as the broker takes them. */
  async sayFinals(room, from, to) {
    const all = Array.from({ length: to - from }, (_, i) => this.say(room, 'final', { segmentId: from + i, text: `Number ${from + i}.` }));
    await Promise.all(all);
  }

  /** Publishes the list of all sessions, retained, as a scheduler does. @param {unknown} sessions becomes JSON */
  async list(sessions) {
    const sent = this.client.publishAsync('system/out/sessions/statuses', JSON.stringify(sessions), { qos: 1, retain: true });
    await within('the broker to take the list of sessions', sent);
  }

  /** Publishes an event of an organization. @param {unknown} [data] becomes JSON; nothing is published empty */
  async organizationEvent(organization, event, data) {
    const payload = data === undefined ? '' : JSON.stringify(data);
    const sent = this.client.publishAsync(`switchboard/organizations/${organization}/events/${event}`, payload, { qos: 1 });
    await within(`the broker to take ${event}`, sent);
  }

  async close() {
    await this.client.endAsync(true);
  }
}
