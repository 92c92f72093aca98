/** Incidents as lines: how bad, what, the likely cause, since when, what waits. */

import { h } from '../dom.js';
import { lasting, nameOf, percent, when } from '../format.js';
import { link } from '../state.js';
import { health } from './health.js';

/** @param {any} incident */
export function causeOf(incident) {
  const top = incident.hypotheses?.[0];
  if (!top || !top.entity) return null;
  return top;
}

/** @param {any} incident */
export function incidentLine(incident) {
  const cause = causeOf(incident);
  const waits = (incident.actions || []).filter((/** @type {any} */ a) => a.status === 'waiting').length;
  return h('li', { class: ['line', 'incident', incident.severity, incident.status === 'resolved' && 'over'] },
    h('div', { class: 'line-state' }, health(incident.severity)),
    h('div', { class: 'line-body' }, h('a', { class: 'line-title', href: link(`/ui/incidents/${encodeURIComponent(incident.id)}`) }, incident.title),
      h('div', { class: 'muted small' }, cause ? ['likely ', h('span', { class: 'ink' }, cause.title), ` (${percent(cause.probability)})`] : 'cause not known yet', incident.entities?.length ? ` · ${incident.entities.slice(0, 4).map(nameOf).join(', ')}${incident.entities.length > 4 ? ` and ${incident.entities.length - 4} more` : ''}` : '')),
    h('div', { class: 'line-side small' }, waits ? h('span', { class: 'accent' }, '◎ waits for you') : health(incident.status),
      h('div', { class: 'muted' }, incident.resolved_at ? ['lasted ', lasting(incident.resolved_at - incident.opened_at), ', '] : null, when(incident.opened_at), incident.assignee && ` · ${incident.assignee}`)));
}
