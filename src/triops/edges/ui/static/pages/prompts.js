/** Prompts: which words are live under which label, what they are used for today, and what that costs. */

import { all, get, inPassing } from '../api.js';
import { h, slot } from '../dom.js';
import { count, sentence, short, when } from '../format.js';
import { inbox } from '../parts/approvals.js';
import { empty } from '../parts/empty.js';
import { code } from '../parts/code.js';
import { filters } from '../parts/filters.js';
import { dollars, labelBadge, promptPath, today } from '../parts/promptwords.js';
import { table } from '../parts/table.js';
import { link } from '../state.js';

const MOST = 5000;

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: '/prompts', params: { q: ctx.query.get('q'), limit: 1000 } }, { path: '/spend', params: { by: 'prompt', start: today() } }, { path: '/approvals', params: { state: 'waiting', kind: 'prompt' } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Prompts',
  question: 'Which words are live, and are they better than the last?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [{ name: 'q', label: 'Name', placeholder: 'part of a name', wide: true }]);
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const waits = inbox(() => inPassing(refresh()));
    const nothing = h('div');
    const list = table({
      name: 'prompts', label: 'Prompts', key: (p) => p.name, href: (p) => promptPath(p.name), sort: '-updated', empty: nothing,
      columns: [
        { id: 'name', label: 'Prompt', value: (p) => p.name, width: 'minmax(150px, 1.2fr)' },
        { id: 'labels', label: 'Live as', value: (p) => Object.keys(p.labels).join(' '), cell: (p) => badges(p), width: 'minmax(220px, 2fr)' },
        { id: 'latest', label: 'Latest', right: true, value: (p) => p.latest || 0, cell: (p) => (p.latest ? `version ${p.latest}` : '–'), width: 'minmax(84px, 0.6fr)' },
        { id: 'updated', label: 'Last change', value: (p) => p.updated_at, cell: (p) => when(p.updated_at), width: 'minmax(96px, 0.7fr)' },
        { id: 'calls', label: 'Calls today', right: true, value: (p) => p.spent?.requests || 0, cell: (p) => (p.spent ? short(p.spent.requests) : '–'), width: 'minmax(86px, 0.6fr)' },
        { id: 'errors', label: 'Errors', right: true, value: (p) => p.spent?.errors || 0, cell: (p) => (p.spent?.errors ? h('span', { class: 'critical' }, short(p.spent.errors)) : p.spent ? '0' : '–'), width: 'minmax(64px, 0.4fr)' },
        { id: 'cost', label: 'Cost today', right: true, value: (p) => Number(p.spent?.cost_usd || 0), cell: (p) => (p.spent ? dollars(p.spent.cost_usd) : '–'), width: 'minmax(86px, 0.6fr)' },
        { id: 'description', label: 'Description', value: (p) => p.description || '', off: true, width: 'minmax(140px, 1.4fr)' },
      ],
    });
    const card = h('section', { class: 'card flush prompt-list', hidden: true }, list.el);
    root.append(answer.el, waits.el, bar.el, card);

    async function refresh() {
      bar.sync();
      const [prompts, spend, asking] = calls(ctx);
      const [{ items, next }, { rows }, waiting] = await Promise.all([all(prompts.path, prompts.params, MOST, ctx.signal), get(spend.path, spend.params, ctx.signal), get(asking.path, asking.params, ctx.signal)]);
      const asked = ctx.query.get('q');
      const spent = new Map(rows.map((/** @type {any} */ r) => [r.prompt, r]));
      const mine = items.map((p) => ({ ...p, spent: spent.get(p.name) }));
      nothing.replaceChildren(asked ? empty('No prompt like this.') : begin());
      list.set(mine);
      card.hidden = false;
      const tools = [h('a', { class: 'button primary', href: link('/ui/playground') }, 'Write one …')];
      ctx.head({ title: 'Prompts', tools });
      waits.set(waiting.items);
      answer.set({ text: [answerOf(mine, Boolean(next), asked), waiting.items.length ? ` ${sentence(count(waiting.items.length, 'move'))} of a label ${waiting.items.length === 1 ? 'waits' : 'wait'} for an approval.` : ''] });
    }
    return { refresh };
  },
};

/** @param {any} p */
function badges(p) {
  const list = Object.entries(p.labels);
  if (!list.length) return h('span', { class: 'muted' }, 'no label');
  const told = list.slice(0, 3).map(([label, version]) => labelBadge(label, p.shares[label] ? Object.entries(p.shares[label]).map(([v, n]) => `${v}: ${n} %`).join(' · ') : String(version)));
  return h('span', { class: 'aliases' }, told, list.length > 3 && h('span', { class: 'muted small' }, `+${list.length - 3}`));
}

/** @param {any[]} items @param {boolean} more @param {string|null} asked */
function answerOf(items, more, asked) {
  if (!items.length) return asked ? 'No prompt matches.' : 'No prompt is kept here yet.';
  const live = items.filter((p) => Object.keys(p.labels).length).length;
  const used = items.filter((p) => p.spent);
  const sum = (/** @type {string} */ field) => used.reduce((n, p) => n + Number(p.spent[field] || 0), 0);
  const top = [...used].sort((a, b) => Number(b.spent.cost_usd) - Number(a.spent.cost_usd))[0];
  return [`${more ? 'More than ' : ''}${sentence(count(items.length, 'prompt'))}, ${live === items.length ? 'all' : live || 'none'} live under a label. `,
    used.length ? [`Today ${count(sum('requests'), 'call')} for ${dollars(sum('cost_usd'))}`, used.length > 1 && top ? [', most of it ', h('a', { href: promptPath(top.name) }, top.name)] : '', '.'] : 'None was called today.'];
}

function begin() {
  const base = location.origin;
  return h('div', null,
    empty('No prompt is kept here yet.', { hint: 'Write one as a document, and apply it:', command: `cat > prompt.yaml <<'END'\nkind: Prompt\nname: support-answer\nspec:\n  messages:\n    - {role: system, content: "You answer customers of {{shop}}."}\n    - {role: user, content: "{{question}}"}\n  labels: {production: 1}\nEND\ntriops apply prompt.yaml` }),
    h('div', { class: 'empty' }, h('p', { class: 'muted' }, 'Or write and try it in the ', h('a', { href: link('/ui/playground') }, 'playground'), '; or register it from a program:'),
      code(`export MLFLOW_TRACKING_URI=${base}\npython -c 'import mlflow; mlflow.genai.register_prompt(name="support-answer", template="Answer this: {{question}}")'`),
      h('p', { class: 'muted' }, 'Applications then ask for it by name, through the gateway:'),
      code(`curl ${base}/v1/chat/completions -H 'content-type: application/json' \\\n  -d '{"model": "ROUTE", "messages": [], "prompt": {"name": "support-answer", "label": "production", "variables": {"question": "Hi"}}}'`)));
}
