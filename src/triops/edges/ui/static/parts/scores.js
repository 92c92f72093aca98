/** What people and evaluations thought of a trace, and a way to say what one thinks. */

import { get, post, remove, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { when } from '../format.js';
import { icon } from '../icons.js';
import { ask } from './ask.js';
import { failure } from './failure.js';

/** @param {string} trace @param {() => AbortSignal} signal */
export function scores(trace, signal) {
  const list = slot(h('ul', { class: 'scores' }), (/** @type {any[]} */ items) => (items.length ? items.map(line) : h('li', { class: 'muted' }, 'None yet.')));
  const wrong = h('div');
  const thumb = (/** @type {number} */ value, /** @type {string} */ word) => h('button', { type: 'button', on: { click: () => rate(value, word) } }, icon(value ? 'thumb_up' : 'thumb_down', 16), word);
  const el = h('section', { class: 'card' }, h('h2', null, 'Scores'), list.el, wrong,
    h('div', { class: 'buttons' }, thumb(1, 'Good'), thumb(0, 'Bad'), h('button', { type: 'button', class: 'ghost', on: { click: other } }, 'Other …')));

  /** @param {any} s */
  function line(s) {
    const shown = s.name === 'thumb' ? h('span', { class: s.value ? 'good' : 'critical' }, icon(s.value ? 'thumb_up' : 'thumb_down', 14), s.value ? ' good' : ' bad') : [h('span', null, s.name), ' ', h('strong', null, s.string_value || String(s.value))];
    return h('li', null, h('div', { class: 'score-line' }, h('span', { class: 'grow' }, shown), h('span', { class: 'muted small' }, s.author || s.source, ' · ', when(s.at)),
      h('button', { type: 'button', class: 'ghost square', title: 'Take back', 'aria-label': `Take back the score ${s.name}`, on: { click: () => act(() => remove(`/scores/${seg(s.id)}`), 'Taken back') } }, icon('close', 14))), s.comment && h('p', { class: 'comment' }, s.comment));
  }

  /** @param {number} value @param {string} word */
  function rate(value, word) {
    ask({ title: `${word} answer`, fields: [{ name: 'comment', label: 'Why', kind: 'words', optional: true, most: 5000 }], act: 'Score', done: ({ comment }) => add({ name: 'thumb', value, comment }) });
  }

  function other() {
    ask({ title: 'Score this trace', fields: [{ name: 'name', label: 'Name', placeholder: 'correctness', most: 200 }, { name: 'value', label: 'Value: a number or a word', most: 2000 }, { name: 'comment', label: 'Why', kind: 'words', optional: true, most: 5000 }], act: 'Score', done: ({ name, value, comment }) => add({ name, value: /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value, comment }) });
  }

  /** @param {Record<string, any>} score */
  async function add(score) {
    await post('/scores', { trace, source: 'annotation', ...score });
    say('Scored');
    await read();
  }

  /** @param {() => Promise<any>} what @param {string} said */
  async function act(what, said) {
    try {
      await what();
      say(said);
      wrong.replaceChildren();
      await read();
    } catch (error) {
      wrong.replaceChildren(failure(error));
    }
  }

  async function read() {
    list.set((await get('/scores', { trace, limit: 200 }, signal())).items);
  }
  return { el, set: list.set };
}
