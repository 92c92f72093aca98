/** One prompt: its versions and labels, the words, what changed between two, how each fares, what people say. */

import { all, get, inPassing, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { count, sentence, when } from '../format.js';
import { inbox } from '../parts/approvals.js';
import { code } from '../parts/code.js';
import { empty } from '../parts/empty.js';
import { failure } from '../parts/failure.js';
import { promptComments } from '../parts/promptcomments.js';
import { promptDiff } from '../parts/promptdiff.js';
import { labelCards, moveLabel, promptHistory } from '../parts/promptlabels.js';
import { comparison, promptUsage } from '../parts/promptusage.js';
import { labelBadge, promptLines, promptPath, shareText } from '../parts/promptwords.js';
import { link } from '../state.js';

const MOST = 1000;
const TABS = [['', 'Words'], ['diff', 'Differences'], ['usage', 'Usage and quality'], ['comments', 'Comments'], ['history', 'History']];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const base = `/prompts/${encodeURIComponent(ctx.params.name)}`;
  const [from, to] = [ctx.query.get('a'), ctx.query.get('b')];
  /** @type {import('../api.js').Call[]} */ const out = [{ path: base }, { path: `${base}/versions`, params: { limit: 1000 } }, { path: `${base}/history`, params: { limit: 200 } }, { path: `${base}/usage`, params: ctx.span }, { path: '/approvals', params: { model: ctx.params.name, state: 'waiting' } }];
  if (from && to) out.push({ path: `${base}/diff`, params: { from, to } });
  return out;
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Prompt',
  question: 'Which words are live, and are they better than the last?',
  calls,
  mount(ctx, root) {
    const name = ctx.params.name;
    const base = `/prompts/${encodeURIComponent(name)}`;
    const again = () => inPassing(refresh());
    /** @type {any} */ let prompt = null;
    /** @type {any[]} */ let versions = [];
    /** @type {any[]} */ let used = [];
    const choose = (/** @type {string|number} */ v) => ctx.set({ v, version: null, tab: null });
    const move = (/** @type {string} */ label, /** @type {string} */ version = '') => moveLabel({ prompt, versions, label, version, usage: used, done: again });
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const waits = inbox(again, { named: false, chosen: () => ctx.query.get('approval') });
    const labels = slot(h('div', { class: 'alias-cards' }), ({ prompt, versions, history }) => labelCards(prompt, versions, history, { open: choose, move, done: again }));
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Parts of the prompt' }), ({ tab, comments }) => TABS.map(([id, title]) => h('a', { href: promptPath(name, { tab: id, v: ctx.query.get('v'), a: ctx.query.get('a'), b: ctx.query.get('b') }), 'aria-current': tab === id && 'true' }, title, id === 'comments' && comments > 0 && h('span', { class: 'muted' }, ` ${comments}`))));
    const body = h('div', { class: 'page' });
    const words = slot(h('div', { class: 'prompt-words' }), ({ versions, at }) => (versions.length ? [versionList(versions, at, choose), shown(versions.find((/** @type {any} */ v) => v.version === at) || versions[0])] : empty('It has no version yet.')));
    const [from, to] = ['From version', 'to version'].map((label) => h('select', { 'aria-label': label, on: { change: () => ctx.set({ a: from.value, b: to.value }, { replace: true }) } }));
    const differs = slot(h('section', { class: 'card' }), ({ data, error }) => (error ? failure(error) : promptDiff(data)));
    const chooser = h('div', { class: 'knobs' }, h('label', null, 'From', from), h('label', null, 'to', to));
    const usage = slot(h('section', { class: 'card flush' }), ({ usage, prompt }) => promptUsage(name, usage, prompt));
    const comments = promptComments(base, again);
    const history = slot(h('section', { class: 'card' }), ({ items }) => promptHistory(items));
    root.append(answer.el, waits.el, labels.el, tabs.el, body);

    /** @param {any} v */
    function shown(v) {
      return h('section', { class: 'card prompt-version', 'aria-label': `Version ${v.version}` },
        h('div', { class: 'card-head' }, h('h2', null, `Version ${v.version} `, v.labels.map((/** @type {string} */ l) => [labelBadge(l), ' '])), h('div', { class: 'buttons' },
          h('button', { type: 'button', class: 'small', on: { click: () => move('', String(v.version)) } }, 'Label it …'),
          v.version > 1 && h('a', { class: 'button small', href: promptPath(name, { tab: 'diff', a: previous(v), b: v.version }) }, 'What changed'),
          h('a', { class: 'button small primary', href: link('/ui/playground', { prompt: name, v: v.version }) }, 'Try it'))),
        h('p', { class: 'muted small' }, v.note ? [h('span', { class: 'ink' }, v.note), ' · '] : '', v.created_by || 'someone', ' ', when(v.created_at), ` · ${v.engine}`),
        promptLines(v), facts(v), useIt(name, v));
    }

    /** @param {any} v the version before it that still exists */
    function previous(v) {
      return versions.find((one) => one.version < v.version)?.version ?? v.version;
    }

    async function refresh() {
      const tab = ctx.query.get('tab') || '';
      const [first, list, moved, usages, waiting] = await Promise.all([get(base, {}, ctx.signal), all(`${base}/versions`, {}, MOST, ctx.signal), get(`${base}/history`, { limit: 200 }, ctx.signal), get(`${base}/usage`, ctx.span, ctx.signal), get('/approvals', { model: name, state: 'waiting' }, ctx.signal)]);
      const said = await get(`${base}/comments`, { limit: 200 }, ctx.signal);
      [prompt, versions, used] = [first, list.items, usages.rows];
      const at = Number(ctx.query.get('v') || ctx.query.get('version')) || prompt.labels.production || prompt.latest;
      ctx.head({ title: name, question: prompt.description || undefined, tools: [h('a', { class: 'button', href: link('/ui/playground', { prompt: name, v: at }) }, 'Playground')] });
      answer.set({ text: answerOf(prompt, versions, moved.items, usages.rows) });
      waits.set(waiting.items);
      labels.set({ prompt, versions, history: moved.items });
      labels.el.classList.toggle('desk-only', Boolean(tab)); // a phone shows what was asked for first
      tabs.set({ tab, comments: said.items.length });
      if (tab === 'diff') {
        const [a, b] = at === prompt.latest ? [previous({ version: at }), at] : [at, prompt.latest]; // what a move to the newest would change
        const pair = [Number(ctx.query.get('a')) || a, Number(ctx.query.get('b')) || b];
        for (const [select, chosen] of /** @type {[any, number][]} */ ([[from, pair[0]], [to, pair[1]]])) {
          if (select.childElementCount !== versions.length) select.replaceChildren(...versions.map((v) => h('option', { value: String(v.version) }, `version ${v.version}${v.labels.length ? ` (${v.labels.join(', ')})` : ''}`)));
          select.value = String(chosen);
        }
        differs.set({ data: await get(`${base}/diff`, { from: String(pair[0]), to: String(pair[1]) }, ctx.signal) });
        swap(chooser, differs.el);
      } else if (tab === 'usage') {
        usage.set({ usage: usages, prompt });
        swap(usage.el);
      } else if (tab === 'comments') {
        comments.set({ items: said.items, versions, at: String(at) });
        swap(comments.el);
      } else if (tab === 'history') {
        history.set({ items: moved.items });
        swap(history.el);
      } else {
        words.set({ versions, at });
        swap(words.el);
      }
    }

    /** @param {...any} els */
    function swap(...els) {
      if (els.some((el, i) => body.children[i] !== el) || body.children.length !== els.length) body.replaceChildren(...els);
    }
    return { refresh };
  },
};

/** @param {any[]} versions @param {number} at @param {(v: number) => void} choose */
function versionList(versions, at, choose) {
  return h('ul', { class: 'card version-list', 'aria-label': 'Versions' }, versions.map((v) => h('li', null, h('button', { type: 'button', class: 'version-choice', 'aria-pressed': String(v.version === at), data: { focus: `v${v.version}` }, on: { click: () => choose(v.version) } },
    h('span', { class: 'version-top' }, h('strong', null, `version ${v.version}`), v.labels.map((/** @type {string} */ l) => labelBadge(l, v.shares[l] ? `${v.shares[l]} %` : ''))),
    h('span', { class: 'muted small version-note' }, v.note || 'no note'), h('span', { class: 'muted small' }, v.created_by || 'someone', ' · ', when(v.created_at))))));
}

/** @param {any} v */
function facts(v) {
  const variables = Object.entries(v.variables || {});
  const settings = Object.entries(v.settings || {});
  if (!variables.length && !settings.length && !v.model && !v.names.length) return null;
  const named = variables.length ? variables : v.names.map((/** @type {string} */ n) => [n, { required: true }]);
  return h('dl', { class: 'facts prompt-facts' },
    named.length > 0 && [h('dt', null, 'Variables'), h('dd', null, named.map(([id, one]) => h('span', { class: 'fact' }, h('mark', { class: 'variable mono' }, id), ' ', h('span', { class: 'muted' }, [one.type, one.required ? '' : 'optional', one.default !== undefined ? `default ${JSON.stringify(one.default)}` : ''].filter(Boolean).join(', ')))))],
    v.model && [h('dt', null, 'Model'), h('dd', null, h('code', null, v.model))],
    settings.length > 0 && [h('dt', null, 'Settings'), h('dd', null, settings.map(([id, value]) => h('span', { class: 'fact' }, `${id} `, h('code', null, JSON.stringify(value)))))]);
}

/** Three ways to ask for it. @param {string} name @param {any} v */
function useIt(name, v) {
  const label = v.labels.includes('production') ? 'production' : v.labels[0];
  const ref = { name, ...(label ? { label } : { version: v.version }), variables: Object.fromEntries(v.names.map((/** @type {string} */ n) => [n, '…'])) };
  return h('details', { class: 'more', data: { key: 'use' } }, h('summary', null, 'Use it'),
    code(`curl ${location.origin}/v1/chat/completions -H 'content-type: application/json' -H "authorization: Bearer $OPENAI_API_KEY" \\\n  -d '${JSON.stringify({ model: v.model || 'ROUTE', messages: [], prompt: ref }).replaceAll("'", "'\\''")}'`, 'Filled in by the gateway: a label moves without a deploy'),
    code(`client.chat.completions.create(model=${JSON.stringify(v.model || 'ROUTE')}, messages=[],\n    extra_body={"prompt": ${JSON.stringify(ref)}})`, 'The same by an OpenAI client in Python'));
}

/** @param {any} prompt @param {any[]} versions @param {any[]} moves @param {any[]} usage */
function answerOf(prompt, versions, moves, usage) {
  if (!versions.length) return 'It has no version yet.';
  const live = Object.keys(prompt.labels);
  const label = live.find((l) => /prod/i.test(l)) || live[0];
  const move = moves.find((m) => m.label === label);
  const share = label && prompt.shares[label];
  const newer = label ? versions.filter((v) => v.version > prompt.labels[label]).length : 0;
  const total = usage.reduce((n, r) => n + r.calls, 0);
  return [label ? [labelBadge(label), ` is ${shareText(share, prompt.labels[label])}`, move ? [', put there by ', move.who || 'someone', ' ', when(move.at), move.why ? ` (“${String(move.why).slice(0, 160)}”)` : ''] : ''] : `${sentence(count(versions.length, 'version'))}, none live under a label`, '. ',
    newer ? `${sentence(count(newer, 'version'))} ${newer === 1 ? 'is' : 'are'} newer. ` : '', total ? [sentence(count(total, 'call')), ' in the time shown. ', comparison(usage) || ''] : 'No call used it in the time shown.'];
}
