/** What can be done with the runs one has chosen: compare, tag, delete, restore. */

import { post, seg } from '../api.js';
import { h, say } from '../dom.js';
import { count } from '../format.js';
import { ask } from './ask.js';
import { failure } from './failure.js';
import { askReason } from './reason.js';
import { pairs } from './runwords.js';

const MOST_COMPARED = 100;
const AT_ONCE = 6;

/** @param {{picked: Map<string, any>, cleared: () => void, acted: () => void}} how */
export function chosenBar({ picked, cleared, acted }) {
  const words = h('strong');
  const wrong = h('div');
  const compare = h('a', { class: 'button primary', href: '#' }, 'Compare');
  const progress = h('span', { class: 'muted small', 'aria-live': 'polite' });
  const restore = h('button', { type: 'button', on: { click: () => each('restore', 'Restored').catch((error) => wrong.replaceChildren(failure(error))) } }, 'Restore');
  const remove = h('button', { type: 'button', class: 'danger', on: { click: erase } }, 'Delete …');
  const el = h('div', { class: 'chosen-bar', role: 'region', 'aria-label': 'Chosen runs', hidden: true }, words, compare, h('button', { type: 'button', on: { click: tag } }, 'Tag …'), remove, restore, h('button', { type: 'button', class: 'ghost', on: { click: clear } }, 'Clear'), progress, wrong);

  function draw() {
    const runs = [...picked.values()];
    el.hidden = !runs.length;
    wrong.replaceChildren();
    words.textContent = `${runs.length} chosen`;
    compare.hidden = runs.length < 2;
    compare.href = pairs('/ui/compare', runs.slice(0, MOST_COMPARED).map((r) => ['run', r.id]));
    compare.textContent = runs.length > MOST_COMPARED ? `Compare the first ${MOST_COMPARED}` : 'Compare';
    remove.hidden = !runs.some((r) => r.stage !== 'deleted');
    restore.hidden = !runs.some((r) => r.stage === 'deleted');
  }

  function clear() {
    picked.clear();
    cleared();
  }

  function erase() {
    askReason({ title: `Delete ${count(picked.size, 'run')}`, says: 'They leave the lists. They can be restored until the server’s retention frees their space, artifacts included.', act: 'Delete', tone: 'danger', required: false, done: () => each('delete', 'Deleted') });
  }

  function tag() {
    ask({ title: `Tag ${count(picked.size, 'run')}`, fields: [{ name: 'key', label: 'Tag', most: 250 }, { name: 'value', label: 'Value', most: 5000, optional: true }], act: 'Tag', done: (body) => each('tags', 'Tagged', body) });
  }

  /** A few at a time; what fails is said with how far it went. @param {string} verb @param {string} done @param {any} [body] */
  async function each(verb, done, body) {
    const ids = [...picked].filter(([, r]) => verb === 'tags' || (verb === 'delete') === (r.stage !== 'deleted')).map(([id]) => id);
    let n = 0;
    const one = async () => {
      for (let id = ids.shift(); id; id = ids.shift()) {
        picked.set(id, await post(`/runs/${seg(id)}/${verb}`, body));
        progress.textContent = `${done} ${++n}`;
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, one));
      say(`${done} ${n}`);
      if (verb !== 'tags') picked.clear();
    } finally {
      progress.textContent = '';
      cleared();
      acted();
    }
  }

  return { el, draw };
}
