// Scenarios with OpenAI's own client for node:
//   node openai_client.mjs MODULES BASE_URL KEY SCENARIO
// prints one JSON object; test_openai_client.py judges it.
import { createRequire } from 'node:module';
import { setTimeout as deadline } from 'node:timers';

const [modules, baseURL, apiKey, scenario] = process.argv.slice(2);
const require = createRequire(modules + '/node_modules/');
const OpenAI = require('openai').default;
const { zodResponseFormat } = require('openai/helpers/zod');
const { z } = require('zod');

// Each call that the client makes, as it sees it.
const calls = [];
const recording = async (url, init) => {
  const r = await fetch(url, init);
  calls.push({ status: r.status, retry: r.headers.get('x-should-retry'),
    id: r.headers.get('x-request-id') });
  return r;
};
const make = (more) => new OpenAI({ baseURL, apiKey, maxRetries: 0,
  fetch: recording, ...more });
const client = make();
const say = (content) => [{ role: 'user', content }];
const weather = {
  type: 'function',
  function: {
    name: 'weather', description: 'Weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } },
      required: ['city'], additionalProperties: false },
  },
};

async function failure(promise) {
  try {
    await promise;
    return { class: 'none' };
  } catch (e) {
    return { class: e.constructor.name, status: e.status, code: e.code,
      type: e.type, message: e.message, id: e.requestID };
  }
}

async function collect(model, more) {
  const stream = await client.chat.completions.create({ model, stream: true,
    messages: say('Hello streaming world'), ...more });
  const out = { text: '', chunks: 0, finish: [], usage: null, roles: [] };
  for await (const chunk of stream) {
    for (const c of chunk.choices) {
      if (c.delta.role) out.roles.push(c.delta.role);
      if (c.delta.content) { out.text += c.delta.content; out.chunks++; }
      if (c.finish_reason) out.finish.push(c.finish_reason);
    }
    if (chunk.usage) out.usage = chunk.usage;
  }
  return out;
}

const scenarios = {
  async create() {
    const out = {};
    for (const model of ['gpt', 'claude', 'gem']) {
      const c = await client.chat.completions.create({ model,
        messages: say('Hello official client') });
      out[model] = { ...c, id_header: c._request_id };
    }
    return out;
  },

  async stream() {
    const out = {};
    for (const model of ['gpt', 'claude', 'gem']) {
      out[model] = await collect(model,
        { stream_options: { include_usage: true } });
    }
    return out;
  },

  async stream_tools() {
    const out = {};
    for (const model of ['gpt', 'claude', 'gem']) {
      const runner = client.chat.completions.stream({ model,
        messages: say('call:weather {"city":"Bern"} call:weather {"city":"Oslo"}'),
        tools: [weather] });
      const done = await runner.finalChatCompletion();
      out[model] = done.choices[0];
    }
    return out;
  },

  async run_tools() {
    const out = {};
    for (const model of ['gpt', 'claude', 'gem']) {
      const asked = [];
      const runner = client.chat.completions.runTools({ model,
        messages: say('call:weather {"city":"Bern"}'),
        tools: [{ type: 'function', function: { ...weather.function,
          parse: JSON.parse,
          function: ({ city }) => { asked.push(city); return 'rain in ' + city; } } }] });
      out[model] = { text: await runner.finalContent(), asked,
        roles: runner.messages.map((m) => m.role) };
    }
    return out;
  },

  async parse() {
    const schema = z.object({ city: z.string(), degrees: z.number(),
      days: z.array(z.object({ name: z.string(), sunny: z.boolean() })) });
    const out = {};
    for (const model of ['gpt', 'claude', 'gem']) {
      const c = await client.chat.completions.parse({ model,
        messages: say('Weather as JSON'),
        response_format: zodResponseFormat(schema, 'weather') });
      out[model] = c.choices[0].message.parsed;
    }
    return out;
  },

  async errors() {
    const out = {};
    const ask = (c, model, more) => failure(c.chat.completions.create(
      { model, messages: say('Hello'), ...more }));
    for (const model of ['missing', 'broken', 'limited', 'context', 'policy',
      'quota', 'badkey', 'html', 'dead', 'cut']) {
      out[model] = await ask(client, model);
    }
    out.key = await ask(make({ apiKey: 'sk-wrong' }), 'gpt');
    out.types = await ask(client, 'gpt', { temperature: 'hot' });
    out.empty = await failure(client.chat.completions.create({ model: 'gpt' }));
    out.path = await failure(client.embeddings.create(
      { model: 'gpt', input: 'x' }));
    return out;
  },

  async stream_error() {
    const out = {};
    for (const model of ['cut', 'errorat', 'claude-cut', 'gem-cut']) {
      const got = { text: '' };
      Object.assign(got, await failure((async () => {
        const s = await client.chat.completions.create(
          { model, stream: true, messages: say('Hello') });
        for await (const c of s) got.text += c.choices[0]?.delta?.content ?? '';
      })()));
      out[model] = got;
    }
    return out;
  },

  async abort() {
    const stream = await client.chat.completions.create({ model: 'slow',
      stream: true, messages: say('Hello') });
    let seen = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content && ++seen === 3) break; // aborts
    }
    return { seen, aborted: stream.controller.signal.aborted };
  },

  async thirty() {
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) => {
      const model = ['gpt', 'claude', 'gem', 'quick'][i % 4];
      return i % 2 ? collect(model).then((o) => ({ model, text: o.text }))
        : client.chat.completions.create({ model, messages: say('number ' + i) })
          .then((c) => ({ model, text: c.choices[0].message.content,
            number: i }));
    }));
    return { all, ids: calls.map((c) => c.id) };
  },

  async models() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    return { ids, one: await client.models.retrieve('gpt'),
      none: await failure(client.models.retrieve('missing')) };
  },

  async retries() {
    const out = {};
    const patient = make({ maxRetries: 2 });
    for (const model of ['broken', 'badkey', 'missing', 'failfirst']) {
      calls.length = 0;
      out[model] = await failure(patient.chat.completions.create(
        { model, messages: say('Hello') }));
      out[model].calls = [...calls];
    }
    return out;
  },

  async request_id() {
    const { data, response, request_id } = await client.chat.completions.create(
      { model: 'gpt', messages: say('Hello') },
      { headers: { 'X-Request-Id': 'trace-0123.abc' } }).withResponse();
    return { id: data._request_id, request_id,
      header: response.headers.get('x-request-id') };
  },
};

deadline(() => { console.error('time is up'); process.exit(3); }, 60000).unref();
console.log(JSON.stringify(await scenarios[scenario]()));
