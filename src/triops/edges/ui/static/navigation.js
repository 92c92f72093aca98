/** The pages one can go to: their groups, their titles, the keys that lead to them after `g`. */

/** name, title, path; null is a group's head */
export const NAV = [
  ['overview', 'Overview', '/ui'],
  ['incidents', 'Incidents', '/ui/incidents'],
  ['topology', 'Topology', '/ui/topology'],
  ['changes', 'Changes', '/ui/changes'],
  [null, 'Services', 'services'],
  ['metrics', 'Metrics', '/ui/metrics'],
  ['logs', 'Logs', '/ui/logs'],
  ['traces', 'Traces', '/ui/traces'],
  [null, 'Models', 'models'],
  ['experiments', 'Experiments', '/ui/experiments'],
  ['models', 'Models', '/ui/models'],
  [null, 'Language', 'language'],
  ['llm', 'LLM traces', '/ui/llm'],
  ['cost', 'Cost', '/ui/cost'],
  ['prompts', 'Prompts', '/ui/prompts'],
  ['playground', 'Playground', '/ui/playground'],
  ['gateway', 'Gateway', '/ui/gateway'],
];
export const FOOT = [
  ['start', 'Start', '/ui/start'],
  ['settings', 'Settings', '/ui/settings'],
];
/** What a phone's bar has room for. */
export const BAR = ['overview', 'incidents', 'topology', 'traces'];
/** @type {Record<string, string>} */
export const JUMPS = { o: '/ui', i: '/ui/incidents', g: '/ui/topology', c: '/ui/changes', m: '/ui/metrics', l: '/ui/logs', t: '/ui/traces', e: '/ui/experiments', r: '/ui/models', a: '/ui/llm', d: '/ui/cost', p: '/ui/prompts', y: '/ui/playground', w: '/ui/gateway', s: '/ui/settings' };
