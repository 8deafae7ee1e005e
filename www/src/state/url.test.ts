import { describe, expect, it } from 'vitest';
import type { Claim } from '../domain/claim';
import type { Notice } from '../domain/notices';
import { opening, type Doc, type TourDoc } from './document';
import { decode, encode, type Bounds } from './url';

const bounds: Bounds = {
  tasks: ['single_double_quote', 'bracket_counting'],
  model: { layers: 2, width: 256, attnWidth: 256, headWidth: 4, mlpWidth: 1024 },
};

const clean = { mode: 'full', off: [], set: {}, scale: {}, patch: [], flip: false, offEdges: [] };

describe('round trip', () => {
  const busy: Doc = {
    task: 'bracket_counting',
    a: 'x = [[1, 2], "é&=#%+,:🙂\n\tend',
    b: 'x = (1)',
    edits: {
      mode: 'removed', off: ['0.mlp.post_act.863'], set: { '1.attn.q.4': -1.25, '0.attn.act_in.3': 0 },
      scale: { '1.mlp.resid_delta.255': 0.5 }, patch: ['1.attn.v.17'], flip: true,
      offEdges: ['0.mlp.act_in.5:0.mlp.post_act.863', '0.mlp.resid_delta.7:1.attn.act_in.7', '1.attn.resid_delta.9:logit.1'],
    },
    node: '1.attn.q.4',
    token: 3,
    list: true,
    all: true,
    twin: { steer: 0.7, channel: '1.attn.act_in.126', boundary: 4 },
    tour: { step: 5, shown: true, choice: 2, present: true },
  };
  it('keeps everything', () => {
    const { notices, ...decoded } = decode(encode(busy), bounds);
    expect(notices).toEqual([]);
    expect(decoded).toEqual({ ...busy, backend: null, claim: null });
  });
  it('keeps the backend that was chosen', () => {
    expect(decode(encode(busy, 'webgpu'), bounds).backend).toBe('webgpu');
  });
  it('keeps a claim', () => {
    const claim: Claim = { p: [0.98612, 0.01388] };
    expect(decode(encode(busy, 'cpu', claim), bounds)).toMatchObject({ claim, backend: 'cpu', notices: [] });
  });
  it('keeps an untouched page and a closed panel', () => {
    const doc = opening('single_double_quote', 'print("hi', null);
    expect(decode(encode(doc), bounds)).toMatchObject({ a: doc.a, b: null, edits: clean, node: null, token: null, notices: [] });
  });
  it('is ASCII without spaces, quotes or brackets', () => {
    expect(encode(busy)).toMatch(/^#[\w%=&.,:\-]+$/);
  });
  it('keeps six digits of a number', () => {
    const doc = { ...busy, edits: { ...busy.edits, set: { '1.attn.q.4': 12.3456 }, scale: { '1.attn.q.5': -0.000123456 } }, twin: { steer: 0.123456, channel: null, boundary: null } };
    expect(decode(encode(doc), bounds)).toMatchObject({ edits: doc.edits, twin: doc.twin });
  });
  it('accepts a lone surrogate', () => {
    expect(decode(encode({ ...busy, a: 'x\ud83d' }), bounds).a).toBe('x\ufffd');
  });
});

describe('edges', () => {
  const edge = '0.mlp.act_in.5:0.mlp.post_act.863';
  it('can be open in the panel', () => {
    expect(decode(`#node=${encodeURIComponent(edge)}`, bounds)).toMatchObject({ node: edge, notices: [] });
    expect(decode('#node=9.mlp.act_in.5:9.mlp.post_act.1', bounds)).toMatchObject({ node: undefined, notices: [{ kind: 'link-node' }] });
  });
  it('are read in one spelling, each once', () => {
    expect(decode(`#offe=00.mlp.act_in.005:0.mlp.post_act.863,${edge}`, bounds)).toMatchObject({ edits: { offEdges: [edge] }, notices: [] });
  });
  it.each([
    'embedding:0.attn.act_in.1', '0.attn.q.1:0.attn.k.1', '0.attn.act_in.1:1.attn.q.1', '0.mlp.resid_delta.1:0.mlp.act_in.1', '0.attn.resid_delta.1:1.attn.act_in.2',
    '0.mlp.post_act.1:logit.0', '0.mlp.resid_delta.1:logit.2', '9.attn.act_in.1:9.attn.q.1', '0.attn.act_in.1:0.attn.q.9999', '__proto__:constructor', ':', '1',
    `${edge}:logit.0`, '%00',
  ])('refuses %s and gives notice', (hostile) => {
    const { edits, notices } = decode(`#v=1&offe=${hostile},${edge}`, bounds);
    expect(edits.offEdges).toEqual([edge]);
    expect(notices).toMatchObject([{ kind: 'link-edges', key: 'offe', more: 0 }]);
  });
  it('are limited in number', () => {
    const many = Array.from({ length: 300 }, (_, index) => `0.mlp.act_in.5:0.mlp.post_act.${index}`).join(',');
    const { edits, notices } = decode(`#offe=${many}`, bounds);
    expect(edits.offEdges.length).toBe(256);
    expect(notices).toMatchObject([{ kind: 'link-edges', more: 43 }]);
  });
});

describe('absent values', () => {
  it.each(['', '#', '#v=1', '#&&&', '#nothing'])('%j is the default without a message', (hash) => {
    expect(decode(hash, bounds)).toEqual({
      task: null, a: null, b: null, edits: clean, node: undefined, token: null, list: false, all: false, twin: null, tour: null, backend: null, claim: null, notices: [],
    });
  });
  it('takes the first of two values with one key', () => {
    expect(decode('#v=1&mode=circuit&mode=removed&token=1&token=2', bounds)).toMatchObject({ edits: { ...clean, mode: 'circuit' }, token: 1, notices: [] });
  });
  it('ignores unknown keys', () => expect(decode('#v=1&theme=dark&x=%zz1', bounds).edits).toEqual(clean));
});

describe('hostile values', () => {
  const bad = (hash: string, ...kinds: Notice['kind'][]) => {
    const decoded = decode(hash, bounds);
    expect(decoded.notices.map((one) => one.kind)).toEqual(kinds);
    return decoded;
  };
  it('replaces an unknown task', () => expect(bad('#task=__proto__', 'link-task').task).toBeNull());
  it('rejects a link of another version completely', () => expect(bad('#v=2&flip=1', 'link-version').edits.flip).toBe(false));
  it('refuses an unknown mode', () => expect(bad('#mode=FULL', 'link-mode').edits.mode).toBe('full'));
  it('refuses flip=yes', () => expect(bad('#flip=yes', 'link-flag').edits.flip).toBe(false));
  it.each(['list', 'all'] as const)('refuses %s=yes', (key) => expect(bad(`#${key}=yes`, 'link-flag')[key]).toBe(false));
  it.each(['off', 'patch'])('refuses nodes that are not there in %s', (key) => {
    const decoded = bad(`#${key}=0.mlp.post_act.1,9.mlp.post_act.1,0.mlp.post_act.1024,constructor,0.attn.y.1,%00,0.mlp.post_act.1`, 'link-nodes');
    expect(decoded.edits[key as 'off' | 'patch']).toEqual(['0.mlp.post_act.1']);
  });
  it.each(['NaN', 'Infinity', '-Infinity', '1e9', '', '0x10', '1:2', '1,', ' 1'])('refuses the number %j', (number) => {
    expect(bad(`#set=0.attn.q.1:${encodeURIComponent(number)}`, 'link-nodes').edits.set['0.attn.q.1'] ?? null).toBe(number === '1,' ? 1 : null);
  });
  it('does not accept prototype keys as nodes', () => {
    const decoded = bad('#set=__proto__:1&scale=toString:2', 'link-nodes', 'link-nodes');
    expect(Object.keys(decoded.edits.set)).toEqual([]);
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });
  it('ignores values with bad percent-encoding', () => expect(bad('#a=%E0%A4%A', 'link-encoding').a).toBeNull());
  it('cuts a very long prompt', () => expect(bad(`#a=${'x'.repeat(40_000)}`, 'link-cut').a!.length).toBe(16_384));
  it('cuts a prompt whose encoded form is long, between two characters', () => {
    const { a } = bad(`#a=x${'🙂'.repeat(9_000)}`, 'link-cut');
    expect(a).toBe(`x${'🙂'.repeat(2730)}`);
  });
  it('keeps a number as the link that it writes has it', () => {
    expect(decode('#set=0.attn.q.1:-0,0.attn.q.2:1.23456789', bounds).edits.set).toEqual({ '0.attn.q.1': 0, '0.attn.q.2': 1.234568 });
  });
  it('rejects a very long link', () => expect(bad(`#a=${'x'.repeat(140_000)}`, 'link-long').a).toBeNull());
  it('rejects a node that does not exist', () => expect(bad('#node=7.attn.q.1', 'link-node').node).toBeUndefined());
  it('accepts leading zeros in a node’s number', () => {
    const link = decode('#node=00.mlp.post_act.007&off=0.attn.q.7,0.attn.q.007', bounds);
    expect(link).toMatchObject({ node: '0.mlp.post_act.7', edits: { off: ['0.attn.q.7'] }, notices: [] });
  });
  it('refuses a token that is not a number', () => expect(bad('#token=-1', 'link-token').token).toBeNull());
  it('refuses a backend', () => expect(bad('#backend=quantum', 'link-backend').backend).toBeNull());
  it('limits the number of nodes', () => {
    const many = Array.from({ length: 600 }, (_, index) => `0.mlp.post_act.${index}`).join(',');
    expect(bad(`#off=${many}`, 'link-nodes').edits.off.length).toBe(256);
  });
  it('strips control characters from prompts', () => expect(decode('#a=a%00b%1Bc%0Ad%0D%0Ae', bounds).a).toBe('abc\nd\ne'));
  it('keeps markup as text in its notices', () => {
    expect(bad('#task=%3Cimg%20src%3Dx%3E', 'link-task').notices).toEqual([{ kind: 'link-task', value: '<img src=x>' }]);
  });
});

describe('the tour', () => {
  const doc = opening('single_double_quote', 'print("hi', null);
  const places: [string, TourDoc | null][] = [
    ['', null],
    ['tour=1', { step: 1, shown: false, choice: null, present: false }],
    ['tour=3.0', { step: 3, shown: true, choice: null, present: false }],
    ['tour=6.1&present=1', { step: 6, shown: true, choice: 0, present: true }],
    ['tour=7', { step: 7, shown: false, choice: null, present: false }],
    ['present=1', { step: 0, shown: false, choice: null, present: true }],
  ];
  it.each(places)('%j is kept', (link, tour) => {
    expect(decode(`#v=1&${link}`, bounds)).toMatchObject({ tour, notices: [] });
    expect(encode({ ...doc, tour })).toBe(`${encode(doc)}${link === '' ? '' : `&${link}`}`);
  });
  it.each(['0', '8', '7.1', '6.4', '1.', 'one', '-1', '01', '1.1.1', '__proto__'])('refuses tour=%s and gives notice', (value) => {
    expect(decode(`#v=1&tour=${value}`, bounds)).toMatchObject({ tour: null, notices: [{ kind: 'link-tour', value }] });
  });
});

describe('the dense twin', () => {
  it('is closed unless the link opens it; its default strength follows the flip', () => {
    expect(decode('#v=1&steer=0.5', bounds).twin).toBeNull();
    expect(decode('#v=1&twin=1', bounds).twin).toEqual({ steer: 0, channel: null, boundary: null });
    expect(decode('#v=1&twin=1&flip=1', bounds).twin).toEqual({ steer: 1, channel: null, boundary: null });
    expect(decode('#v=1&twin=1&steer=0.25&channel=1.mlp.act_in.007&switch=3', bounds).twin).toEqual({ steer: 0.25, channel: '1.mlp.act_in.7', boundary: 3 });
  });
  it.each([
    ['twin=yes', null, 'link-flag'],
    ['twin=1&steer=1.5', { steer: 0, channel: null, boundary: null }, 'link-steer'],
    ['twin=1&steer=-0.5', { steer: 0, channel: null, boundary: null }, 'link-steer'],
    ['twin=1&steer=NaN', { steer: 0, channel: null, boundary: null }, 'link-steer'],
    ['twin=1&channel=1.attn.q.4', { steer: 0, channel: null, boundary: null }, 'link-channel'],
    ['twin=1&channel=9.attn.act_in.4', { steer: 0, channel: null, boundary: null }, 'link-channel'],
    ['twin=1&channel=nonsense', { steer: 0, channel: null, boundary: null }, 'link-channel'],
    ['twin=1&switch=5', { steer: 0, channel: null, boundary: null }, 'link-switch'],
    ['twin=1&switch=-1', { steer: 0, channel: null, boundary: null }, 'link-switch'],
  ])('replaces %s and gives notice', (link, twin, kind) => {
    const decoded = decode(`#v=1&${link}`, bounds);
    expect(decoded.twin).toEqual(twin);
    expect(decoded.notices.map((notice) => notice.kind)).toEqual([kind]);
  });
});
