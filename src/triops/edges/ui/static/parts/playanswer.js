/** One model's place in the playground: what it says as it says it, and what that took and cost. */

import { h, say } from '../dom.js';
import { count, text as measured } from '../format.js';
import { link } from '../state.js';
import { chat, newTrace } from './chatstream.js';
import { failure } from './failure.js';
import { dollars } from './promptwords.js';

/** @param {{remove: () => void, changed: () => void, suggestions: string}} how `suggestions`: the id of a datalist */
export function playAnswer({ remove, changed, suggestions }) {
  const model = h('input', { class: 'play-model', list: suggestions, 'aria-label': 'Model or route', placeholder: 'a route, or provider/model', autocomplete: 'off', spellcheck: 'false', on: { change: changed } });
  const close = h('button', { type: 'button', class: 'ghost square', 'aria-label': 'Take this model away', title: 'Take this model away', on: { click: remove } }, '×');
  const words = h('div', { class: 'play-text', 'aria-live': 'off' }, h('span', { class: 'muted' }, 'Its answer will be here.'));
  const figures = h('dl', { class: 'play-figures' });
  const foot = h('div', { class: 'play-foot small' });
  const wrong = h('div');
  const el = h('article', { class: 'card play-answer', 'aria-label': 'Answer' }, h('div', { class: 'play-head' }, h('label', null, 'Model or route', model), close), figures, wrong, words, foot);
  /** @type {AbortController|null} */ let running = null;
  let trace = '';
  /** @type {import('./chatstream.js').Answer|null} */ let last = null;

  /** @param {import('./chatstream.js').Answer} a @param {string} [state] */
  function draw(a, state = '') {
    words.replaceChildren(...(a.thinking ? [h('details', { class: 'small' }, h('summary', null, 'thought'), h('div', { class: 'muted' }, a.thinking))] : []), a.text || h('span', { class: 'muted' }, state || '…'));
    const rows = [['first token', a.first_ms === null ? '–' : measured(a.first_ms, 'ms')], ['latency', measured(a.ms, 'ms')], ['tokens', a.input === null ? '–' : `${a.input} in, ${a.output} out`], ['cost', a.cost === null ? '–' : dollars(a.cost)]];
    figures.replaceChildren(...rows.map(([k, v]) => h('div', { data: { figure: k } }, h('dt', null, k), h('dd', null, v))));
    foot.replaceChildren(a.provider ? h('span', { class: 'muted' }, `${a.provider}/${a.model}${a.cache === 'hit' ? ', from the cache' : ''}${a.finish && a.finish !== 'stop' ? `, ended by ${a.finish.replaceAll('_', ' ')}` : ''}`) : '', h('span', { class: 'grow' }), h('a', { href: link(`/ui/llm/traces/${trace}`) }, 'Trace'));
  }

  return {
    el,
    get model() {
      return model.value.trim();
    },
    set model(name) {
      model.value = name;
    },
    get trace() {
      return trace;
    },
    get busy() {
      return running !== null;
    },
    /** @param {any} body @param {Record<string, string>} headers @returns {Promise<boolean>} whether it answered */
    async run(body, headers) {
      running?.abort();
      const own = new AbortController();
      running = own;
      last = null;
      const made = newTrace();
      trace = made.trace;
      el.dataset.state = 'running';
      wrong.replaceChildren();
      words.replaceChildren(h('span', { class: 'muted' }, '…'));
      figures.replaceChildren();
      foot.replaceChildren();
      try {
        last = await chat({ ...body, model: model.value.trim() }, { ...headers, traceparent: made.header }, own.signal, (a) => draw((last = a)));
        el.dataset.state = 'done';
        say(`${model.value} answered with ${count(last.output ?? 0, 'token')}`);
        return true;
      } catch (error) {
        if (running !== own) return false;
        el.dataset.state = own.signal.aborted ? 'stopped' : 'failed';
        if (own.signal.aborted) foot.prepend(h('span', { class: 'warning' }, 'Stopped. '));
        else {
          wrong.replaceChildren(failure(error));
          if (!last?.text) words.replaceChildren();
        }
        return false;
      } finally {
        if (running === own) running = null;
      }
    },
    stop() {
      running?.abort();
    },
    /** What the call cost, learned later than its end. @param {string|null} cost */
    priced(cost) {
      if (!last || cost === null || last.cost !== null) return;
      last.cost = cost;
      draw(last);
    },
  };
}
