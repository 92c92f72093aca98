/** What people said of versions, and a line to say more. */

import { post } from '../api.js';
import { h, say } from '../dom.js';
import { when } from '../format.js';
import { failure } from './failure.js';

/** @param {string} base @param {() => void} done */
export function promptComments(base, done) {
  const words = h('textarea', { rows: 2, maxlength: 10000, 'aria-label': 'Comment', placeholder: 'What you think of this version' });
  const version = h('select', { 'aria-label': 'Version' });
  const wrong = h('div');
  const list = h('ul', { class: 'lines' });
  const form = h('form', { class: 'comment', on: { submit } }, words, wrong, h('div', { class: 'inline-form' }, h('label', null, 'On', version), h('button', { type: 'submit' }, 'Comment')));

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if (!words.value.trim()) return words.focus();
    try {
      await post(`${base}/comments`, { version: Number(version.value), text: words.value.trim() });
      words.value = '';
      wrong.replaceChildren();
      say('Commented');
      done();
    } catch (error) {
      wrong.replaceChildren(failure(error));
    }
  }
  return {
    el: h('section', { class: 'card' }, list, form),
    /** @param {{items: any[], versions: any[], at: string}} data */
    set({ items, versions, at }) {
      list.replaceChildren(...(items.length ? items.map((c) => h('li', { class: 'line' }, h('span', { class: 'tag' }, `version ${c.version}`), h('div', { class: 'line-body' }, h('div', { class: 'said-text' }, c.text), h('div', { class: 'muted small' }, c.who || 'someone')), h('div', { class: 'line-side small' }, when(c.at)))) : [h('li', { class: 'muted' }, 'No one has said anything yet.')]));
      if (version.childElementCount !== versions.length) {
        version.replaceChildren(...versions.map((v) => h('option', { value: String(v.version) }, `version ${v.version}`)));
        version.value = at;
      }
    },
  };
}
