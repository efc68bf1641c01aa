'use strict';

const byId = (id) => document.getElementById(id);
const fixed = byId('view'); // a static page has its view in it
let view = null;
let readers = [];
const toggled = new Map(); // runs that the user has opened or closed

// What the page says about a token's owner, and how the chip looks.
const owners = {
  current: ['good', 'current', 'AWSCURRENT holds it'],
  pending: ['busy', 'pending', 'AWSPENDING holds it'],
  issued: ['busy', 'issued', 'made for a version that is not current'],
  outgoing: ['busy', 'outgoing', 'about to be replaced'],
  retiring: ['busy', 'retiring', 'replaced'],
  unclaimed: ['warn', 'unclaimed', 'a creation was not answered, and no record names it'],
  unanswered: ['warn', 'unanswered', 'its creation runs or was not answered; a sweep reports it'],
  leaked: ['bad', 'leaked', 'nothing names it, so nothing will ever delete it'],
  foreign: ['', 'foreign', 'made by another program'],
};
const outcomes = {
  running: ['busy', 'running'], succeeded: ['good', 'succeeded'], failed: ['bad', 'failed'],
  abandoned: ['warn', 'abandoned'],
};
const worldNames = { rotate: 'This product', yardstick: "AWS's published order" };
const functionNames = { rotate: 'Rotation', yardstick: "Rotation by AWS's published order", sweep: 'Sweep', ivr: 'IVR' };

const chip = ([kind, word]) => h('span', { class: `chip ${kind}` }, word);
const plural = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;
const short = (id) => id.slice(0, 8);
const clock = (time) => new Date(time).toLocaleTimeString('en-GB');
const ms = (n) => (n < 0.1 ? '<0.1 ms' : n < 10 ? `${n.toFixed(1)} ms` : n < 10000 ? `${Math.round(n)} ms` : `${Math.round(n / 1000)} s`);
const ordinal = (n) => (n === 1 ? '' : ` (${n}${['th', 'st', 'nd', 'rd'][n % 10 < 4 && (n < 11 || n > 13) ? n % 10 : 0]})`);
const table = (heads, rows, empty) => (rows.length === 0 ? h('p', { class: 'quiet' }, empty)
  : h('table', {}, h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))),
    h('tbody', {}, rows)));

function remaining(until) {
  const seconds = Math.ceil((new Date(until) - (fixed ? new Date(view.now) : Date.now())) / 1000);
  if (seconds <= 0) return 'due: the next sweep or rotation deletes it';
  return seconds < 120 ? `deleted in ${seconds} s` : `deleted in ${Math.round(seconds / 60)} min`;
}

// ---- the two worlds

function verdict(world) {
  const count = (...names) => world.tokens.filter((t) => names.includes(t.owner)).length;
  const list = [];
  const held = world.versions.find((v) => v.labels.includes('AWSCURRENT'))?.fingerprint;
  if (!held) list.push(['', 'No token yet: rotate.']);
  else if (count('current')) list.push(['good', 'The current token works.']);
  else list.push(['bad', 'The current token is dead: readers fail.']);
  const others = count('retiring', 'pending', 'issued', 'outgoing');
  if (others) list.push(['busy', `${plural(others, 'more token')} of ours.`]);
  if (count('unclaimed')) list.push(['warn', `${plural(count('unclaimed'), 'unclaimed token')}, reported for deletion.`]);
  if (count('unanswered') && !world.rotating) list.push(['warn', `${plural(count('unanswered'), 'token')} to report.`]);
  if (count('leaked')) list.push(['bad', `${plural(count('leaked'), 'leaked token')}.`]);
  if (count('foreign')) list.push(['', `${plural(count('foreign'), 'foreign token')}.`]);
  return h('ul', { class: 'verdict' }, list.map(([kind, text]) => h('li', { class: kind }, text)));
}

function tokenRow(world, token) {
  const owner = owners[token.owner] ?? ['', token.owner, ''];
  const removable = !fixed && world.function === 'rotate' && ['unclaimed', 'unanswered'].includes(token.owner);
  const why = token.owner === 'retiring' ? h('span', { 'data-until': token.until }, remaining(token.until)) : owner[2];
  return h('tr', { 'data-key': token.fingerprint },
    h('td', {}, h('code', {}, token.fingerprint)),
    h('td', {}, chip(owner)),
    h('td', {}, why, removable && h('button', { type: 'button', class: 'small', 'data-remove': token.fingerprint,
      'aria-label': `Delete token ${token.fingerprint}` }, 'Delete it')));
}

function world(w) {
  return h('section', { class: 'panel', 'data-key': w.function, 'aria-label': worldNames[w.function] },
    h('h2', {}, worldNames[w.function], ' ', h('small', {}, w.secret), w.rotating && chip(outcomes.running)),
    verdict(w),
    h('h3', {}, 'Versions of the secret'),
    table(['version', 'staging labels', 'token'], w.versions.map((v) => h('tr', { 'data-key': v.id },
      h('td', {}, h('code', { title: v.id }, short(v.id))),
      h('td', {}, v.labels.map((label) => h('span', { class: `chip ${label === 'AWSCURRENT' ? 'good' : ''}` }, label))),
      h('td', {}, v.fingerprint ? h('code', {}, v.fingerprint) : 'none'))), 'None.'),
    h('h3', {}, 'Live tokens at the vendor'),
    table(['token', 'owner', ''], w.tokens.map((t) => tokenRow(w, t)), 'None.'));
}

// ---- ledger, readers, alarms

function ledger() {
  return h('section', { class: 'panel', 'data-key': 'ledger' }, h('h2', {}, 'Ledger'),
    table(['entry', 'says'], view.ledger.map((e) => h('tr', { 'data-key': e.name },
      h('td', {}, e.kind === 'intent' ? `intent of ${clock(e.startedAt)}` : h('code', {}, e.fingerprint)),
      h('td', {}, e.kind === 'intent' ? 'a creation without a record yet, for version ' : chip([e.state === 'issued' ? '' : owners[e.state]?.[0] ?? '', e.state]),
        e.kind === 'intent' ? h('code', {}, short(e.version)) : ''))), 'Empty.'));
}

function chart(reader) {
  const most = Math.max(1, ...reader.seconds.map(([good, failed]) => good + failed));
  const height = (n) => (n / most) * 30;
  const text = `${plural(reader.good, 'good call')}, ${reader.failed} failed`;
  return h('div', { class: 'reader', 'data-key': reader.name },
    h('h3', {}, reader.name, ' ', chip(reader.failed ? ['bad', `${reader.failed} failed`] : reader.good ? ['good', 'none failed'] : ['', 'no call yet'])),
    h('svg', { viewBox: '0 0 240 32', role: 'img', 'aria-label': `The last minute: ${text}` },
      reader.seconds.map(([good, failed], n) => [
        good > 0 && h('rect', { class: 'good', x: n * 4, width: 3, y: 31 - height(good), height: height(good) }),
        failed > 0 && h('rect', { class: 'bad', x: n * 4, width: 3, y: 31 - height(good + failed),
          height: height(failed) })])),
    h('p', { class: 'quiet' }, `${text}; ${reader.meaning}.`));
}

function alarms() {
  return h('section', { class: 'panel', 'data-key': 'alarms' }, h('h2', {}, 'Alarms'),
    h('ul', { class: 'plain' }, view.alarms.map((a) => h('li', { 'data-key': a.name },
      chip(a.fired ? ['bad', 'would have fired'] : ['', 'quiet']), ' ', h('strong', {}, a.name), ' ',
      h('span', { class: 'quiet' }, a.meaning, a.fired ? ` (${plural(a.fired, 'time')}, last ${clock(a.last)})` : '')))));
}

// ---- the timeline

const callKey = (step, c) => `${step}/${c.service}/${c.operation}/${c.nth}`;

function callRow(step, c, scale, pressable) {
  const struck = c.struck && view.faults.find((f) => f.name === c.struck)?.meaning;
  const text = [h('span', { class: 'service' }, c.service), h('span', { class: 'operation' }, c.operation + ordinal(c.nth)),
    h('span', { class: `answer ${c.failed ? 'bad' : ''}` }, c.answer),
    h('span', { class: 'took' }, ms(c.tookMs)),
    h('svg', { class: 'bar', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      h('rect', { class: c.failed ? 'bad' : c.service.slice(0, 1), x: Math.min(c.atMs * scale, 98), y: 0, height: 4,
        width: Math.max(2, c.tookMs * scale) })),
    struck && h('span', { class: 'struck' }, `Struck: ${struck}.`)];
  if (!pressable) return h('li', {}, h('div', { class: 'call' }, text));
  return h('li', {}, h('button', { type: 'button', class: 'call', 'data-call': callKey(step, c),
    'aria-pressed': String(byId('call').value === callKey(step, c)), title: 'Strike this call of the next rotation' }, text));
}

function stepItem(run, attempt, step, scale) {
  const pressable = !fixed && ['rotate', 'yardstick'].includes(run.function);
  return h('li', { class: `step ${step.failed ? 'failed' : ''}`, 'data-key': `${attempt} ${step.name}` },
    h('h4', {}, step.name, ' ', h('small', {}, ms(step.tookMs), step.coldMs ? `, cold start ${ms(step.coldMs)}` : '')),
    h('p', {}, step.what),
    h('ol', { class: 'calls' }, step.calls.map((c) => callRow(step.name, c, scale, pressable))));
}

function runItem(run, open) {
  const [kind, word] = outcomes[run.outcome];
  const preflight = run.version && run.attempts[0].steps[0].name === 'testSecret';
  const title = preflight ? 'Preflight' : (functionNames[run.function] ?? run.function)
    + (run.version ? ` to version ${short(run.version)}` : '');
  return h('details', { class: `run ${kind}`, 'data-key': run.id, open },
    h('summary', {}, chip([kind, word]), h('strong', {}, title),
      h('span', { class: 'quiet' }, `${clock(run.started)}, ${ms(run.tookMs)}`,
        run.attempts.length > 1 ? `, ${plural(run.attempts.length, 'attempt')}` : '')),
    run.attempts.map((attempt, n) => [
      run.attempts.length > 1 && h('h3', { 'data-key': `attempt ${n}` }, `Attempt ${n + 1}`),
      h('ol', { class: 'steps', 'data-key': `steps ${n}` }, attempt.steps.map((step) => {
        const scale = 100 / Math.max(step.tookMs + (step.coldMs ?? 0), 0.001); // from milliseconds to percent
        return stepItem(run, n, step, scale);
      }))]));
}

function timeline() {
  const newest = new Set();
  const kinds = new Set();
  for (const run of view.timeline) {
    const kind = ['rotate', 'yardstick'].includes(run.function) ? run.function : 'other';
    if (kinds.has(kind) && !fixed) continue;
    kinds.add(kind);
    if (kind !== 'other') newest.add(run.id);
  }
  return h('section', { id: 'timeline', 'aria-label': 'Timeline' }, h('h2', {}, 'Timeline'),
    !fixed && h('p', { class: 'quiet' }, 'Press a call to strike it in the next rotation.'),
    view.timeline.length === 0 && h('p', { class: 'quiet' }, 'Nothing has run yet.'),
    view.timeline.map((run) => runItem(run, toggled.get(run.id) ?? newest.has(run.id))));
}

// ---- what the page does

function say(text) { byId('message').textContent = text; }

async function post(path, query = {}) {
  try {
    const response = await fetch(`/_sandbox/${path}?${new URLSearchParams(query)}`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok) throw new Error(text.trim());
    return JSON.parse(text);
  } catch (error) {
    say(`That did not work: ${error.message}`);
    return null;
  }
}

async function act(path, query) {
  const done = await post(path, query);
  if (!done) return;
  const found = done.answer?.secrets ?? [];
  const all = (field) => found.flatMap((s) => s[field] ?? []);
  const parts = done.answer ? [`${plural(all('deleted').length, 'token')} deleted`, `${all('retiring').length} retiring`,
    `${all('unclaimed').length} unclaimed${all('unclaimed').map((t) => ` ${t.fingerprint}`)}`,
    `${plural(all('openIntents').length, 'open intent')}`] : [];
  say(done.did ? [done.did, parts.join(', ')].filter(Boolean).join(': ') : '');
}

// setting returns the parts of the link that reproduces this setting.
function setting() {
  const parts = new URLSearchParams({ retention: byId('retention').value, scenario: byId('scenario').value });
  if (byId('yardstick').checked) parts.set('yardstick', 'true');
  if (armed) {
    parts.set('call', armed.call);
    parts.set('fault', armed.fault);
  }
  return parts;
}
let armed = null; // the strike that the link holds

function keepLink() { history.replaceState(null, '', `#${setting()}`); }

function strike(call, fault) {
  armed = { call, fault };
  const [step, service, operation, nth] = call.split('/');
  return act('strike', { step, service, operation, nth, fault });
}

// follow does what the link says.
async function follow() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (parts.size === 0) return;
  const [retention, scenario, on] = [parts.get('retention'), parts.get('scenario'), parts.has('yardstick')];
  if (retention && retention !== view.retention) await act('retention', { value: retention });
  if (scenario && scenario !== view.scenario) await post('scenario', { name: scenario });
  if (on !== view.worlds.length > 1) await act('yardstick', { on: String(on) });
  if (parts.has('call') && parts.has('fault')) await strike(parts.get('call'), parts.get('fault'));
}

// choices puts the options into a select, and keeps what is chosen. An option that moves from one
// select to another is chosen there, so the value is always set.
function choices(select, options, chosen) {
  const value = chosen ?? select.value;
  morph(select, h('select', { id: select.id }, options.map(([name, text]) => h('option', { value: name }, text))));
  select.value = options.some(([name]) => name === value) ? value : options[0][0];
}

// The calls that can be struck: those of the latest rotations, and the creation before there are any.
function callChoices() {
  const calls = new Map([['createSecret/Engage/create/1', 'createSecret: Engage create']]);
  for (const run of view.timeline.filter((r) => ['rotate', 'yardstick'].includes(r.function))) {
    for (const step of run.attempts.flatMap((a) => a.steps)) {
      for (const c of step.calls) calls.set(callKey(step.name, c), `${step.name}: ${c.service} ${c.operation}${ordinal(c.nth)}`);
    }
  }
  const order = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];
  const rank = ([key]) => order.indexOf(key.split('/')[0]);
  if (armed && !calls.has(armed.call)) calls.set(armed.call, armed.call.replaceAll('/', ' '));
  return [...calls].sort((a, b) => rank(a) - rank(b));
}

function controls() {
  choices(byId('call'), callChoices());
  choices(byId('fault'), view.faults.map((f) => [f.name, f.meaning]));
  const scenarios = view.scenarios.map((s) => [s.name, `${s.name}: ${s.meaning}`]);
  choices(byId('scenario'), scenarios, document.activeElement === byId('scenario') ? undefined : view.scenario);
  const lives = [...byId('retention').options].map((o) => [o.value, o.text]);
  if (!lives.some(([value]) => value === view.retention)) lives.push([view.retention, view.retention]);
  choices(byId('retention'), lives, document.activeElement === byId('retention') ? undefined : view.retention);
  byId('yardstick').checked = view.worlds.length > 1;
  const waits = (view.waits ?? []).map((name) => worldNames[name]);
  const { step, service, operation, nth } = view.strike;
  byId('armed').textContent = waits.length === 0 ? 'No call will be struck.'
    : `The next rotation is struck at ${step}: ${service} ${operation}${ordinal(nth)}.`;
}

function render() {
  if (!view) return;
  if (!fixed) controls();
  const busy = view.worlds.some((w) => w.rotating);
  byId('state').textContent = fixed ? `The real function between stand-ins for AWS and the vendor, login flow ${view.flow}`
    : busy ? 'A rotation is running' : 'Connected; nothing is running';
  morph(byId('worlds'), h('div', { id: 'worlds', class: view.worlds.length > 1 ? 'two' : '' }, view.worlds.map(world)));
  morph(byId('details'), h('div', { id: 'details' }, ledger(),
    !fixed && h('section', { class: 'panel', 'data-key': 'readers' }, h('h2', {}, 'Readers'),
      readers.length ? readers.map(chart) : h('p', { class: 'quiet' }, 'They begin to call in a second.')), alarms()));
  morph(byId('timeline'), timeline());
}

function press(event) {
  const call = event.target.closest('[data-call]')?.dataset.call;
  if (call) {
    byId('call').value = call;
    render();
    say(`Chosen: ${byId('call').selectedOptions[0]?.text}. Choose what happens to it, then strike.`);
    byId('fault').focus();
  }
  const token = event.target.closest('[data-remove]')?.dataset.remove;
  if (token) act('sweep', { deleteToken: token });
  const summary = event.target.closest('summary');
  if (summary) toggled.set(summary.parentElement.dataset.key, !summary.parentElement.open);
}

function listen() {
  const on = (id, action, type = 'click') => byId(id).addEventListener(type, (event) => {
    event.preventDefault();
    action();
  });
  on('rotate', () => act('rotate'));
  on('sweep', () => act('sweep'));
  on('dry', () => act('sweep', { dryRun: 'true' }));
  on('later', () => act('sweep', { later: '2h' }));
  on('strike', () => { strike(byId('call').value, byId('fault').value); keepLink(); }, 'submit');
  on('disarm', () => { armed = null; keepLink(); act('strike'); });
  on('edit', () => act('edit'));
  on('delete', () => act('delete-current'));
  on('foreign', () => act('foreign'));
  on('retention', () => { keepLink(); act('retention', { value: byId('retention').value }); }, 'change');
  on('scenario', async () => {
    keepLink();
    if (await post('scenario', { name: byId('scenario').value })) say(`From now on: ${byId('scenario').value}`);
  }, 'change');
  on('yardstick', () => { keepLink(); act('yardstick', { on: String(byId('yardstick').checked) }); }, 'change');
  on('link', async () => {
    keepLink();
    await navigator.clipboard.writeText(location.href).then(() => say('The link is copied.'),
      () => say('The address of this page is the link.'));
  });
  on('reset', async () => {
    armed = null;
    history.replaceState(null, '', location.pathname);
    if (await post('reset')) say('Everything is as at the start.');
  });
  byId('timeline').addEventListener('click', press);
  byId('worlds').addEventListener('click', press);
}

function connect() {
  const events = new EventSource('/_sandbox/events');
  events.addEventListener('view', (event) => {
    const first = !view;
    view = JSON.parse(event.data);
    render();
    if (!first) return;
    follow();
    addEventListener('hashchange', follow); // a link that is pasted into the open page
  });
  events.addEventListener('readers', (event) => {
    readers = JSON.parse(event.data);
    render(); // the countdowns too
  });
  events.onerror = () => { byId('state').textContent = 'The sandbox does not answer; trying again'; };
}

if (fixed) {
  view = JSON.parse(fixed.textContent);
  document.documentElement.className = 'static';
  render();
} else {
  listen();
  connect();
}
