/** The gateway: where calls go, whether providers answer, and who is near a limit. */

import { get, inPassing, isAdmin } from '../api.js';
import { h, slot } from '../dom.js';
import { clock, count, lasting, sentence } from '../format.js';
import { budgetBars } from '../parts/budgets.js';
import { code } from '../parts/code.js';
import { empty } from '../parts/empty.js';
import { keyCard } from '../parts/gatewaykeys.js';
import { providerTable } from '../parts/gatewayproviders.js';
import { routeCards, routeState } from '../parts/gatewayroutes.js';
import { dollars } from '../parts/promptwords.js';
import { health } from '../parts/health.js';
import { firstKey, newKey } from '../parts/keyform.js';
import { link } from '../state.js';

const LATE_S = 10; // seconds that the books may be behind, which are otherwise within one
/** @type {import('../api.js').Call[]} */
const CALLS = [{ path: '/gateway' }, { path: '/budgets' }, { path: '/gateway/keys' }];

/** @type {import('../routes.js').Page} */
export default {
  title: 'Gateway',
  question: 'Do calls get through, and who is near a limit?',
  timeless: true,
  calls: () => CALLS,
  mount(ctx, root) {
    const again = () => inPassing(refresh());
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const nothing = slot(h('div'), ({ bare }) => bare && begin());
    const wrong = slot(h('div'), ({ problems }) => problems.length > 0 && h('section', { class: 'card' }, h('h2', null, 'Documents to put right'), h('ul', { class: 'plain' }, problems.map((/** @type {string} */ p) => h('li', null, health('warning', ''), ' ', p)))));
    const routes = slot(h('section', { class: 'block' }), ({ routes, providers }) => routes.length > 0 && [h('div', { class: 'card-head' }, h('h2', null, 'Routes'), h('span', { class: 'muted small' }, 'figures since the gateway’s start')), routeCards(routes, providers)]);
    const providers = slot(h('section', { class: 'card flush' }), ({ providers, admin }) => [h('div', { class: 'card-head' }, h('h2', null, 'Providers'), h('span', { class: 'muted small' }, 'figures since the gateway’s start')), providerTable(providers, { done: again, admin })]);
    const keys = slot(h('section', { class: 'block' }), ({ keys, routes, secrets, budgets, admin, bare }) => {
      const make = () => newKey({ keys, routes, done: again });
      if (!keys.length) return admin && !bare && firstKey(make);
      return [h('div', { class: 'card-head' }, h('h2', null, 'Keys'), admin && h('button', { type: 'button', on: { click: make } }, 'New key …')), h('div', { class: 'route-cards' }, keys.map((/** @type {any} */ k) => keyCard(k, secrets.filter((/** @type {any} */ s) => s.key === k.name), budgets.filter((/** @type {any} */ b) => b.scope === 'key' && b.name === k.name), routes, { done: again, admin })))];
    });
    const budgets = slot(h('section', { class: 'card' }), ({ items }) => [h('div', { class: 'card-head' }, h('h2', null, 'Other budgets'), h('a', { class: 'small', href: link('/ui/cost') }, 'Cost')), budgetBars(items)]);
    const refused = slot(h('div'), ({ refused }) => Object.keys(refused).length > 0 && h('p', { class: 'muted small' }, 'Refused or failed since the gateway started: ', Object.entries(refused).map(([kind, n]) => `${n} ${kind.replaceAll('_', ' ')}`).join(', '), '.'));
    root.append(answer.el, nothing.el, wrong.el, routes.el, providers.el, keys.el, budgets.el, refused.el);

    /** @type {boolean|null} */ let admin = null;

    async function refresh() {
      admin ??= await isAdmin(ctx.signal);
      const [state, standing, secrets] = await Promise.all([get('/gateway', {}, ctx.signal), get('/budgets', {}, ctx.signal), admin ? get('/gateway/keys', {}, ctx.signal) : { items: [] }]);
      const others = standing.items.filter((/** @type {any} */ b) => b.scope !== 'key');
      const bare = !state.routes.length && !state.providers.length && !state.keys.length;
      answer.set({ text: answerOf(state, standing.items) });
      nothing.set({ bare });
      wrong.set({ problems: state.problems });
      routes.set({ routes: state.routes, providers: state.providers });
      providers.el.hidden = !state.providers.length;
      providers.set({ providers: state.providers, admin });
      keys.set({ keys: state.keys, routes: state.routes.filter((/** @type {any} */ r) => r.documented), secrets: secrets.items, budgets: standing.items, admin, bare });
      budgets.el.hidden = !others.length;
      budgets.set({ items: others });
      refused.set({ refused: state.refused });
    }
    const timer = setInterval(() => { // figures of the process itself: no event tells of them
      if (!document.hidden && ctx.query.get('live') !== 'off') inPassing(refresh().catch((e) => { if (e.name !== 'AbortError' && !e.status && e.status !== 0) throw e; }));
    }, 5000);
    return { refresh, leave: () => clearInterval(timer) };
  },
};

/** @param {any} state @param {any[]} budgets */
function answerOf(state, budgets) {
  if (!state.ready) return [health('warning', 'The gateway’s process is not ready'), ': calls are refused until it is. The log of ', h('code', null, 'triops up'), ' says why.'];
  if (state.journal.full) return [health('critical', 'No call is taken'), `: ${state.journal.full}. The log of `, h('code', null, 'triops up'), ' says why the books do not take them.'];
  const documented = state.routes.filter((/** @type {any} */ r) => r.documented);
  const sick = documented.map((/** @type {any} */ r) => [r, ...routeState(r, state.providers)]).filter(([, look]) => look === 'critical' || look === 'warning');
  const open = state.providers.flatMap((/** @type {any} */ p) => p.breakers.filter((/** @type {any} */ b) => b.state === 'open').map((/** @type {any} */ b) => [p, b]));
  const missing = state.providers.filter((/** @type {any} */ p) => p.credential === 'missing');
  const near = budgets.filter((b) => b.share >= 0.8);
  if (!documented.length && !state.providers.length) return 'The gateway is up. No provider is set up yet.';
  return [documented.length ? `${sentence(count(documented.length, 'route'))}, ${sick.length ? `${sick.length} not well (${sick.map(([r, , word]) => `${r.name}: ${word}`).join('; ')})` : documented.length === 1 ? 'healthy' : 'all healthy'}` : `${sentence(count(state.providers.length, 'provider'))}, no route: models are asked for as provider/model`,
    open.slice(0, 2).map(([p, b]) => [`; ${p.name} is cut off for `, h('strong', null, b.model), b.opens_until ? [' until ', clock(b.opens_until)] : '']), open.length > 2 && `; ${open.length - 2} more are cut off`,
    '. ', state.journal.lag_s > LATE_S && [health('warning', 'The books are behind'), ` by ${lasting(state.journal.lag_s)}: cost, traces and budgets do not show the last calls yet. `],
    missing.length > 0 && `${sentence(missing.map((/** @type {any} */ p) => p.name).join(', '))} ${missing.length === 1 ? 'lacks its' : 'lack their'} credential. `,
    near.length ? near.slice(0, 2).map((b) => `${sentence(b.scope)} ${b.name} has used ${Math.round(b.share * 100)} % of its ${dollars(b.amount_usd)} a ${b.per}. `) : budgets.length > 0 && 'No budget is near its end.'];
}

function begin() {
  const base = location.origin;
  return h('div', null, empty('No provider, no route, no key yet.', { hint: 'Point any client at the gateway and call: with its own provider key it passes through, and is traced and counted.', command: `export OPENAI_BASE_URL=${base}/v1` }),
    h('div', { class: 'empty' }, h('p', { class: 'muted' }, 'Or say where calls go, and who may make them:'), code(`cat > gateway.yaml <<'END'\nkind: Provider\nname: openai\nspec: {dialect: openai, api_key_env: OPENAI_API_KEY}\n---\nkind: Route\nname: fast\nspec: {targets: [{provider: openai, model: gpt-5-mini}]}\n---\nkind: Key\nname: my-app\nspec: {application: my-app, budget_usd: {amount: "5.00", per: day, hard: true}}\nEND\ntriops apply gateway.yaml`)));
}
