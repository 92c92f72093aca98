/** The runs of a search, by their place in it: pages come as they are scrolled to, and are renewed in place. */

import { get } from '../api.js';

const PAGE = 100;
const KEPT = 40; // pages held; those farthest from the view go first

export class RunSource {
  /** @param {() => void} changed rows came or went @param {(error: any) => void} failed */
  constructor(changed, failed) {
    this.changed = changed;
    this.failed = failed;
    /** @type {Map<number, any[]>} */ this.pages = new Map();
    /** @type {Set<number>} */ this.asked = new Set();
    /** @type {Record<string, any>} */ this.query = {};
    this.total = 0;
    this.view = [0, 0];
    this.abort = new AbortController();
  }

  size() {
    return this.total;
  }

  /** @param {number} i */
  at(i) {
    return this.pages.get(Math.floor(i / PAGE))?.[i % PAGE];
  }

  /** Everything held, in order. */
  held() {
    return [...this.pages].sort((a, b) => a[0] - b[0]).flatMap(([, rows]) => rows);
  }

  /** Another search, or the same anew: its first page, or those in view. @param {Record<string, any>} query */
  async set(query) {
    const same = JSON.stringify(query) === JSON.stringify(this.query);
    this.query = query;
    this.abort.abort();
    this.abort = new AbortController();
    this.asked.clear();
    const [first, last] = same ? this.view : [0, 1];
    const wanted = pagesOf(first, last);
    const answers = await Promise.all(wanted.map((page) => this.ask(page)));
    this.pages = new Map(wanted.map((page, at) => [page, answers[at].items]));
    this.total = answers[0].total;
    if (!same) this.view = [0, 1];
  }

  /** @param {number} first @param {number} last */
  want(first, last) {
    this.view = [first, last];
    for (const page of pagesOf(first, last)) {
      if (this.pages.has(page) || this.asked.has(page)) continue;
      this.asked.add(page);
      const { signal } = this.abort;
      setTimeout(() => this.load(page, signal), 40); // a fling passes many pages; only where it rests is asked for
    }
  }

  /** @param {number} page @param {AbortSignal} signal */
  async load(page, signal) {
    if (signal.aborted || !pagesOf(this.view[0], this.view[1]).includes(page)) {
      this.asked.delete(page);
      return;
    }
    try {
      const { items, total } = await this.ask(page);
      if (signal.aborted) return;
      this.pages.set(page, items);
      this.total = total;
      this.forget();
      this.changed();
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    } finally {
      if (!signal.aborted) this.asked.delete(page);
    }
  }

  /** @param {number} page */
  ask(page) {
    return get('/runs', { ...this.query, limit: PAGE, offset: page * PAGE }, this.abort.signal);
  }

  forget() {
    if (this.pages.size <= KEPT) return;
    const here = Math.floor(this.view[0] / PAGE);
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const page of far.slice(0, this.pages.size - KEPT)) this.pages.delete(page);
  }

  leave() {
    this.abort.abort();
  }
}

/** @param {number} first @param {number} last */
function pagesOf(first, last) {
  const out = [];
  for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last - 1) / PAGE); page++) out.push(page);
  return out;
}

/** Runs of a search up to `most`, a thousand at a time. @param {Record<string, any>} query @param {number} most @param {AbortSignal} signal @param {(n: number, total: number) => void} [told] */
export async function allRuns(query, most, signal, told) {
  const items = [];
  let total = 0;
  do {
    const page = await get('/runs', { ...query, limit: Math.min(1000, most - items.length), offset: items.length }, signal);
    items.push(...page.items);
    total = page.total;
    told?.(items.length, total);
    if (!page.items.length) break;
  } while (items.length < total && items.length < most);
  return { items, total };
}
