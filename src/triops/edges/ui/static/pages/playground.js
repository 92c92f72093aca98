/** The playground: a prompt, picked or written, asked of up to four models side by side. */

import { all, get, post, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { ask } from '../parts/ask.js';
import { playAnswer } from '../parts/playanswer.js';
import { tracePath } from '../parts/llmwords.js';
import { askedIn, settingsOf } from '../parts/playfrom.js';
import { filledIn, playPrompt } from '../parts/playprompt.js';
import { promptPath } from '../parts/promptwords.js';

const MOST = 4;
const MOST_SPANS = 20000;
const LOOKS = 12; // times that a call's cost is asked for before it is left open
const LOOK_MS = 500;

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const name = ctx.query.get('prompt');
  /** @type {import('../api.js').Call[]} */ const out = [{ path: '/gateway' }, { path: '/prompts', params: { limit: 1000 } }];
  const trace = ctx.query.get('trace');
  if (trace && !name) out.push({ path: `/llm/traces/${seg(trace)}`, params: { limit: 1000 } });
  if (name) out.push({ path: `/prompts/${encodeURIComponent(name)}/versions`, params: { limit: 1000 } });
  return out;
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Playground',
  question: 'Which words, on which model, answer best?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const session = `playground-${[...crypto.getRandomValues(new Uint8Array(5))].map((b) => b.toString(16).padStart(2, '0')).join('')}`;
    /** @type {ReturnType<typeof playAnswer>[]} */ let answers = [];
    /** @type {any[]} */ let versions = [];
    let shown = '';
    let asked = 0;
    const models = h('datalist', { id: 'play-models' });
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const picked = h('select', { 'aria-label': 'Prompt', on: { change: () => ctx.set({ prompt: picked.value, v: null, trace: null, span: null }) } });
    const version = h('select', { 'aria-label': 'Version', on: { change: () => ctx.set({ v: version.value }) } });
    const versionLabel = h('label', null, 'Version', version);
    const run = h('button', { type: 'button', class: 'primary', on: { click: go } }, 'Run');
    const stop = h('button', { type: 'button', disabled: true, on: { click: () => answers.forEach((a) => a.stop()) } }, 'Stop');
    const save = h('button', { type: 'button', on: { click: keep } }, 'Save as a new version …');
    const more = h('button', { type: 'button', on: { click: () => add('') } }, 'Add a model');
    const note = h('p', { class: 'muted small', role: 'status' });
    const prompt = playPrompt(told);
    const places = h('div', { class: 'play-answers' });
    const sheet = h('section', { class: 'card play-sheet', 'aria-label': 'What is asked', on: { keydown: (/** @type {KeyboardEvent} */ e) => (e.ctrlKey || e.metaKey) && e.key === 'Enter' && go() } },
      h('div', { class: 'inline-form' }, h('label', null, 'Prompt', picked), versionLabel), prompt.el, h('div', { class: 'buttons play-act' }, run, stop, save), note);
    root.append(answer.el, h('div', { class: 'play' }, sheet, h('div', { class: 'play-side' }, places, h('div', { class: 'buttons' }, more))), models);

    /** @param {string} name */
    function add(name) {
      const made = playAnswer({ suggestions: models.id, changed: remember, remove: () => {
        made.stop();
        answers = answers.filter((a) => a !== made);
        made.el.remove();
        remember();
      } });
      made.model = name;
      answers.push(made);
      places.append(made.el);
      told();
      if (!name) made.el.querySelector('input')?.focus();
    }

    /** The models are in the address, so that a link shows the same. */
    function remember() {
      ctx.set({ model: answers.map((a) => a.model).filter(Boolean) }, { replace: true });
      told();
    }

    function told() {
      more.hidden = answers.length >= MOST;
      note.textContent = !prompt.stored ? '' : prompt.edited() ? `Changed: no longer version ${prompt.stored.version}.` : '';
      const busy = answers.some((a) => a.busy);
      stop.disabled = !busy;
    }

    async function go() {
      const ready = answers.filter((a) => a.model);
      if (!ready.length) {
        if (!answers.length) add('');
        note.textContent = 'Name a model first.';
        return;
      }
      const values = prompt.values();
      /** @type {any} */ let body = { ...prompt.settings };
      if (!prompt.edited()) body = { ...body, messages: [], prompt: { name: prompt.stored.prompt, version: prompt.stored.version, variables: values } };
      else {
        const messages = filledIn(prompt.lines().filter((l) => l.content.trim()), values);
        if (!messages) {
          note.textContent = 'These templates hold more than plain variables: save them as a version, then run it.';
          return;
        }
        if (!messages.length) {
          note.textContent = 'Write something to ask.';
          return;
        }
        body.messages = messages;
      }
      const runs = ready.map((a) => a.run(body, { 'x-triops-session': session, 'x-triops-tags': 'playground' }).finally(told));
      told();
      await Promise.all(runs);
      const turn = ++asked;
      await priced(ready, turn);
    }

    /** What calls cost is known when they are written down, a moment after their end. @param {typeof answers} ready @param {number} turn */
    async function priced(ready, turn) {
      for (let i = 0; i < LOOKS && turn === asked && !ctx.signal.aborted; i++) {
        const { items } = await get('/llm/traces', { session, limit: 100 }).catch(() => ({ items: [] }));
        const found = new Map(items.map((/** @type {any} */ t) => [t.trace, t]));
        for (const a of ready) a.priced(found.get(a.trace)?.cost_usd ?? null);
        if (ready.every((a) => found.has(a.trace))) return;
        await new Promise((r) => setTimeout(r, LOOK_MS));
      }
    }

    function keep() {
      const lines = prompt.lines().filter((l) => l.content.trim());
      const was = prompt.stored;
      ask({
        title: 'Save as a new version',
        says: h('p', null, 'Nothing live changes until a label moves to it.'),
        fields: [{ name: 'name', label: 'Prompt', value: was?.prompt || '', placeholder: 'support-answer', most: 255 }, { name: 'note', label: 'What is new', kind: 'words', optional: true }],
        act: 'Save',
        done: async ({ name, note }) => {
          const text = was?.type === 'text' && lines.length === 1 && lines[0].role === 'user';
          const spec = { ...(text ? { text: lines[0].content } : { messages: lines }), engine: was?.engine || 'mustache', variables: kept(was, lines), model: answers[0]?.model || was?.model || '', settings: { ...was?.settings, ...prompt.settings } };
          if (!spec.model) delete /** @type {any} */ (spec).model;
          const made = await post(`/prompts/${encodeURIComponent(name)}/versions`, { ...spec, note });
          say('Saved');
          shown = '';
          ctx.set({ prompt: name, v: made.version, trace: null, span: null });
        },
      });
    }

    async function refresh() {
      const wanted = ctx.query.get('prompt') || '';
      const [gateway, prompts] = await Promise.all([get('/gateway', {}, ctx.signal), all('/prompts', {}, 2000, ctx.signal)]);
      const names = offered(gateway);
      models.replaceChildren(...names.map((n) => h('option', { value: n })));
      const there = ['', ...prompts.items.map((p) => p.name), ...(wanted && !prompts.items.some((p) => p.name === wanted) ? [wanted] : [])];
      if (picked.dataset.names !== there.join('\n')) picked.replaceChildren(...there.map((n) => h('option', { value: n }, n || 'none: write one'))); // an open list stays open
      picked.dataset.names = there.join('\n');
      picked.value = wanted;
      const trace = ctx.query.get('trace') || '';
      const key = `${wanted}@${ctx.query.get('v') || ''}@${trace}@${ctx.query.get('span') || ''}`;
      if (key !== shown) {
        versions = wanted ? (await all(`/prompts/${encodeURIComponent(wanted)}/versions`, {}, 1000, ctx.signal)).items : [];
        version.replaceChildren(...versions.map((v) => h('option', { value: String(v.version) }, `${v.version}${v.labels.length ? ` (${v.labels.join(', ')})` : ''}`)));
        const chosen = versions.find((v) => String(v.version) === ctx.query.get('v')) || versions.find((v) => v.labels.includes('production')) || versions[0];
        if (chosen) version.value = String(chosen.version);
        const call = trace && !wanted ? await callIn(trace, ctx.query.get('span') || '', ctx.signal) : null;
        if (call) prompt.load(null, askedIn(call), settingsOf(call));
        else prompt.load(chosen || null);
        shown = key;
      }
      versionLabel.hidden = !versions.length;
      if (!answers.length) for (const name of given(ctx, prompt.stored, names)) add(name);
      ctx.head({ title: 'Playground', tools: wanted ? [h('a', { class: 'button', href: promptPath(wanted, { v: version.value }) }, 'The prompt')] : trace ? [h('a', { class: 'button', href: tracePath(trace) }, 'The call it is from')] : null });
      answer.set({ text: answerOf(gateway, names) });
      told();
    }
    return { refresh, leave: () => answers.forEach((a) => a.stop()) };
  },
};

/** A call of a trace with words to ask again. @param {string} trace @param {string} span @param {AbortSignal} signal */
async function callIn(trace, span, signal) {
  const { items } = await all(`/llm/traces/${seg(trace)}`, {}, MOST_SPANS, signal);
  return items.find((s) => s.span === span && askedIn(s).length) || null;
}

/** Routes, their aliases, and models that providers list. @param {any} gateway @returns {string[]} */
function offered(gateway) {
  const routes = gateway.routes.filter((/** @type {any} */ r) => r.documented);
  return [...new Set([...routes.flatMap((/** @type {any} */ r) => [r.name, ...r.aliases]), ...routes.flatMap((/** @type {any} */ r) => r.targets.map((/** @type {any} */ t) => `${t.provider}/${t.model}`)), ...gateway.providers.flatMap((/** @type {any} */ p) => p.models.map((/** @type {string} */ m) => `${p.name}/${m}`))])];
}

/** @param {import('../visit.js').Visit} ctx @param {any} stored @param {string[]} names */
function given(ctx, stored, names) {
  const said = ctx.query.getAll('model').slice(0, MOST);
  return said.length ? said : [stored?.model || names[0] || ''];
}

/** Declared variables that the lines still read. @param {any} was @param {{content: string}[]} lines */
function kept(was, lines) {
  const text = lines.map((l) => l.content).join('\n');
  return Object.fromEntries(Object.entries(was?.variables || {}).filter(([n]) => new RegExp(`\\b${n}\\b`).test(text)));
}

/** @param {any} gateway @param {string[]} names */
function answerOf(gateway, names) {
  if (!gateway.ready) return 'The gateway is starting; try again in a moment.';
  if (!names.length) return ['No provider is set up: calls go to the model on this machine, where one is installed. Add one: ', h('code', null, 'triops apply provider.yaml')];
  const routes = gateway.routes.filter((/** @type {any} */ r) => r.documented).length;
  return `${routes === 1 ? 'One route' : `${routes} routes`} to ask. Every run is a real call: it is traced, counted and paid for. Ctrl+Enter runs.`;
}
