/** Which address shows which page; modules load when first needed. */

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {string} question what the page answers, its subtitle
 * @property {(ctx: import('./visit.js').Visit) => import('./api.js').Call[]} calls what `?format=json` shows
 * @property {(ctx: import('./visit.js').Visit, root: HTMLElement) => View} mount
 * @property {boolean} [bare] drawn without the frame
 * @property {boolean} [timeless] does not depend on the time range
 */

/**
 * @typedef {object} View
 * @property {(why: string) => Promise<void>} refresh reads again and shows what changed, in place
 * @property {() => void} [leave]
 */

/** @type {[RegExp, () => Promise<{default: Page}>, string, string?][]} pattern, module, name in the navigation, since when it shows where nobody chose a range */
const ROUTES = [
  [/^\/ui\/?$/, () => import('./pages/overview.js'), 'overview'],
  [/^\/ui\/incidents$/, () => import('./pages/incidents.js'), 'incidents'],
  [/^\/ui\/incidents\/(?<id>[^/]+)$/, () => import('./pages/incident.js'), 'incidents'],
  [/^\/ui\/topology$/, () => import('./pages/topology.js'), 'topology'],
  [/^\/ui\/metrics$/, () => import('./pages/metrics.js'), 'metrics'],
  [/^\/ui\/logs$/, () => import('./pages/logs.js'), 'logs'],
  [/^\/ui\/traces$/, () => import('./pages/traces.js'), 'traces'],
  [/^\/ui\/traces\/(?<id>[^/]+)$/, () => import('./pages/trace.js'), 'traces'],
  [/^\/ui\/changes$/, () => import('./pages/changes.js'), 'changes'],
  [/^\/ui\/entities\/(?<id>.+)$/, () => import('./pages/entity.js'), 'topology'],
  [/^\/ui\/experiments$/, () => import('./pages/experiments.js'), 'experiments'],
  [/^\/ui\/experiments\/(?<id>[^/]+)$/, () => import('./pages/experiment.js'), 'experiments'],
  [/^\/ui\/compare$/, () => import('./pages/compare.js'), 'experiments'],
  [/^\/ui\/runs\/(?<id>[^/]+)$/, () => import('./pages/run.js'), 'experiments'],
  [/^\/ui\/models$/, () => import('./pages/models.js'), 'models'],
  [/^\/ui\/models\/(?<name>.+)$/, () => import('./pages/model.js'), 'models'],
  [/^\/ui\/llm$/, () => import('./pages/llm_traces.js'), 'llm', '-24h'],
  [/^\/ui\/llm\/traces\/(?<id>[^/]+)$/, () => import('./pages/llm_trace.js'), 'llm'],
  [/^\/ui\/llm\/sessions\/(?<id>.+)$/, () => import('./pages/llm_session.js'), 'llm'],
  [/^\/ui\/cost$/, () => import('./pages/cost.js'), 'cost', 'month'],
  [/^\/ui\/prompts$/, () => import('./pages/prompts.js'), 'prompts'],
  [/^\/ui\/prompts\/(?<name>.+)$/, () => import('./pages/prompt.js'), 'prompts', '-7d'],
  [/^\/ui\/playground$/, () => import('./pages/playground.js'), 'playground'],
  [/^\/ui\/gateway$/, () => import('./pages/gateway.js'), 'gateway'],
  [/^\/ui\/start$/, () => import('./pages/start.js'), 'start'],
  [/^\/ui\/settings$/, () => import('./pages/settings.js'), 'settings'],
  [/^\/ui\/login$/, () => import('./pages/login.js'), ''],
];

/** @param {string} path @returns {{load: () => Promise<{default: Page}>, name: string, params: Record<string, string>, since?: string}} */
export function match(path) {
  for (const [pattern, load, name, since] of ROUTES) {
    const found = pattern.exec(path);
    if (found) {
      const params = Object.fromEntries(Object.entries(found.groups || {}).map(([k, v]) => [k, decoded(v)]));
      return { load, name, params, since };
    }
  }
  return { load: () => import('./pages/missing.js'), name: '', params: {} };
}

const ELSEWHERE = [
  [/^#\/experiments\/\d+\/runs\/([0-9a-f]{32})(?:\/|$)/, '/ui/runs/'],
  [/^#\/experiments\/(\d+)(?:\/|$)/, '/ui/experiments/'],
  [/^#\/(?:models|prompts)\/([^/]+)(?:\/|$)/, '/ui/models/'],
];

/** Where a link that MLflow's client prints (`#/experiments/1/runs/…`) is found here. @param {string} hash */
export function fromMlflow(hash) {
  for (const [pattern, page] of ELSEWHERE) {
    const found = /** @type {RegExp} */ (pattern).exec(hash);
    if (found) return page + found[1];
  }
  return null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Where a thing found by search is shown. @param {{kind: string, id: string, link?: string}} item @returns {string|null} */
export function placeOf({ kind, id, link }) {
  const part = encodeURIComponent(id);
  if (kind === 'entity' && id.startsWith('prompt:')) return `/ui/prompts/${encodeURIComponent(id.slice('prompt:'.length))}`;
  if (kind === 'entity') return `/ui/entities/${part}`;
  if (kind === 'incident') return `/ui/incidents/${part}`;
  if (kind === 'trace') return `/ui/traces/${part}`;
  if (kind === 'change') return `/ui/changes?change=${part}`;
  if (kind === 'metric') return `/ui/metrics?q=${part}`;
  if (kind === 'run') return `/ui/runs/${part}`;
  if (kind === 'experiment') return `/ui/experiments/${part}`;
  if (kind === 'prompt') return `/ui/prompts/${part}`;
  if (kind === 'model') return `/ui/models/${part}`;
  return link && link.startsWith('/ui') ? link : null;
}
