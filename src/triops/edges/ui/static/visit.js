/** One stay on one page: its address, its time range, and the calls that end when it does. */

import { rangeOf, spanOf, link } from './state.js';

export class Visit {
  /** @param {Record<string, string>} params @param {(path: string, how?: {replace?: boolean}) => void} go @param {string} [since] from when on the page shows where nobody chose a range */
  constructor(params, go, since) {
    this.since = since;
    this.params = params;
    this.go = go;
    this.abort = new AbortController();
    /** Set by the frame: replaces the page's title and question. @type {(head: {title: any, question?: any, tools?: any}) => void} */
    this.head = () => {};
    this.read();
  }

  /** Takes the address as it now is. */
  read() {
    this.query = new URLSearchParams(location.search);
    this.range = rangeOf(this.query, this.since);
    this.span = spanOf(this.range);
  }

  /** The same page at another query: running calls end. */
  again() {
    this.abort.abort();
    this.abort = new AbortController();
    this.read();
  }

  get signal() {
    return this.abort.signal;
  }

  /** Changes the query of the address; empty values leave it. @param {Record<string, any>} patch @param {{replace?: boolean}} [how] */
  set(patch, how) {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(patch)) {
      query.delete(key);
      for (const one of [value].flat()) if (one !== null && one !== undefined && one !== '') query.append(key, String(one));
    }
    const tail = query.toString();
    this.go(location.pathname + (tail ? '?' + tail : ''), how);
  }

  /** Opens an entity beside the page. @param {string} id */
  panel(id) {
    this.set({ panel: id });
  }

  /** @param {string} path @param {Record<string, any>} [query] */
  link(path, query) {
    return link(path, query);
  }
}
