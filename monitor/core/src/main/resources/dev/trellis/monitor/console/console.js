// The console's page. It asks the monitor for what is to be seen and draws it; it changes nothing.
//
// Names of keys and nodes are whatever somebody chose, so text gets into the page as text nodes only: there is no
// innerHTML here, and the page's content policy would refuse it.
//
// Rows and marks are kept from one state to the next and only their text changes. So what is open stays open, what has
// the focus keeps it, and nothing flickers.

const SVG = 'http://www.w3.org/2000/svg';
const byId = (id) => document.getElementById(id);

/** What is known. Times are the monitor's, in milliseconds, unless they end in "Here". */
const model = {
  state: null,
  receivedHere: 0, // performance.now() when the state came
  connection: 'connecting', // connecting, live, waiting (nothing known yet), lost
  minutes: 15,
  series: null, // by measure: rows [at, min, mean, max]
  stepMillis: 1000,
  decisions: new Map(), // by id
  earlierBefore: null, // where the decisions before those go on; null if there are none
  isListComplete: false,
};

// ---------------------------------------------------------------- elements

/** An element with attributes, and children that are elements or text. */
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Sets a text, and leaves alone one that is the same: somebody may be selecting it. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

const rowsOf = new WeakMap();

/**
 * Makes the children of an element follow a list. `create(item)` gives { node, update }; a child lives as long as
 * there is an item of its key.
 */
function follow(parent, items, keyOf, create) {
  const known = rowsOf.get(parent) ?? new Map();
  const next = new Map();
  let at = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const row = known.get(key) ?? create(item);
    row.update(item);
    next.set(key, row);
    if (row.node === at) at = at.nextSibling;
    else parent.insertBefore(row.node, at);
  }
  for (const [key, row] of known) if (!next.has(key)) row.node.remove();
  rowsOf.set(parent, next);
}

// ---------------------------------------------------------------- numbers as text

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Three digits that count. */
function digits(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

function count(value) {
  if (value === null || value === undefined) return '–';
  if (value < 10) return digits(Math.round(value * 10) / 10);
  if (value < 1000) return grouped.format(value);
  if (value < 1e6) return `${digits(value / 1e3)}k`;
  if (value < 1e9) return `${digits(value / 1e6)}M`;
  return `${digits(value / 1e9)}G`;
}

function micros(value) {
  if (value === null || value === undefined) return '–';
  if (value < 1000) return `${digits(value)} µs`;
  if (value < 1e6) return `${digits(value / 1e3)} ms`;
  return `${digits(value / 1e6)} s`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function bytes(value) {
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${digits(value)} ${BYTE_UNITS[unit]}`;
}

function percent(share) {
  const value = share * 100;
  return `${value >= 9.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '')}%`;
}

function times(factor) {
  return `${factor.toFixed(2)}×`;
}

function duration(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minuteFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

const clock = (millis) => clockFormat.format(millis);
const moment = (millis) => (Math.abs(nowMillis() - millis) < 12 * 3_600_000 ? clock(millis) : dayFormat.format(millis));

function plural(number, word) {
  return `${grouped.format(number)} ${word}${number === 1 ? '' : 's'}`;
}

const TIER_NAMES = { memory: 'Memory', ssd: 'SSD' };

/** Names of measures end in their unit, as in p95Micros or operationsPerSecond. */
const UNITS = [
  [/Micros$/, micros],
  [/Millis$/, duration],
  [/PerSecond$/, (value) => `${count(value)}/s`],
  [/PerHour$/, (value) => `${digits(value)}/h`],
  [/bytes(Max)?$|Bytes(Max)?$/, bytes],
  [/occupancy$|Occupancy$|[sS]hare$|[uU]se$|[fF]raction$/, percent],
];

function measureName(name) {
  return name
    .replace(/(Micros|Millis|PerSecond|PerHour)$/, '')
    .replace(/([a-z\d])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`)
    .replace(/\bssd\b/g, 'SSD');
}

function measureValue(name, value) {
  if (value === null || value === undefined) return '–';
  const unit = UNITS.find(([pattern]) => pattern.test(name));
  if (unit) return unit[1](value);
  return Math.abs(value) >= 1000 ? count(value) : digits(value);
}

// ---------------------------------------------------------------- time

/** The monitor's time now, as far as it can be told from here. */
function nowMillis() {
  return model.state ? model.state.servedMillis + (performance.now() - model.receivedHere) : Date.now();
}

function ago(millis) {
  const past = nowMillis() - millis;
  return past < 1500 ? 'just now' : `${duration(past)} ago`;
}

// ---------------------------------------------------------------- marks of decisions

/**
 * Triangles are about nodes, diamonds about replicas of a key, circles about its tier; what is filled adds or moves up,
 * what is hollow takes away or moves down.
 */
const MARKS = {
  grow: { path: 'M0-6.5 6.5 5h-13z', filled: true, means: 'more nodes' },
  shrink: { path: 'M0 6.5 6.5-5h-13z', filled: false, means: 'fewer nodes' },
  replicate: { path: 'M0-7 7 0 0 7-7 0z', filled: true, means: 'more replicas of a key' },
  dereplicate: { path: 'M0-7 7 0 0 7-7 0z', filled: false, means: 'fewer replicas' },
  promote: { path: 'M0-5.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z', filled: true, means: 'key to memory' },
  demote: { path: 'M0-5.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z', filled: false, means: 'key to SSD' },
};

const STATES = {
  decided: { sign: '○', text: 'decided' },
  ordered: { sign: '◔', text: 'under way' },
  done: { sign: '✓', text: 'done' },
  failed: { sign: '✕', text: 'failed' },
  'dry-run': { sign: '◌', text: 'dry run' },
};

function markShape(kind, isFailed) {
  const mark = MARKS[kind] ?? MARKS.promote;
  const shape = svg('path', { d: mark.path, class: mark.filled && !isFailed ? 'mark filled' : 'mark hollow' });
  return isFailed ? [shape, svg('path', { d: 'M-7.5-7.5 7.5 7.5M7.5-7.5-7.5 7.5', class: 'mark-cross' })] : [shape];
}

function markIcon(kind, isFailed) {
  return svg('svg', { class: 'mark-icon', viewBox: '-9 -9 18 18', 'aria-hidden': 'true' }, ...markShape(kind, isFailed));
}

function renderLegend() {
  const items = Object.entries(MARKS).map(([kind, mark]) => el('li', {}, markIcon(kind, false), mark.means));
  items.push(el('li', {}, markIcon('grow', true), 'failed'));
  byId('legend').replaceChildren(...items);
}

/** Why a decision was taken, and what came of it. */
function explanation(decision) {
  const facts = el('div', { class: 'why' });
  facts.append(el('p', { class: 'because' }, decision.because));
  facts.append(
    el(
      'p',
      { class: 'quiet' },
      'Policy ',
      el('code', {}, decision.policy),
      ', threshold ',
      el('code', {}, decision.threshold),
    ),
  );
  const names = [...new Set([...Object.keys(decision.inputs), ...Object.keys(decision.expected), ...Object.keys(decision.effect)])];
  if (names.length > 0) {
    const head = ['Measure', 'then', 'expected', 'seen after'].map((title, at) =>
      el('th', { scope: 'col', class: at > 0 ? 'number' : null }, title),
    );
    const rows = names.map((name) =>
      el(
        'tr',
        {},
        el('th', { scope: 'row' }, measureName(name)),
        ...[decision.inputs, decision.expected, decision.effect].map((values) =>
          el('td', { class: 'number' }, measureValue(name, values[name])),
        ),
      ),
    );
    facts.append(
      el('table', { class: 'effects' }, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows)),
    );
  }
  const ends = [];
  if (decision.doneMillis !== null) ends.push(`Done after ${duration(decision.doneMillis - decision.atMillis)}.`);
  if (decision.state === 'done' && Object.keys(decision.effect).length === 0) ends.push('Its effect has not been seen yet.');
  if (decision.state === 'dry-run') ends.push('Dry run: nothing was ordered.');
  if (decision.note) ends.push(decision.note);
  if (ends.length > 0) facts.append(el('p', { class: 'ends' }, ends.join(' ')));
  return facts;
}

function stateChip(state) {
  const known = STATES[state] ?? { sign: '?', text: state };
  return el('span', { class: 'state', 'data-state': state }, el('span', { 'aria-hidden': 'true' }, known.sign), ` ${known.text}`);
}

/** All decisions that are known, the latest first. */
function decisionsLatestFirst() {
  return [...model.decisions.values()].sort((one, other) => other.id - one.id);
}

function decisionRow(first) {
  const what = el('span', { class: 'what' });
  const meta = el('span', { class: 'meta' });
  const summary = el('summary', {}, markIcon(first.kind, first.state === 'failed'), el('span', { class: 'said' }, what, meta));
  const body = el('div', { class: 'body' });
  const details = el('details', {}, summary, body);
  const time = el('time', {});
  const policy = el('span', {});
  let shown = '';
  let drawn = '';
  let current = first;
  const draw = () => {
    const text = JSON.stringify(current);
    if (details.open && text !== drawn) {
      drawn = text;
      body.replaceChildren(explanation(current));
    }
  };
  details.addEventListener('toggle', draw);
  return {
    node: el('li', { id: `decision-${first.id}` }, details),
    update(decision) {
      current = decision;
      say(what, decision.what);
      say(time, `${moment(decision.atMillis)}, ${ago(decision.atMillis)}`);
      say(policy, decision.policy);
      if (decision.state !== shown) {
        shown = decision.state;
        meta.replaceChildren(stateChip(decision.state), time, policy);
        summary.replaceChild(markIcon(decision.kind, decision.state === 'failed'), summary.firstChild);
      }
      set(time, { datetime: new Date(decision.atMillis).toISOString() });
      draw();
    },
  };
}

/** As many as fill the column; on a telephone what follows is not to be far. */
let listedDecisions = window.matchMedia('(max-width: 1080px)').matches ? 5 : 12;

function renderDecisions() {
  const all = decisionsLatestFirst();
  byId('decisions-none').hidden = all.length > 0;
  follow(byId('decision-list'), all.slice(0, listedDecisions), (decision) => decision.id, decisionRow);
  byId('decisions-more').hidden = all.length <= listedDecisions && model.earlierBefore === null;
}

// ---------------------------------------------------------------- the head of the page

function renderHead() {
  const state = model.state;
  const monitor = state.monitor;
  say(byId('cluster'), state.cluster);
  document.title = `${state.cluster} · Trellis console`;
  const chips = [
    state.whole
      ? { key: 'whole', kind: 'good', text: '✓ whole', title: 'Every range has all its copies' }
      : { key: 'whole', kind: 'warn', text: '◔ not whole', title: 'Some ranges lack copies, or are being handed over' },
    {
      key: 'k',
      text: `survives ${plural(state.faultTolerance, 'lost node')}`,
      title: `k = ${state.faultTolerance}: so many nodes may fail while the cluster is whole`,
    },
    { key: 'scaler', text: `scaler ${monitor.scaler}`, title: 'What starts and ends nodes' },
    {
      key: 'epoch',
      text: `${monitor.leads ? 'leads' : 'stands by'}, epoch ${monitor.epoch}`,
      title: 'Only the monitor with the highest epoch orders anything',
    },
  ];
  follow(byId('chips'), chips, (chip) => chip.key, () => {
    const node = el('span', { class: 'chip' });
    return {
      node,
      update(chip) {
        say(node, chip.text);
        set(node, { title: chip.title, 'data-kind': chip.kind ?? '' });
      },
    };
  });
}

function banner(id, text) {
  const element = byId(id);
  element.hidden = text === null;
  if (text !== null) say(element, text);
}

const LIVE_TEXTS = { connecting: 'connecting', live: 'live', waiting: 'waiting', lost: 'not connected' };

/** What changes with time alone, so also when nothing comes. */
function renderConnection() {
  const state = model.state;
  set(byId('live'), { 'data-state': model.connection });
  say(byId('live-text'), LIVE_TEXTS[model.connection]);
  const seen = state ? `Last seen ${duration(performance.now() - model.receivedHere)} ago` : null;
  banner(
    'banner-lost',
    model.connection === 'lost' && state
      ? `Connection to the monitor lost. ${seen}; what follows is from then. Nodes go on without it, and this page tries again by itself.`
      : model.connection === 'waiting' && state
        ? `The monitor has begun anew and knows of no node yet. ${seen}; what follows is from then.`
        : null,
  );
  const age = state ? state.servedMillis - state.atMillis : 0;
  const isStale = state && age > Math.max(5000, 5 * state.periodMillis);
  banner(
    'banner-stale',
    isStale && model.connection === 'live'
      ? `The monitor answers, but has looked at nothing for ${duration(age + performance.now() - model.receivedHere)}: what follows is as old, and it decides nothing meanwhile.`
      : null,
  );
  banner(
    'banner-standby',
    state && !state.monitor.leads
      ? `This monitor stands by: another one leads, with epoch ${state.monitor.epoch}, and it alone orders anything.`
      : null,
  );
  banner(
    'banner-dry-run',
    state && state.monitor.dryRun ? 'Dry run: decisions are recorded and shown here, and nothing is ordered.' : null,
  );
  byId('waiting').hidden = state !== null;
  byId('content').hidden = state === null;
  document.body.toggleAttribute('data-old', state !== null && (model.connection !== 'live' || isStale));
  if (state === null) {
    say(
      byId('waiting-title'),
      { waiting: 'Waiting for the first node', lost: 'No monitor answers' }[model.connection] ?? 'Connecting to the monitor',
    );
    say(
      byId('waiting-text'),
      model.connection === 'lost'
        ? 'The monitor that served this page does not answer. The nodes serve without it; this page tries again by itself.'
        : 'The console shows the cluster as soon as the monitor has heard of it.',
    );
  }
}

// ---------------------------------------------------------------- figures

function renderFigures() {
  const state = model.state;
  const { statistic, micros: objective } = state.objective;
  const latency = state.latency[`${statistic}Micros`];
  const tiers = Object.fromEntries(state.tiers.map((tier) => [tier.tier, tier]));
  const share = withinObjective();
  const use = (tier) => (tier.bytesMax > 0 ? tier.bytes / tier.bytesMax : 0);
  const wanted = state.tiers.filter((tier) => tier.wanted !== tier.nodes);
  const figures = [
    {
      name: `Latency, ${statistic}`,
      value: micros(latency),
      note:
        latency === null
          ? 'nobody has reported any'
          : `${latency <= objective ? '✓ within' : '▲ above'} ${micros(objective)}`,
      kind: latency !== null && latency > objective ? 'bad' : '',
    },
    {
      name: 'Within the objective',
      value: share === null ? '–' : percent(share),
      note: `of the last ${model.minutes < 60 ? `${model.minutes} min` : `${model.minutes / 60} h`}`,
    },
    {
      name: 'Load',
      value: `${count(state.operationsPerSecond)}/s`,
      note: state.tiers.map((tier) => `${TIER_NAMES[tier.tier]} ${count(tier.operationsPerSecond)}`).join(' · '),
    },
    {
      name: 'Nodes',
      value: `${tiers.memory.nodes} + ${tiers.ssd.nodes}`,
      note:
        wanted.length > 0
          ? wanted.map((tier) => `${TIER_NAMES[tier.tier]}: ${tier.wanted} wanted`).join(', ')
          : 'memory + SSD, as wanted',
    },
    {
      name: 'In use',
      value: percent(use(tiers.memory)),
      note: `of memory; ${percent(use(tiers.ssd))} of SSD`,
    },
    {
      name: 'Cost',
      value: `${digits(state.costPerHour)}/h`,
      note: state.budgetPerHour === null ? 'no budget set' : `of a budget of ${digits(state.budgetPerHour)}/h`,
      kind: state.budgetPerHour !== null && state.costPerHour > state.budgetPerHour ? 'bad' : '',
    },
  ];
  follow(byId('figures'), figures, (figure) => figure.name, (first) => {
    const value = el('dd', { class: 'value' });
    const note = el('dd', { class: 'note' });
    const node = el('div', { class: 'figure' }, el('dt', {}, first.name), value, note);
    return {
      node,
      update(figure) {
        say(value, figure.value);
        say(note, figure.note);
        set(node, { 'data-kind': figure.kind ?? '' });
      },
    };
  });
}

// ---------------------------------------------------------------- tiers and nodes

/** How many nodes of a tier are listed before somebody asks for all: those in an unusual state, then the busiest. */
const NODES_SHOWN = 12;
const allShown = new Set();

function listed(tier, nodes) {
  if (nodes.length <= NODES_SHOWN || allShown.has(tier.tier)) return nodes;
  const rank = (node) => (node.suspected ? 3 : node.state === 'active' ? 0 : 2) + node.occupancy;
  return [...nodes].sort((one, other) => rank(other) - rank(one)).slice(0, NODES_SHOWN);
}

/** A bar from 0 to 1, with the zone that the policies keep to marked on it. */
function bar(kind) {
  const zone = el('span', { class: 'zone' });
  const stripes = el('span', { class: 'stripes' });
  const node = el('span', { class: 'bar', 'data-kind': kind, 'aria-hidden': 'true' }, zone, stripes);
  return {
    node,
    update(shares, band) {
      zone.hidden = !band;
      if (band) {
        zone.style.left = `${band.low * 100}%`;
        zone.style.width = `${(band.high - band.low) * 100}%`;
      }
      while (stripes.childElementCount < shares.length) stripes.append(el('span', { class: 'stripe' }));
      while (stripes.childElementCount > shares.length) stripes.lastChild.remove();
      shares.forEach((share, at) => {
        stripes.children[at].style.width = `${Math.min(1, Math.max(0, share)) * 100}%`;
      });
    },
  };
}

function cell(tag, label, attributes, ...children) {
  return el(
    tag,
    { role: tag === 'th' ? 'rowheader' : 'cell', 'data-label': label, ...attributes },
    el('span', { class: 'cell' }, ...children),
  );
}

const NODE_SIGNS = {
  active: ['●', 'active'],
  joining: ['◔', 'joining'],
  leaving: ['◑', 'leaving'],
  suspected: ['▲', 'does not answer'],
};

function nodeRow(first) {
  const state = el('span', { class: 'state' });
  const busy = bar('busy');
  const busyText = el('span', { class: 'figure-text' });
  const operations = el('span', {});
  const split = el('span', { class: 'second' });
  const use = bar('use');
  const useText = el('span', { class: 'figure-text' });
  const entries = el('span', {});
  const node = el(
    'tr',
    { role: 'row', 'data-tier': first.tier },
    cell('th', 'Node', { scope: 'row' }, el('bdi', { class: 'name' }, first.id), state),
    cell('td', 'Busy', { class: 'measured' }, busy.node, busyText),
    cell('td', first.tier === 'memory' ? 'Memory' : 'Disk', { class: 'measured' }, use.node, useText),
    cell('td', 'Operations/s', { class: 'number' }, operations, split),
    cell('td', 'Entries', { class: 'number' }, entries),
  );
  return {
    node,
    update({ node: of, tier }) {
      const kind = of.suspected ? 'suspected' : of.state;
      const [sign, word] = NODE_SIGNS[kind];
      set(state, { 'data-state': kind });
      say(state, kind === 'active' ? '' : `${sign} ${word} ${duration(nowMillis() - of.sinceMillis)}`);
      const shards = of.shards.map((shard) => shard.occupancy);
      busy.update(shards.length <= 16 ? shards : [of.occupancy], tier.occupancyBand);
      say(busyText, percent(of.occupancy));
      set(busyText, { title: `per shard: ${shards.slice(0, 64).map(percent).join(', ')}` });
      say(operations, count(of.operationsPerSecond));
      say(split, `${count(of.readsPerSecond)} r, ${count(of.writesPerSecond)} w`);
      const share = of.bytesMax > 0 ? of.bytes / of.bytesMax : 0;
      use.update([share], tier.useBand);
      say(useText, `${percent(share)} of ${bytes(of.bytesMax)}`);
      set(useText, { title: bytes(of.bytes) });
      say(entries, count(of.entries));
    },
  };
}

function tierBlock(first) {
  const name = TIER_NAMES[first.tier.tier];
  const titleId = `tier-${first.tier.tier}`;
  const facts = el('span', { class: 'facts' });
  const none = el('p', { class: 'quiet' }, `No nodes. What would be here is in the other tier.`);
  const body = el('tbody', { role: 'rowgroup' });
  const columns = ['Node', 'Busy', first.tier.tier === 'memory' ? 'Memory' : 'Disk', 'Operations/s', 'Entries'];
  const table = el(
    'table',
    { class: 'stacking nodes', role: 'table', 'aria-labelledby': titleId },
    el(
      'thead',
      { role: 'rowgroup' },
      el(
        'tr',
        { role: 'row' },
        ...columns.map((title, at) =>
          el('th', { role: 'columnheader', scope: 'col', class: at > 2 ? 'number' : null }, title),
        ),
      ),
    ),
    body,
  );
  const more = el('button', { type: 'button', class: 'more' });
  more.addEventListener('click', () => {
    allShown.add(first.tier.tier);
    render();
  });
  const node = el(
    'section',
    { class: 'tier', 'data-tier': first.tier.tier },
    el('h3', { id: titleId }, el('span', { class: 'swatch', 'aria-hidden': 'true' }), `${name} tier `),
    facts,
    none,
    table,
    more,
  );
  return {
    node,
    update({ tier, nodes }) {
      const parts = [tier.wanted === tier.nodes ? plural(tier.nodes, 'node') : `${plural(tier.nodes, 'node')}, ${tier.wanted} wanted`];
      if (tier.bytesMax > 0) parts.push(`${bytes(tier.bytes)} of ${bytes(tier.bytesMax)} in use`);
      if (tier.occupancyBand) parts.push(`kept ${percent(tier.occupancyBand.low)} to ${percent(tier.occupancyBand.high)} busy`);
      parts.push(`kept ${percent(tier.useBand.low)} to ${percent(tier.useBand.high)} full`);
      say(facts, parts.join(' · '));
      none.hidden = nodes.length > 0;
      table.hidden = nodes.length === 0;
      const shown = listed(tier, nodes);
      more.hidden = shown.length === nodes.length;
      say(more, `Show all ${grouped.format(nodes.length)} nodes; these are the busiest`);
      follow(body, shown.map((of) => ({ node: of, tier })), (row) => row.node.id, ({ node: of }) => nodeRow(of));
    },
  };
}

function tiersWithNodes() {
  return model.state.tiers.map((tier) => ({ tier, nodes: model.state.nodes.filter((node) => node.tier === tier.tier) }));
}

function renderNodes() {
  follow(byId('tiers'), tiersWithNodes(), ({ tier }) => tier.tier, tierBlock);
}

// ---------------------------------------------------------------- ring balance

function balanceRow(first) {
  const bars = ['ring', 'load'].map((kind) => {
    const fill = el('span', { class: 'fill', 'data-kind': kind });
    const line = el('span', { class: 'equal' });
    const text = el('span', { class: 'figure-text' });
    return { fill, line, text, kind, track: el('span', { class: 'track', 'aria-hidden': 'true' }, fill, line) };
  });
  const node = el(
    'tr',
    { role: 'row' },
    cell('th', 'Node', { scope: 'row' }, el('bdi', { class: 'name' }, first.node.id)),
    ...bars.map(({ kind, track, text }) =>
      cell('td', kind === 'ring' ? 'Ring' : 'Load', { class: 'measured' }, track, text),
    ),
  );
  return {
    node,
    update({ node: of, equal, scale }) {
      const shares = { ring: of.ringShare, load: of.loadShare };
      for (const { fill, line, text, kind } of bars) {
        fill.style.width = `${Math.min(1, shares[kind] / scale) * 100}%`;
        line.style.left = `${Math.min(1, equal / scale) * 100}%`;
        say(text, percent(shares[kind]));
      }
    },
  };
}

function balanceBlock(first) {
  const name = TIER_NAMES[first.tier.tier];
  const titleId = `balance-${first.tier.tier}`;
  const facts = el('p', { class: 'facts' });
  const body = el('tbody', { role: 'rowgroup' });
  const node = el(
    'section',
    { class: 'balance', 'data-tier': first.tier.tier },
    el('h3', { id: titleId }, el('span', { class: 'swatch', 'aria-hidden': 'true' }), `${name} tier`),
    facts,
    el(
      'table',
      { class: 'stacking shares', role: 'table', 'aria-labelledby': titleId },
      el(
        'thead',
        { role: 'rowgroup' },
        el('tr', { role: 'row' }, ...['Node', 'Share of the ring', 'Share of the load'].map((title) => el('th', { role: 'columnheader', scope: 'col' }, title))),
      ),
      body,
    ),
  );
  return {
    node,
    update({ tier, nodes }) {
      say(
        facts,
        `Most keys: ${times(tier.ringImbalance)} of the mean. Most load: ${tier.loadImbalance > 0 ? `${times(tier.loadImbalance)} of the mean.` : 'none.'}`,
      );
      const equal = 1 / Math.max(1, nodes.filter((of) => of.state !== 'leaving').length);
      const scale = Math.max(equal, ...nodes.map((of) => Math.max(of.ringShare, of.loadShare))) * 1.08;
      const shown = listed(tier, nodes);
      follow(body, shown.map((of) => ({ node: of, equal, scale })), (row) => row.node.id, balanceRow);
    },
  };
}

function renderBalance() {
  const populated = tiersWithNodes().filter(({ nodes }) => nodes.length > 0);
  follow(byId('balances'), populated, ({ tier }) => tier.tier, balanceBlock);
}

// ---------------------------------------------------------------- hot keys

function placementText({ memoryNodes, ssdNodes, shardsPerNode }) {
  const parts = [];
  if (memoryNodes > 0) parts.push(`${memoryNodes} memory`);
  if (ssdNodes > 0) parts.push(`${ssdNodes} SSD`);
  return parts.join(' + ') + (shardsPerNode > 1 ? `, ${shardsPerNode} shards each` : '');
}

function keyRow(first) {
  const fill = el('span', { class: 'fill', 'data-kind': 'load' });
  const share = el('span', { class: 'figure-text' });
  const reads = el('span', {});
  const writes = el('span', {});
  const placement = el('span', {});
  const vector = el('span', { class: 'second' });
  const node = el(
    'tr',
    { role: 'row' },
    cell('th', 'Key', { scope: 'row' }, el('bdi', { class: 'key', title: first.key.key }, first.key.key)),
    cell('td', 'Load', { class: 'measured' }, el('span', { class: 'track', 'aria-hidden': 'true' }, fill), share),
    cell('td', 'Reads/s', { class: 'number' }, reads),
    cell('td', 'Writes/s', { class: 'number' }, writes),
    cell('td', 'Placement', {}, placement, vector),
  );
  return {
    node,
    update({ key, scale }) {
      fill.style.width = `${Math.min(1, key.loadShare / scale) * 100}%`;
      say(share, percent(key.loadShare));
      say(reads, count(key.readsPerSecond));
      say(writes, count(key.writesPerSecond));
      say(placement, placementText(key.placement));
      const { memoryNodes, ssdNodes, shardsPerNode } = key.placement;
      say(vector, `(${memoryNodes}, ${ssdNodes}, ${shardsPerNode})${key.default ? ', the default' : ''}`);
    },
  };
}

function renderKeys() {
  const keys = model.state.hotKeys;
  byId('keys-none').hidden = keys.length > 0;
  byId('keys-table').hidden = keys.length === 0;
  const scale = Math.max(1e-9, ...keys.map((key) => key.loadShare)) * 1.05;
  follow(byId('key-rows'), keys.map((key) => ({ key, scale })), ({ key }) => key.key, keyRow);
}

// ---------------------------------------------------------------- handoffs

function handoffRow(first) {
  const progress = el('progress', { max: 1 });
  const share = el('span', {});
  const done = el('p', { class: 'done' });
  const title = el('span', { class: 'title' }, el('bdi', { class: 'name' }, first.node), ` ${first.why}`);
  set(progress, { 'aria-label': `${first.node}, ${first.why}` });
  return {
    node: el('li', {}, el('p', { class: 'handoff-head' }, title, share), progress, done),
    update(handoff) {
      const { partitionsDone, partitionsTotal } = handoff;
      progress.value = partitionsTotal > 0 ? partitionsDone / partitionsTotal : 0;
      say(share, percent(progress.value));
      say(
        done,
        `${grouped.format(partitionsDone)} of ${plural(partitionsTotal, 'partition')}, for ${duration(nowMillis() - handoff.sinceMillis)}`,
      );
    },
  };
}

function renderHandoffs() {
  const { handoffs } = model.state;
  byId('handoffs-none').hidden = handoffs.length > 0;
  follow(byId('handoff-list'), handoffs, (handoff) => `${handoff.node} ${handoff.why}`, handoffRow);
}

// ---------------------------------------------------------------- the chart

const chart = {
  svg: null,
  parts: {}, // groups and paths by name
  width: 0,
  scale: null, // { left, right, from, to, ... } as last drawn
  hoverX: null,
};

const LINE_GAP = 13; // between labels at the ends of lines

function buildChart() {
  const parts = {};
  const group = (name, attributes = {}) => (parts[name] = svg('g', attributes));
  const path = (name) => (parts[name] = svg('path', { class: name }));
  parts.clip = svg('rect');
  parts.clipAbove = svg('rect');
  const hatch = svg('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' }, svg('rect', { width: 6, height: 6, class: 'hatch-ground' }), svg('path', { d: 'M0 0v6', class: 'hatch-line' }));
  chart.svg = svg(
    'svg',
    { class: 'timeline', role: 'group', id: 'timeline-svg' },
    svg(
      'defs',
      {},
      hatch,
      svg('clipPath', { id: 'plot-clip' }, parts.clip),
      svg('clipPath', { id: 'above-clip' }, parts.clipAbove),
    ),
    group('axes', { 'aria-hidden': 'true' }),
    filled(group('lines', { 'aria-hidden': 'true' }), {}, [
      svg('g', { 'clip-path': 'url(#plot-clip)' }, path('spread'), svg('g', { 'clip-path': 'url(#above-clip)' }, path('excess')), path('mean'), path('p95'), path('objective')),
      path('load-area'),
      path('load'),
      path('memory'),
      path('ssd'),
    ]),
    group('stems', { 'aria-hidden': 'true' }),
    group('labels', { 'aria-hidden': 'true' }),
    (parts.cross = svg('path', { class: 'cross', 'aria-hidden': 'true' })),
    group('marks', { role: 'group', 'aria-label': 'Decisions, by time; arrow keys go from one to the next' }),
  );
  chart.parts = parts;
  byId('chart').append(chart.svg);
  chart.svg.addEventListener('pointermove', (event) => {
    chart.hoverX = event.clientX - chart.svg.getBoundingClientRect().left;
    renderReadout();
  });
  chart.svg.addEventListener('pointerleave', () => {
    chart.hoverX = null;
    renderReadout();
  });
  new ResizeObserver(() => {
    if (model.state) renderChart();
  }).observe(byId('chart'));
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is no smaller. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 240].map((minutes) => minutes * 60_000);

const rows = (measure) => model.series?.[measure] ?? [];

/** The objective at each time, as it may have been changed. */
function objectiveAt(millis) {
  const found = rowAt(rows('objectiveMicros'), millis);
  return found ? found[2] : model.state.objective.micros;
}

/** The last row that began at a time or before; null if there is none, or it is long over. */
function rowAt(of, millis) {
  let low = 0;
  let high = of.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of[middle][0] <= millis) low = middle + 1;
    else high = middle;
  }
  const row = of[low - 1];
  return row && millis - row[0] <= gapMillis() ? row : null;
}

/** So long a time without a row is a gap. */
function gapMillis() {
  return 3.5 * Math.max(model.stepMillis, model.state?.periodMillis ?? 0);
}

function statisticRows() {
  return rows(model.state.objective.statistic === 'p95' ? 'latencyP95Micros' : 'latencyMeanMicros');
}

/** The share of the time shown in which the latency was within the objective; null if there was none. */
function withinObjective() {
  const from = model.state.atMillis - model.minutes * 60_000;
  const shown = statisticRows().filter((row) => row[0] >= from);
  if (shown.length === 0) return null;
  return shown.filter((row) => row[2] <= objectiveAt(row[0])).length / shown.length;
}

/** A line through the means of rows, broken at gaps. */
function linePath(of, x, y, isStepped = false) {
  let path = '';
  let lastAt = -Infinity;
  for (const row of of) {
    const px = x(row[0]).toFixed(1);
    const py = y(row[2]).toFixed(1);
    if (row[0] - lastAt > gapMillis()) path += `M${px} ${py}`;
    else path += isStepped ? `H${px}V${py}` : `L${px} ${py}`;
    lastAt = row[0];
  }
  return path;
}

/** The area between the least and the greatest of rows, or from a base line up; one for each run without a gap. */
function areaPath(of, x, y, base = null) {
  let path = '';
  let run = [];
  const flush = () => {
    if (run.length > 1) {
      path += `M${run.map((row) => `${x(row[0]).toFixed(1)} ${y(base === null ? row[3] : row[2]).toFixed(1)}`).join('L')}`;
      path +=
        base === null
          ? `L${[...run].reverse().map((row) => `${x(row[0]).toFixed(1)} ${y(row[1]).toFixed(1)}`).join('L')}Z`
          : `L${x(run.at(-1)[0]).toFixed(1)} ${base}L${x(run[0][0]).toFixed(1)} ${base}Z`;
    }
    run = [];
  };
  for (const row of of) {
    if (run.length > 0 && row[0] - run.at(-1)[0] > gapMillis()) flush();
    run.push(row);
  }
  flush();
  return path;
}

/** Moves labels apart that would lie on each other, and keeps them within bounds. */
function spreadLabels(labels, top, bottom) {
  const sorted = labels.filter((label) => label.y !== null).sort((one, other) => one.y - other.y);
  sorted.forEach((label, at) => {
    label.y = Math.max(label.y, at === 0 ? top : sorted[at - 1].y + LINE_GAP);
  });
  for (let at = sorted.length - 1; at >= 0; at--) {
    sorted[at].y = Math.min(sorted[at].y, at === sorted.length - 1 ? bottom : sorted[at + 1].y - LINE_GAP);
  }
  return sorted;
}

function renderChart() {
  const { parts } = chart;
  const width = Math.floor(byId('chart').clientWidth);
  if (width < 50) return;
  const isNarrow = width < 560;
  const left = isNarrow ? 44 : 52;
  const right = width - (isNarrow ? 72 : 76);
  const latencyTop = 20;
  const latencyBottom = latencyTop + (isNarrow ? 150 : 196);
  const lane = latencyBottom + 24;
  const nodesTop = lane + 38;
  const nodesBottom = nodesTop + 62;
  const loadTop = nodesBottom + 30;
  const loadBottom = loadTop + 48;
  const height = loadBottom + 24;
  const to = model.state.atMillis;
  const from = to - model.minutes * 60_000;
  const x = (millis) => left + ((millis - from) / (to - from)) * (right - left);
  chart.width = width;
  chart.scale = { left, right, from, to, x, lane, latencyTop, loadBottom };
  set(chart.svg, { viewBox: `0 0 ${width} ${height}`, width, height });

  const shown = (measure) => rows(measure).filter((row) => row[0] >= from - gapMillis() && row[0] <= to);
  const p95 = shown('latencyP95Micros');
  const mean = shown('latencyMeanMicros');
  const objective = shown('objectiveMicros');
  const memory = shown('memoryNodes');
  const ssd = shown('ssdNodes');
  const load = shown('operationsPerSecond');

  // A single bad second must not press everything else flat: beyond four times the objective lines leave at the top,
  // and the highest value is told in words.
  const target = model.state.objective.micros;
  const highest = Math.max(0, ...p95.map((row) => row[3]), ...mean.map((row) => row[2]));
  const bound = Math.min(Math.max(highest * 1.08, target * 1.35), target * 4);
  const step = niceStep(bound / 4);
  const y = (value) => latencyBottom - (Math.min(value, bound * 1.5) / bound) * (latencyBottom - latencyTop);
  const nodesMost = Math.max(2, ...memory.map((row) => row[3]), ...ssd.map((row) => row[3])) * 1.15;
  const yNodes = (value) => nodesBottom - (value / nodesMost) * (nodesBottom - nodesTop);
  const loadMost = Math.max(1, ...load.map((row) => row[3])) * 1.1;
  const yLoad = (value) => loadBottom - (value / loadMost) * (loadBottom - loadTop);

  set(parts.clip, { x: left, y: latencyTop - 2, width: right - left + 2, height: latencyBottom - latencyTop + 3 });
  set(parts.clipAbove, { x: left, y: 0, width: right - left, height: y(target) });
  const statistic = model.state.objective.statistic === 'p95' ? p95 : mean;
  set(parts.spread, { d: areaPath(p95, x, y) });
  set(parts.excess, { d: areaPath(statistic, x, y, latencyBottom) });
  set(parts.mean, { d: linePath(mean, x, y) });
  set(parts.p95, { d: linePath(p95, x, y) });
  set(parts.objective, { d: objective.length > 1 ? linePath(objective, x, y, true) : `M${left} ${y(target)}H${right}` });
  set(parts.memory, { d: linePath(memory, x, yNodes, true) });
  set(parts.ssd, { d: linePath(ssd, x, yNodes, true) });
  set(parts['load-area'], { d: areaPath(load, x, yLoad, loadBottom) });
  set(parts.load, { d: linePath(load, x, yLoad) });

  const axes = [];
  const line = (at, name = 'grid') => axes.push(svg('path', { d: `M${left} ${at}H${right}`, class: name }));
  const tick = (text, atX, atY, anchor) => axes.push(svg('text', { x: atX, y: atY, 'text-anchor': anchor, class: 'tick' }, text));
  for (let value = 0; value <= bound; value += step) {
    line(y(value).toFixed(1), value === 0 ? 'base' : 'grid');
    tick(value === 0 ? '0' : micros(value), left - 7, y(value) + 4, 'end');
  }
  const nodeStep = Math.max(1, niceStep(nodesMost / 3));
  for (let value = 0; value <= nodesMost; value += Math.ceil(nodeStep)) {
    line(yNodes(value).toFixed(1), value === 0 ? 'base' : 'grid');
    tick(String(value), left - 7, yNodes(value) + 4, 'end');
  }
  for (const value of [0, niceStep(loadMost / 2.5)]) {
    if (value > loadMost) continue;
    line(yLoad(value).toFixed(1), value === 0 ? 'base' : 'grid');
    tick(count(value), left - 7, yLoad(value) + 4, 'end');
  }
  const title = (text, atY) => axes.push(svg('text', { x: left, y: atY, class: 'panel-title' }, text));
  title('Latency', latencyTop - 8);
  title('Nodes', nodesTop - 8);
  title('Operations per second', loadTop - 8);
  if (highest > bound) {
    axes.push(svg('text', { x: right, y: latencyTop - 8, 'text-anchor': 'end', class: 'peak' }, `▲ up to ${micros(highest)}`));
  }
  if (!isNarrow) tick('decided', left - 7, lane + 4, 'end');
  axes.push(svg('path', { d: `M${left} ${lane}H${right}`, class: 'lane' }));
  const zone = new Date(to).getTimezoneOffset() * 60_000;
  const timeStep = TIME_STEPS.find((candidate) => ((right - left) * candidate) / (to - from) >= 62) ?? TIME_STEPS.at(-1);
  for (let at = Math.ceil((from - zone) / timeStep) * timeStep + zone; at <= to; at += timeStep) {
    axes.push(svg('path', { d: `M${x(at).toFixed(1)} ${loadBottom}v4`, class: 'base' }));
    tick(minuteFormat.format(at), x(at).toFixed(1), loadBottom + 17, 'middle');
  }
  parts.axes.replaceChildren(...axes);

  const end = right + 7;
  const last = (of) => (of.length > 0 && to - of.at(-1)[0] <= gapMillis() ? of.at(-1)[2] : null);
  const endLabel = (of, scale, name, text) => {
    const value = last(of);
    return { y: value === null ? null : scale(value) + 4, name, text: text(value) };
  };
  const labels = [
    ...spreadLabels(
      [
        endLabel(p95, y, 'p95-label', () => 'p95'),
        endLabel(mean, y, 'mean-label', () => 'mean'),
        { y: y(target) + 4, name: 'objective-label', text: 'objective' },
      ],
      latencyTop + 4,
      latencyBottom + 2,
    ),
    ...spreadLabels(
      [
        endLabel(memory, yNodes, 'memory-label', (value) => `memory ${value}`),
        endLabel(ssd, yNodes, 'ssd-label', (value) => `SSD ${value}`),
      ],
      nodesTop + 4,
      nodesBottom + 2,
    ),
    ...spreadLabels([endLabel(load, yLoad, 'load-label', (value) => `${count(value)}/s`)], loadTop + 4, loadBottom + 2),
  ];
  parts.labels.replaceChildren(
    ...labels.map((label) => svg('text', { x: end, y: label.y.toFixed(1), class: `line-label ${label.name}` }, label.text)),
  );
  renderMarks();
  renderReadout();
  set(chart.svg, { 'aria-label': chartSummary() });
}

/** What the chart shows, for those who do not see it. */
function chartSummary() {
  const { statistic, micros: target } = model.state.objective;
  const share = withinObjective();
  const now = model.state.latency[`${statistic}Micros`];
  const tiers = model.state.tiers.map((tier) => `${plural(tier.nodes, `${TIER_NAMES[tier.tier]} node`)}`).join(', ');
  return (
    `Over the last ${model.minutes < 60 ? `${model.minutes} minutes` : plural(model.minutes / 60, 'hour')}: ${statistic} latency is ${micros(now)} now, the objective ${micros(target)}` +
    `${share === null ? '' : `, met ${percent(share)} of the time`}; ${tiers}.`
  );
}

function renderReadout() {
  const { scale, parts, hoverX } = chart;
  if (!scale || !model.state) return;
  const isOver = hoverX !== null && hoverX >= scale.left && hoverX <= scale.right;
  const at = isOver ? scale.from + ((hoverX - scale.left) / (scale.right - scale.left)) * (scale.to - scale.from) : scale.to;
  set(parts.cross, { d: isOver ? `M${hoverX.toFixed(1)} ${scale.latencyTop}V${scale.loadBottom}` : '' });
  const value = (measure) => rowAt(rows(measure), at)?.[2] ?? null;
  const words = [
    `p95 ${micros(value('latencyP95Micros'))}`,
    `mean ${micros(value('latencyMeanMicros'))}`,
    `objective ${model.state.objective.statistic} ${micros(objectiveAt(at))}`,
  ];
  if (isOver) {
    words.push(`${value('memoryNodes') ?? '–'} + ${value('ssdNodes') ?? '–'} nodes`, `${count(value('operationsPerSecond'))}/s`);
  } else if (!model.state.latency.fromClients) {
    words.push('as the shards measure it, since no client has told what it sees');
  }
  say(byId('readout'), `${isOver ? clock(at) : 'Now'}: ${words.join(', ')}`);
}

// ---------------------------------------------------------------- marks on the chart

const MARK_ROOM = 17;

/** Decisions in the time shown, those that would lie on each other together. */
function markGroups() {
  const { from, to, x } = chart.scale;
  const groups = [];
  for (const decision of decisionsLatestFirst().reverse()) {
    if (decision.atMillis < from || decision.atMillis > to) continue;
    const at = x(decision.atMillis);
    const last = groups.at(-1);
    if (last && at - last.x < MARK_ROOM) last.decisions.push(decision);
    else groups.push({ x: at, decisions: [decision] });
  }
  return groups;
}

function markLabel(group) {
  const said = group.decisions.map((decision) => `${clock(decision.atMillis)}: ${decision.what}, ${(STATES[decision.state] ?? { text: decision.state }).text}. ${decision.because}`);
  return group.decisions.length === 1 ? said[0] : `${group.decisions.length} decisions. ${said.join(' ')}`;
}

let pinned = null; // the key of the mark whose explanation stays
let shownMark = null; // the key of the mark whose explanation is shown
let hiding = 0;

function markKey(group) {
  return String(group.decisions[0].id);
}

function markRow(first) {
  const key = markKey(first);
  const shape = svg('g', { class: 'shape' });
  const node = svg(
    'g',
    { class: 'mark-spot', role: 'button', tabindex: -1, 'data-mark': key },
    svg('rect', { x: -12, y: -14, width: 24, height: 28, class: 'hit' }),
    svg('rect', { x: -11, y: -11, width: 22, height: 22, rx: 6, class: 'ring' }),
    shape,
  );
  let drawn = '';
  node.addEventListener('pointerenter', (event) => {
    if (event.pointerType === 'mouse') showMark(key);
  });
  node.addEventListener('pointerleave', (event) => {
    if (event.pointerType === 'mouse') hideMarkSoon();
  });
  node.addEventListener('focus', () => showMark(key));
  node.addEventListener('blur', () => hideMarkSoon());
  node.addEventListener('click', () => togglePinned(key));
  return {
    node,
    update(group) {
      set(node, { transform: `translate(${group.x.toFixed(1)} ${chart.scale.lane})`, 'aria-label': markLabel(group) });
      const look = group.decisions.map((decision) => `${decision.kind}${decision.state === 'failed'}`).join();
      if (look !== drawn) {
        drawn = look;
        const only = group.decisions.length === 1 ? group.decisions[0] : null;
        shape.replaceChildren(
          ...(only
            ? markShape(only.kind, only.state === 'failed')
            : [
                svg('rect', { x: -9, y: -9, width: 18, height: 18, rx: 9, class: 'mark many' }),
                svg('text', { y: 4, 'text-anchor': 'middle', class: 'mark-count' }, String(group.decisions.length)),
              ]),
        );
      }
    },
  };
}

let groups = [];

function renderMarks() {
  const { lane, latencyTop, loadBottom } = chart.scale;
  groups = markGroups();
  follow(chart.parts.marks, groups, markKey, markRow);
  chart.parts.stems.replaceChildren(
    ...groups.map((group) => {
      const px = group.x.toFixed(1);
      return svg('path', {
        d: `M${px} ${latencyTop}V${lane - 12}M${px} ${lane + 12}V${loadBottom}`,
        class: markKey(group) === shownMark ? 'stem shown' : 'stem',
      });
    }),
  );
  // One stop for the tab key: the mark that has the focus, or else the latest.
  const spots = [...chart.parts.marks.children];
  const current = spots.includes(document.activeElement) ? document.activeElement : spots.at(-1);
  for (const spot of spots) set(spot, { tabindex: spot === current ? 0 : -1 });
  if (shownMark !== null && !groups.some((group) => markKey(group) === shownMark)) hideMark();
  else if (shownMark !== null) {
    drawPopover();
    placePopover();
  }
}

function showMark(key) {
  window.clearTimeout(hiding);
  if (shownMark === key) return;
  if (pinned !== null && pinned !== key) pinned = null;
  shownMark = key;
  renderMarks();
}

function hideMark() {
  window.clearTimeout(hiding);
  pinned = null;
  shownMark = null;
  byId('popover').hidden = true;
}

function hideMarkSoon() {
  window.clearTimeout(hiding);
  if (pinned !== null) return;
  hiding = window.setTimeout(() => {
    const focused = document.activeElement;
    if (focused instanceof Element && focused.getAttribute('data-mark') === shownMark) return;
    if (byId('popover').contains(focused)) return;
    hideMark();
    renderMarks();
  }, 180);
}

function togglePinned(key) {
  if (pinned === key) {
    hideMark();
    renderMarks();
  } else {
    showMark(key);
    pinned = key;
  }
}

let popoverDrawn = '';

function drawPopover() {
  const group = groups.find((candidate) => markKey(candidate) === shownMark);
  if (!group) return;
  const popover = byId('popover');
  const text = JSON.stringify(group.decisions);
  if (!popover.hidden && text === popoverDrawn) return;
  popoverDrawn = text;
  popover.replaceChildren(
    ...group.decisions.map((decision, at) =>
      el(
        'article',
        {},
        el('h3', {}, markIcon(decision.kind, decision.state === 'failed'), el('span', {}, decision.what)),
        el('p', { class: 'meta' }, stateChip(decision.state), el('time', { datetime: new Date(decision.atMillis).toISOString() }, clock(decision.atMillis))),
        group.decisions.length <= 2 || at === 0 ? explanation(decision) : el('p', { class: 'because' }, decision.because),
      ),
    ),
  );
  popover.hidden = false;
}

function placePopover() {
  const group = groups.find((candidate) => markKey(candidate) === shownMark);
  const popover = byId('popover');
  if (!group || popover.hidden) return;
  const frame = byId('timeline').getBoundingClientRect();
  const plot = chart.svg.getBoundingClientRect();
  const room = frame.width - popover.offsetWidth - 8;
  const left = Math.max(8, Math.min(room, plot.left - frame.left + group.x - popover.offsetWidth / 2));
  popover.style.left = `${left}px`;
  popover.style.top = `${plot.top - frame.top + chart.scale.lane + 18}px`;
}

function listenToMarks() {
  chart.parts.marks.addEventListener('keydown', (event) => {
    const spots = [...chart.parts.marks.children];
    const at = spots.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: spots.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      spots[Math.max(0, Math.min(spots.length - 1, next))]?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      const key = document.activeElement?.getAttribute('data-mark');
      if (key) togglePinned(key);
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && shownMark !== null) {
      hideMark();
      renderMarks();
    }
  });
  document.addEventListener('pointerdown', (event) => {
    const isInside = event.target instanceof Element && event.target.closest('#popover, .mark-spot');
    if (shownMark !== null && !isInside) {
      hideMark();
      renderMarks();
    }
  });
  const popover = byId('popover');
  popover.addEventListener('pointerenter', () => window.clearTimeout(hiding));
  popover.addEventListener('pointerleave', () => hideMarkSoon());
}

// ---------------------------------------------------------------- the chart as a table

const TABLE_ROWS = 15;

function renderTable() {
  if (!document.querySelector('.as-table').open || !model.state) return;
  const to = model.state.atMillis;
  const spanMillis = (model.minutes * 60_000) / TABLE_ROWS;
  const within = (measure, from) => rows(measure).filter((row) => row[0] >= from && row[0] < from + spanMillis);
  const average = (measure, from) => {
    const some = within(measure, from);
    return some.length === 0 ? null : some.reduce((sum, row) => sum + row[2], 0) / some.length;
  };
  const first = Math.floor(to / spanMillis) * spanMillis;
  const lines = Array.from({ length: TABLE_ROWS }, (_, at) => {
    const from = first - at * spanMillis;
    const nodes = (measure) => within(measure, from).at(-1)?.[2] ?? '–';
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, minuteFormat.format(from)),
      ...[
        micros(average('latencyP95Micros', from)),
        micros(average('latencyMeanMicros', from)),
        String(nodes('memoryNodes')),
        String(nodes('ssdNodes')),
        count(average('operationsPerSecond', from)),
      ].map((text) => el('td', { class: 'number' }, text)),
    );
  });
  byId('series-rows').replaceChildren(...lines);
}

// ---------------------------------------------------------------- everything

function render() {
  renderConnection();
  if (!model.state) return;
  renderHead();
  renderFigures();
  const isEmpty = model.state.nodes.length === 0;
  byId('empty').hidden = !isEmpty;
  byId('nodes').hidden = isEmpty;
  byId('balance').hidden = isEmpty;
  byId('keys').hidden = isEmpty;
  renderNodes();
  renderBalance();
  renderKeys();
  renderHandoffs();
  renderDecisions();
  renderChart();
  renderTable();
  document.body.setAttribute('data-ready', String(model.series !== null));
}

/** Says something aloud, once: what comes every second is no news. */
function announce(text) {
  say(byId('announcer'), text);
}

function connectionIs(connection) {
  if (model.connection === connection) return;
  const was = model.connection;
  model.connection = connection;
  if (connection === 'lost' && model.state) announce('Connection to the monitor lost.');
  if (connection === 'live' && was === 'lost') announce('Connected to the monitor again.');
  renderConnection();
}

function take(state) {
  const isFirst = model.state === null;
  const latestKnown = Math.max(-1, ...model.decisions.keys());
  const isNewState = !model.state || state.atMillis !== model.state.atMillis;
  model.state = state;
  model.receivedHere = performance.now();
  for (const decision of state.decisions) model.decisions.set(decision.id, decision);
  if (isNewState && model.series) append(state);
  connectionIs('live');
  const fresh = state.decisions.filter((decision) => decision.id > latestKnown);
  if (!isFirst && fresh.length > 0) announce(`New decision: ${fresh[0].what}.`);
  if (model.decisions.size > 2000) forgetOldDecisions();
  render();
  if (isFirst) {
    void loadSeries();
    void loadDecisions();
  }
}

function forgetOldDecisions() {
  for (const decision of decisionsLatestFirst().slice(1000)) {
    model.decisions.delete(decision.id);
    model.earlierBefore = Math.max(model.earlierBefore ?? 0, decision.id + 1);
  }
}

/** Goes on with the series by what a state says, until they are loaded again. */
function append(state) {
  const nodes = Object.fromEntries(state.tiers.map((tier) => [tier.tier, tier.nodes]));
  const values = {
    latencyMeanMicros: state.latency.meanMicros,
    latencyP95Micros: state.latency.p95Micros,
    objectiveMicros: state.objective.micros,
    memoryNodes: nodes.memory,
    ssdNodes: nodes.ssd,
    operationsPerSecond: state.operationsPerSecond,
  };
  const oldest = state.atMillis - model.minutes * 60_000 - 60_000;
  for (const [measure, value] of Object.entries(values)) {
    const of = (model.series[measure] ??= []);
    if (value !== null && (of.length === 0 || of.at(-1)[0] < state.atMillis)) of.push([state.atMillis, value, value, value]);
    while (of.length > 0 && of[0][0] < oldest) of.shift();
  }
}

// ---------------------------------------------------------------- talking to the monitor

async function ask(path) {
  const response = await fetch(path, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(10_000) });
  if (response.status === 401) window.location.assign('/login'); // logged out, or the key was revoked
  if (!response.ok) {
    const error = new Error(`${path}: ${response.status}`);
    error.status = response.status;
    throw error;
  }
  return response.json();
}

async function loadSeries() {
  if (!model.state) return;
  const { minutes } = model;
  try {
    const loaded = await ask(`/api/series?from=${Math.max(0, model.state.atMillis - minutes * 60_000)}`);
    if (minutes !== model.minutes) return; // another window was chosen meanwhile
    model.series = loaded.series;
    model.stepMillis = loaded.stepMillis;
    render();
  } catch {
    // The next round, or the next connection, tries again.
  }
}

async function loadDecisions() {
  try {
    const loaded = await ask('/api/decisions?limit=200');
    for (const decision of loaded.decisions) model.decisions.set(decision.id, decision);
    model.earlierBefore = loaded.nextBefore;
    render();
  } catch {
    // The state has the latest ones.
  }
}

async function showEarlier() {
  listedDecisions += 12;
  if (model.decisions.size < listedDecisions && model.earlierBefore !== null) {
    try {
      const loaded = await ask(`/api/decisions?limit=50&before=${model.earlierBefore}`);
      for (const decision of loaded.decisions) model.decisions.set(decision.id, decision);
      model.earlierBefore = loaded.nextBefore;
    } catch {
      announce('Earlier decisions could not be loaded.');
    }
  }
  renderDecisions();
}

const PURPOSES = { notice: 'message', question: 'question', answer: 'answer', 'failed-answer': 'answer: failed' };

/** Asks who has mail. Only when somebody wants to know: it costs the store a call for each mailbox. */
async function lookAtMailboxes() {
  const said = byId('mailboxes-none');
  try {
    const loaded = await ask('/api/mailboxes?limit=200');
    const { mailboxes } = loaded;
    say(said, mailboxes.length === 0 ? 'There is no mailbox.' : `${plural(mailboxes.length, 'mailbox').replace(/xs$/, 'xes')}, looked at ${clock(nowMillis())}.`);
    follow(byId('mailbox-list'), mailboxes, (mailbox) => mailbox.name, mailboxRow);
  } catch {
    say(said, 'The mailboxes could not be looked at. Try again.');
  }
}

function mailboxRow(first) {
  const waiting = el('span', { class: 'meta' });
  const body = el('div', { class: 'body' });
  const details = el('details', {}, el('summary', {}, el('code', {}, first.name), ' ', waiting), body);
  const peek = async () => {
    if (!details.open) return;
    try {
      const loaded = await ask(`/api/mailboxes/messages?limit=20&name=${encodeURIComponent(first.name)}`);
      body.replaceChildren(
        ...(loaded.messages.length === 0 ? [el('p', { class: 'quiet' }, 'Nothing waits.')] : [el('ol', { class: 'messages' }, ...loaded.messages.map(messageItem))]),
      );
    } catch (error) {
      const why = error.status === 403 ? 'You may not see what waits here.' : 'That could not be looked at. Close it and try again.';
      body.replaceChildren(el('p', { class: 'quiet' }, why));
    }
  };
  details.addEventListener('toggle', () => void peek());
  return {
    node: el('li', {}, details),
    update(mailbox) {
      say(waiting, mailbox.waiting === 0 ? 'empty' : `${plural(mailbox.waiting, 'record')} waiting`);
      void peek();
    },
  };
}

function messageItem(message) {
  const facts = [PURPOSES[message.purpose] ?? message.purpose];
  if (message.from) facts.push(`from ${message.from}`);
  if (message.replyTo) facts.push(`answer to ${message.replyTo}`);
  facts.push(bytes(message.bytes), `${moment(message.sentMillis)}, ${ago(message.sentMillis)}`);
  for (const [name, value] of Object.entries(message.headers)) facts.push(`${name}: ${value}`);
  return el('li', {}, el('p', { class: 'meta' }, facts.join(' · ')), el('pre', { tabindex: '0' }, message.cut ? `${message.text}…` : message.text));
}

let events = null;
let retry = 0;
let lastHeardHere = 0;

function connect() {
  disconnect();
  if (document.hidden) return;
  const source = new EventSource('/api/events');
  events = source;
  source.addEventListener('state', (event) => {
    lastHeardHere = performance.now();
    take(JSON.parse(event.data));
  });
  // The browser would try again by itself only after some failures, and not say which: so ask once, and begin anew.
  source.addEventListener('error', () => {
    if (events !== source) return;
    disconnect();
    void poll();
  });
}

function disconnect() {
  window.clearTimeout(retry);
  events?.close();
  events = null;
}

/** Asks once, where nothing is told: too many listen, nothing is known yet, or nobody is there. */
async function poll() {
  let isServed = false;
  try {
    take(await ask('/api/state'));
    isServed = true;
  } catch (error) {
    connectionIs(error.status === 503 ? 'waiting' : 'lost');
  }
  if (events === null && !document.hidden) retry = window.setTimeout(connect, isServed ? 3000 : 1500);
}

/** Where security is on, says who looks, and lets him go. */
async function showWho() {
  try {
    const session = await ask('/api/session');
    if (!session.secured) return;
    say(byId('who-name'), session.mayChange ? session.principal : `${session.principal}, read-only`);
    byId('who-token').value = session.token ?? '';
    byId('who').hidden = false;
  } catch {
    // The state is asked for too, and leads to the login.
  }
}

function begin() {
  renderLegend();
  buildChart();
  listenToMarks();
  byId('windows').addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (!button) return;
    model.minutes = Number(button.getAttribute('data-minutes'));
    for (const other of byId('windows').children) set(other, { 'aria-pressed': other === button });
    hideMark();
    void loadSeries();
  });
  byId('mailboxes-look').addEventListener('click', () => void lookAtMailboxes());
  byId('decisions-more').addEventListener('click', () => void showEarlier());
  document.querySelector('.as-table').addEventListener('toggle', renderTable);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      disconnect();
    } else {
      connect();
      void loadSeries();
    }
  });
  window.setInterval(renderConnection, 1000);
  window.setInterval(() => {
    if (document.hidden) return;
    void loadSeries();
  }, 60_000);
  // A connection may be dead without saying so; the monitor tells something at least every 15 s.
  window.setInterval(() => {
    if (events !== null && model.state && performance.now() - lastHeardHere > 20_000) connect();
  }, 5000);
  render();
  connect();
  void showWho();
}

begin();
