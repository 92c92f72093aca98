/**
 * Where the nodes of a graph stand: callers left, what they depend on right. Pure and deterministic, so that a graph
 * looks the same each time one opens it.
 */

const SWEEPS = 6;

/**
 * @param {string[]} ids @param {{source: string, target: string}[]} edges
 * @returns {Map<string, {layer: number, slot: number}>} slots count from 0 in each layer
 */
export function layers(ids, edges) {
  const nodes = [...new Set(ids)].sort();
  const known = new Set(nodes);
  const out = new Map(nodes.map((id) => [id, /** @type {string[]} */ ([])]));
  for (const { source, target } of edges) if (source !== target && known.has(source) && known.has(target)) out.get(source)?.push(target);
  for (const targets of out.values()) targets.sort();
  const forward = withoutCycles(nodes, out);
  const layer = longestPaths(nodes, forward);
  /** @type {string[][]} */
  const rows = [];
  for (const id of nodes) (rows[layer.get(id) || 0] ??= []).push(id);
  for (let i = 0; i < rows.length; i++) rows[i] ??= [];
  untangle(rows, forward);
  const place = new Map();
  rows.forEach((row, l) => row.forEach((id, slot) => place.set(id, { layer: l, slot })));
  return place;
}

/** Edges without those that close a circle, by depth-first search in name order. @param {string[]} nodes @param {Map<string, string[]>} out */
function withoutCycles(nodes, out) {
  /** @type {Map<string, string[]>} */
  const kept = new Map(nodes.map((id) => [id, []]));
  const state = new Map();
  const incoming = new Map(nodes.map((id) => [id, 0]));
  for (const targets of out.values()) for (const t of targets) incoming.set(t, (incoming.get(t) || 0) + 1);
  const first = [...nodes].sort((a, b) => (incoming.get(a) || 0) - (incoming.get(b) || 0) || (a < b ? -1 : 1));
  for (const start of first) {
    if (state.get(start)) continue;
    state.set(start, 'open');
    const stack = [{ id: start, next: 0 }];
    while (stack.length) {
      const top = stack[stack.length - 1];
      const target = (out.get(top.id) || [])[top.next++];
      if (target === undefined) {
        state.set(top.id, 'done');
        stack.pop();
      } else if (state.get(target) !== 'open') {
        kept.get(top.id)?.push(target);
        if (!state.get(target)) {
          state.set(target, 'open');
          stack.push({ id: target, next: 0 });
        }
      }
    }
  }
  return kept;
}

/** @param {string[]} nodes @param {Map<string, string[]>} forward */
function longestPaths(nodes, forward) {
  const waits = new Map(nodes.map((id) => [id, 0]));
  for (const targets of forward.values()) for (const t of targets) waits.set(t, (waits.get(t) || 0) + 1);
  const layer = new Map(nodes.map((id) => [id, 0]));
  const ready = nodes.filter((id) => !waits.get(id));
  for (let i = 0; i < ready.length; i++) {
    for (const t of forward.get(ready[i]) || []) {
      layer.set(t, Math.max(layer.get(t) || 0, (layer.get(ready[i]) || 0) + 1));
      waits.set(t, (waits.get(t) || 1) - 1);
      if (!waits.get(t)) ready.push(t);
    }
  }
  return layer;
}

/** Barycentre sweeps, left to right and back: each node moves to the middle of its neighbours. @param {string[][]} rows @param {Map<string, string[]>} forward */
function untangle(rows, forward) {
  /** @type {Map<string, string[]>} */
  const backward = new Map();
  for (const [id, targets] of forward) for (const t of targets) backward.set(t, [...(backward.get(t) || []), id]);
  const at = new Map();
  const note = () => rows.forEach((row) => row.forEach((id, i) => at.set(id, (i + 0.5) / row.length)));
  note();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const centre = new Map(row.map((id) => {
        const beside = (down ? backward : forward).get(id) || [];
        return [id, beside.length ? beside.reduce((sum, b) => sum + at.get(b), 0) / beside.length : at.get(id)];
      }));
      row.sort((a, b) => (centre.get(a) ?? 0) - (centre.get(b) ?? 0) || (a < b ? -1 : 1));
      note();
    }
  }
}
